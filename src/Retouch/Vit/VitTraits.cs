namespace Retouch.Vit;

/// <summary>What the tensors of a model do not show; null stands for what is usual. Immutable.</summary>
public sealed record VitTraits
{
    /// <summary>
    /// The number of attention heads; usually one for 64 channels, as published ViTs from Ti to L have, and 16 for the
    /// wider ones.
    /// </summary>
    public int? Heads { get; init; }

    /// <summary>The non-linearity; usually <see cref="VitActivation.Gelu"/>.</summary>
    public VitActivation? Activation { get; init; }

    /// <summary>
    /// The constant that layer normalization adds to the variance, above 0 and below 1; usually 1e-6.
    /// </summary>
    public double? NormEpsilon { get; init; }

    /// <summary>What the classifier reads; usually [CLS] where there is one and no norm after the pooling.</summary>
    public VitPooling? Pooling { get; init; }

    /// <summary>These traits, and where they leave one open, the other's.</summary>
    public VitTraits Or(VitTraits other) =>
        new()
        {
            Heads = Heads ?? other.Heads,
            Activation = Activation ?? other.Activation,
            NormEpsilon = NormEpsilon ?? other.NormEpsilon,
            Pooling = Pooling ?? other.Pooling,
        };
}
