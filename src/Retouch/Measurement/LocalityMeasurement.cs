namespace Retouch.Measurement;

/// <summary>What an edit changed among images that it should leave alone.</summary>
/// <param name="Images">The number of images compared.</param>
/// <param name="Changed">Those whose prediction changed, in order.</param>
public sealed record LocalityMeasurement(int Images, IReadOnlyList<PredictionChange> Changed)
{
    /// <summary>
    /// The class that the unedited model gives each image; empty where that was not kept, as among some of a set's
    /// images.
    /// </summary>
    public IReadOnlyList<int> Before { get; init; } = [];

    /// <summary>
    /// The locality rate LR: the share of images whose prediction did not change, in [0,1]; 1 of no images.
    /// </summary>
    public double Rate => Images == 0 ? 1 : 1 - (double)Changed.Count / Images;

    /// <summary>What of that was for better and what for worse, where the images' right classes are known.</summary>
    /// <param name="right">The classes that count as right for each image; null where unknown: not counted.</param>
    /// <exception cref="InvalidOperationException"><see cref="Before"/> was not kept.</exception>
    /// <exception cref="ArgumentException">There are not as many as images.</exception>
    public Flips Flips(IReadOnlyList<IReadOnlyList<int>?> right) => Measurement.Flips.Of(Before, After(), right);

    /// <summary>The same by the images' folders, in ordinal order, without those that have no known image.</summary>
    internal SortedDictionary<string, Flips> Flips(
        IReadOnlyList<IReadOnlyList<int>?> right,
        IReadOnlyList<string> folders
    )
    {
        int[] after = After();
        SortedDictionary<string, Flips> byFolder = new(StringComparer.Ordinal);
        for (int i = 0; i < after.Length; i++)
        {
            if (right[i] is { } known)
                byFolder[folders[i]] = byFolder
                    .GetValueOrDefault(folders[i])
                    .Plus(Measurement.Flips.OfOne(Before[i], after[i], known));
        }
        return byFolder;
    }

    /// <summary>The class that the edited model gives each image.</summary>
    /// <exception cref="InvalidOperationException"><see cref="Before"/> was not kept.</exception>
    internal int[] After()
    {
        if (Before.Count != Images)
            throw new InvalidOperationException("What the unedited model says of every image was not kept.");
        int[] after = [.. Before];
        foreach (PredictionChange change in Changed)
            after[change.Image] = change.After;
        return after;
    }

    /// <summary>The same among some of the images.</summary>
    /// <param name="images">Their places in the set, each once.</param>
    public LocalityMeasurement Among(IReadOnlyCollection<int> images)
    {
        HashSet<int> some = [.. images];
        return new LocalityMeasurement(some.Count, [.. Changed.Where(c => some.Contains(c.Image))]);
    }
}
