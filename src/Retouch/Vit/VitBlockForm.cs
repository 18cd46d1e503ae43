namespace Retouch.Vit;

/// <summary>
/// What the blocks of an architecture have that a plain ViT's have not: data that the forward reads piece by piece.
/// The default is a plain ViT's. Immutable.
/// </summary>
public sealed record VitBlockForm
{
    /// <summary>A plain ViT's block: norm, attention, norm, feed-forward network.</summary>
    public static VitBlockForm Plain { get; } = new();

    /// <summary>Whether the norms stand after the branches, on what is added, instead of before them.</summary>
    public bool PostNorm { get; init; }

    /// <summary>Whether queries and keys are normalized head by head.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Whether what attention has mixed is normalized before it is projected.</summary>
    public bool MixedNorm { get; init; }

    /// <summary>
    /// Whether the feed-forward network is gated (Shazeer, "GLU Variants Improve Transformer", 2020): a hidden unit is
    /// what fc1 gives, times its gate, another row's product through <see cref="VitConfig.Activation"/>. With
    /// <see cref="VitActivation.Silu"/> that is SwiGLU.
    /// </summary>
    public bool GatedFfn { get; init; }

    /// <summary>Whether hidden units are normalized before fc2 reads them.</summary>
    public bool HiddenNorm { get; init; }

    /// <summary>The biases that attention has by relative position.</summary>
    public RelativePositions RelativePositions { get; init; }

    /// <summary>The rotation of queries and keys by position; null for none.</summary>
    public VitRope? Rope { get; init; }
}
