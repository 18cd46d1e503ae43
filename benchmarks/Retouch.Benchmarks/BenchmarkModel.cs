using Retouch.Formats;
using Retouch.Images;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Benchmarks;

/// <summary>
/// An architecture to measure. Without a file its weights are random, of a trained model's size: time does not depend on
/// their values, but for the predictions that are so close that they are made again in float32, of which random weights have many.
/// </summary>
sealed record BenchmarkModel(string Name, int Width, int Heads, int Steps)
{
    /// <summary>Images of an LR.</summary>
    public const int LocalityImages = 300;

    /// <summary>A file of trained weights, or null.</summary>
    public string? Weights { get; init; }

    /// <summary>A folder of at least as many photos as <see cref="LocalityImages"/>, or null for noise.</summary>
    public string? Photos { get; init; }

    public static readonly BenchmarkModel[] All = [new("ViT-Ti/16", 192, 3, 40), new("ViT-B/16", 768, 12, 10)];

    public Tensor LocalityPixels()
    {
        if (Photos is null)
            return randn([LocalityImages, 3, 224, 224]);
        ImageFolder folder = ImageFolder.Open(Photos);
        return ImageLoader.LoadBatch([.. folder.Files.Take(LocalityImages).Select(folder.FullPath)], Preprocessing.Inception(224, 0.9));
    }

    public VitModel Create()
    {
        if (Weights is not null)
            return ModelFile.Load(Weights).Model;
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
