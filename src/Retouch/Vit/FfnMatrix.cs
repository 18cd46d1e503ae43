namespace Retouch.Vit;

/// <summary>Which of a feed-forward network's two weight matrices.</summary>
public enum FfnMatrix
{
    /// <summary><c>fc1.weight [H,D]</c>: a hidden unit's row.</summary>
    Fc1,

    /// <summary><c>fc2.weight [D,H]</c>: a hidden unit's column.</summary>
    Fc2,
}
