using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>What a name of one of timm's models says. Immutable.</summary>
/// <param name="Width">Width of a token of the first block.</param>
/// <param name="Heads">Attention heads; 0 where tensors show them.</param>
/// <param name="NormEpsilon">The norms' epsilon.</param>
/// <param name="Activation">The non-linearity.</param>
/// <param name="Pooling">What the classifier reads.</param>
sealed record TimmArchitecture(int Width, int Heads, double NormEpsilon, VitActivation Activation, VitPooling Pooling)
{
    /// <summary>Whether the norms stand after the branches.</summary>
    public bool PostNorm { get; init; }

    /// <summary>Rotary positions; none unless told otherwise.</summary>
    public VitRope Rope { get; init; } = VitRope.None;

    /// <summary>Heads of attention pooling; null for as many as a block has.</summary>
    public int? PoolHeads { get; init; }

    /// <summary>Whether there is a [CLS] token whatever the classifier reads; false where that is not known.</summary>
    public bool ClassToken { get; init; }

    /// <summary>Whether patches have learned positions; false where that is not known.</summary>
    public bool Positions { get; init; }

    /// <summary>Registers; 0 where they are not known.</summary>
    public int Registers { get; init; }

    /// <summary>Whether there is a norm after the last block.</summary>
    public bool LastNorm { get; init; } = true;

    /// <summary>Whether it is built by timm's class for EVA, whose attention pooling reads all tokens.</summary>
    public bool IsEva { get; init; }
}
