using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>What an edit changed among other images. Immutable.</summary>
/// <param name="Rate">The locality rate LR: the share of images that keep their prediction, in [0,1].</param>
/// <param name="Images">The number of images compared.</param>
/// <param name="Changed">Those whose prediction changed, in the folder's order.</param>
/// <param name="Skipped">Files that could not be decoded.</param>
public sealed record EditLocality(
    double Rate,
    int Images,
    IReadOnlyList<ChangedImage> Changed,
    IReadOnlyList<string> Skipped
)
{
    /// <summary>
    /// What the edit turned right and what it broke among the images whose folders name their classes; null where none
    /// does.
    /// </summary>
    public Flips? Flips { get; init; }

    /// <summary>
    /// The same by folder, those that name a class, in ordinal order; a folder is called as below the one that was
    /// given, with / between the parts.
    /// </summary>
    public IReadOnlyDictionary<string, Flips> FlipsByFolder { get; init; } = new SortedDictionary<string, Flips>();

    /// <summary>
    /// The same by class, by its index, whichever folders it has: the first class that a folder names.
    /// </summary>
    public IReadOnlyDictionary<int, Flips> FlipsByClass { get; init; } = new SortedDictionary<int, Flips>();
}
