namespace Retouch.Vit;

/// <summary>What the tensors of a model do not show; null stands for what is usual. Immutable.</summary>
public sealed record VitTraits
{
    /// <summary>
    /// The number of attention heads; usually one for 64 channels, as published ViTs from Ti to L have, and 16 for the
    /// wider ones.
    /// </summary>
    public int? Heads { get; init; }

    /// <summary>
    /// The non-linearity; usually <see cref="VitActivation.Gelu"/>, and of gates <see cref="VitActivation.Silu"/>.
    /// </summary>
    public VitActivation? Activation { get; init; }

    /// <summary>
    /// The constant that layer normalization adds to the variance, above 0 and below 1; usually 1e-6.
    /// </summary>
    public double? NormEpsilon { get; init; }

    /// <summary>What the classifier reads; usually [CLS] where there is one and no norm after the pooling.</summary>
    public VitPooling? Pooling { get; init; }

    /// <summary>Whether norms stand after the branches of a block; usually before.</summary>
    public bool? PostNorm { get; init; }

    /// <summary>Rotary positions; usually none, and DINOv3's where there are no others.</summary>
    public VitRope? Rope { get; init; }

    /// <summary>The side of the images in pixels, where no tensor shows it.</summary>
    public int? ImageSize { get; init; }

    /// <summary>The heads of attention pooling; usually as many as a block has.</summary>
    public int? PoolHeads { get; init; }

    /// <summary>Whether there is a norm after the last block, before or after the pooling; usually there is.</summary>
    public bool? LastNorm { get; init; }

    /// <summary>Whether what the classifier reads is scaled to length 1, for class embeddings; usually not.</summary>
    public bool? Cosine { get; init; }

    /// <summary>These traits, and where they leave one open, the other's.</summary>
    public VitTraits Or(VitTraits other) =>
        new()
        {
            Heads = Heads ?? other.Heads,
            Activation = Activation ?? other.Activation,
            NormEpsilon = NormEpsilon ?? other.NormEpsilon,
            Pooling = Pooling ?? other.Pooling,
            PostNorm = PostNorm ?? other.PostNorm,
            Rope = Rope ?? other.Rope,
            ImageSize = ImageSize ?? other.ImageSize,
            PoolHeads = PoolHeads ?? other.PoolHeads,
            LastNorm = LastNorm ?? other.LastNorm,
            Cosine = Cosine ?? other.Cosine,
        };
}
