using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Benchmarks;

/// <summary>An architecture to measure. Its weights are random, of a trained model's size: time does not depend on their values.</summary>
sealed record BenchmarkModel(string Name, int Width, int Heads, int Steps, int LocalityImages)
{
    public static readonly BenchmarkModel[] All = [new("ViT-Ti/16", 192, 3, 40, 300), new("ViT-B/16", 768, 12, 10, 48)];

    public VitModel Create()
    {
        VitConfig config = new()
        {
            ImageSize = 224,
            PatchSize = 16,
            Width = Width,
            Depth = 12,
            Heads = Heads,
            MlpWidth = 4 * Width,
            Classes = 1000,
            QkvBias = true,
        };
        using Generator generator = new(0, CPU);
        return new VitModel(config.Tensors().ToDictionary(
            t => t.Name,
            t => t.Name.Contains("norm", StringComparison.Ordinal) && t.Name.EndsWith("weight", StringComparison.Ordinal) ? ones(t.Shape) : randn(t.Shape, generator: generator).mul_(0.02)));
    }
}
