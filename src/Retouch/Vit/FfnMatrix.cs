namespace Retouch.Vit;

/// <summary>Which of a feed-forward network's weight matrices.</summary>
public enum FfnMatrix
{
    /// <summary><c>fc1.weight [H,D]</c>: a hidden unit's row.</summary>
    Fc1,

    /// <summary><c>fc2.weight [D,H]</c>: a hidden unit's column.</summary>
    Fc2,

    /// <summary><c>gate.weight [H,D]</c> of a gated network: the row of a hidden unit's gate.</summary>
    Gate,
}
