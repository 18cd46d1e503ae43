namespace Retouch.Measurement;

/// <summary>A labelled image with what a model says of it, and another that it is compared with. Immutable.</summary>
/// <param name="Folder">Its source and its class by their folders' names: <c>art_painting/elephant</c>.</param>
/// <param name="Accepted">The indices that count as right, at least one.</param>
/// <param name="Path">Its path below the folder that was given, with / between the parts.</param>
/// <param name="FullPath">Where it is.</param>
/// <param name="After">What the model says.</param>
/// <param name="Before">What the model says that it is compared with; null where there is none.</param>
public sealed record CheckedImage(
    string Folder,
    IReadOnlyList<int> Accepted,
    string Path,
    string FullPath,
    RankedAnswer After,
    RankedAnswer? Before
)
{
    /// <summary>Its class: the first that counts as right.</summary>
    public int Label => Accepted[0];

    /// <summary>Whether the model is right.</summary>
    public bool IsRight => Accepted.Contains(After.Class);

    /// <summary>Whether the other model is right; null where there is none.</summary>
    public bool? WasRight => Before is null ? null : Accepted.Contains(Before.Class);

    /// <summary>What came between the two; null where there is but one.</summary>
    public FlipKind? Flip =>
        (WasRight, IsRight) switch
        {
            (null, _) => null,
            (false, true) => FlipKind.Fixed,
            (true, false) => FlipKind.Broken,
            (false, false) when Before!.Class != After.Class => FlipKind.Otherwise,
            _ => FlipKind.Unchanged,
        };
}
