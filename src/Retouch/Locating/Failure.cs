using Retouch.Patches;
using Retouch.Suffix;

namespace Retouch.Locating;

/// <summary>
/// What an edit is to correct: images that a model gets wrong, as their prefix, and the class that they
/// have. Does not own the prefix.
/// </summary>
/// <param name="State">The prefix of one image or a few.</param>
/// <param name="Label">The index of the right class; of several classes the one that most of the images have.</param>
public sealed record Failure(PrefixState State, int Label)
{
    /// <summary>The image files of the prefix, for a patch's provenance; empty where there are none.</summary>
    public IReadOnlyList<PatchImage> Images { get; init; } = [];

    /// <summary>
    /// Each image's own class; null where all have <see cref="Label"/>. Not every method can correct images of several
    /// classes together (<see cref="Editing.Method.OneClass"/>).
    /// </summary>
    public IReadOnlyList<int>? Labels { get; init; }

    /// <summary>
    /// All classes that are right for each image, its own among them; null where that is the only one.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<int>>? Accepted { get; init; }

    /// <summary>Images of the same kind that are right, for methods that keep them so; null for none.</summary>
    public KeptImages? Kept { get; init; }

    /// <summary>Images of several classes.</summary>
    /// <param name="state">Their prefix.</param>
    /// <param name="labels">The class of each.</param>
    public static Failure OfSeveral(PrefixState state, IReadOnlyList<int> labels) =>
        new(state, MostOf(labels)) { Labels = labels };

    /// <summary>The class that most have, of several the first.</summary>
    internal static int MostOf(IEnumerable<int> labels) =>
        labels.GroupBy(l => l).OrderByDescending(g => g.Count()).ThenBy(g => g.Key).First().Key;

    /// <summary>The class of each image, <c>[S]</c>.</summary>
    internal long[] EachLabel => [.. Enumerable.Range(0, State.Images).Select(i => (long)LabelOf(i))];

    /// <summary>The class of an image.</summary>
    internal int LabelOf(int image) => Labels is null ? Label : Labels[image];
}
