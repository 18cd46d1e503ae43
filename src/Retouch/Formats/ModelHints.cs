using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>What a user says of a model file that it does not say itself. Immutable.</summary>
public sealed record ModelHints
{
    /// <summary>The naming scheme; null to recognize it.</summary>
    public NamingScheme? Scheme { get; init; }

    /// <summary>What no tensor shows; before what files beside the model say.</summary>
    public VitTraits Traits { get; init; } = new();

    /// <summary>
    /// The side of the images in pixels, a multiple of the patch size, to which positions are interpolated, or null for
    /// the model's own.
    /// </summary>
    public int? ImageSize { get; init; }

    /// <summary>Which way up images are taken, or null for what the files say.</summary>
    public ImageOrientation? Orientation { get; init; }

    /// <summary>
    /// The file of class embeddings, <c>[C,E]</c>, for a model that compares images with those: safetensors, or a NumPy
    /// array; null for a model with a classifier.
    /// </summary>
    public string? ClassEmbeddings { get; init; }
}
