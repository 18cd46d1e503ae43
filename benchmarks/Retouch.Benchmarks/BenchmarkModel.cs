using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Speed;

/// <summary>
/// An architecture to measure. Without a file its weights are random, of a trained model's size: time does not depend
/// on their values, but for the predictions that are so close that they are made again in float32, of which random
/// weights have many.
/// </summary>
sealed record BenchmarkModel(string Name, int Width, int Heads, int Steps)
{
    /// <summary>Images of an LR.</summary>
    public int LocalityImages { get; init; } = 300;

    /// <summary>Height and width of an image in pixels.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>Height and width of a patch in pixels.</summary>
    public int PatchSize { get; init; } = 16;

    /// <summary>Number of classes.</summary>
    public int Classes { get; init; } = 1000;

    /// <summary>A file of trained weights, or null.</summary>
    public string? Weights { get; init; }

    /// <summary>A folder of at least as many photos as <see cref="LocalityImages"/>, or null for noise.</summary>
    public string? Photos { get; init; }

    public static readonly BenchmarkModel[] All = [new("ViT-Ti/16", 192, 3, 40), new("ViT-B/16", 768, 12, 10)];

    /// <summary>The demo's architecture: to see that every measurement runs, not what it says.</summary>
    public static readonly BenchmarkModel Smoke = new("smoke", 64, 4, 2)
    {
        LocalityImages = 20,
        ImageSize = 24,
        PatchSize = 4,
        Classes = 36,
    };

    /// <summary>Noise in place of images.</summary>
    public Tensor Noise(int images) => randn([images, 3, ImageSize, ImageSize]);

    /// <summary>
    /// The images of an LR. The caller disposes them, whatever dispose scope is open when they are made.
    /// </summary>
    /// <exception cref="BadInputException">There are fewer photos.</exception>
    public Tensor LocalityPixels()
    {
        if (Photos is null)
            return Noise(LocalityImages).DetachFromDisposeScope();
        ImageFolder folder = ImageFolder.Open(Photos);
        if (folder.Files.Count < LocalityImages)
            throw new BadInputException($"{Photos} holds {folder.Files.Count} images; an LR needs {LocalityImages}.");
        return ImageLoader
            .LoadBatch(
                [.. folder.Files.Take(LocalityImages).Select(folder.FullPath)],
                Preprocessing.Inception(ImageSize, 0.9)
            )
            .DetachFromDisposeScope();
    }

    public VitModel Create() => Weights is null ? Create(plain => plain) : ModelFile.Load(Weights).Model;

    /// <summary>A model of random weights.</summary>
    /// <param name="family">Its architecture, of a plain ViT's of these sizes.</param>
    public VitModel Create(Func<VitConfig, VitConfig> family)
    {
        VitConfig plain = new()
        {
            ImageSize = ImageSize,
            PatchSize = PatchSize,
            Width = Width,
            Depth = 12,
            Heads = Heads,
            MlpWidth = 4 * Width,
            Classes = Classes,
            QkvBias = true,
        };
        VitConfig config = family(plain);
        using Generator generator = new(0, CPU);
        return new VitModel(
            config
                .Tensors()
                .ToDictionary(
                    t => t.Name,
                    t =>
                        t.Name.Contains("norm", StringComparison.Ordinal)
                        && t.Name.EndsWith("weight", StringComparison.Ordinal)
                            ? ones(t.Shape)
                            : randn(t.Shape, generator: generator).mul_(0.02)
                ),
            config.Traits
        );
    }
}
