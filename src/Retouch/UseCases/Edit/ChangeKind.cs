namespace Retouch.UseCases;

/// <summary>What a changed prediction is where the right class is known.</summary>
public enum ChangeKind
{
    /// <summary>It was right and is no longer.</summary>
    Damaged,

    /// <summary>It was wrong and is right now.</summary>
    Corrected,

    /// <summary>It was wrong and is wrong otherwise.</summary>
    Wrong,
}
