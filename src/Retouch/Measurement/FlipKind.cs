namespace Retouch.Measurement;

/// <summary>What a change of the model did to one image whose right classes are known.</summary>
public enum FlipKind
{
    /// <summary>It is as right as before, or as wrong with the same class.</summary>
    Unchanged,

    /// <summary>It was wrong and is right.</summary>
    Fixed,

    /// <summary>It was right and is wrong: a negative flip.</summary>
    Broken,

    /// <summary>It was wrong and has another wrong class.</summary>
    Otherwise,
}
