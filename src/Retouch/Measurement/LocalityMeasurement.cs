namespace Retouch.Measurement;

/// <summary>What an edit changed among images that it should leave alone.</summary>
/// <param name="Images">The number of images compared.</param>
/// <param name="Changed">Those whose prediction changed, in order.</param>
public sealed record LocalityMeasurement(int Images, IReadOnlyList<PredictionChange> Changed)
{
    /// <summary>
    /// The locality rate LR: the share of images whose prediction did not change, in [0,1]; 1 of no images.
    /// </summary>
    public double Rate => Images == 0 ? 1 : 1 - (double)Changed.Count / Images;

    /// <summary>The same among some of the images.</summary>
    /// <param name="images">Their places in the set, each once.</param>
    public LocalityMeasurement Among(IReadOnlyCollection<int> images)
    {
        HashSet<int> some = [.. images];
        return new LocalityMeasurement(some.Count, [.. Changed.Where(c => some.Contains(c.Image))]);
    }
}
