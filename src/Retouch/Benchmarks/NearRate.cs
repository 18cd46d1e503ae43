using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>What edits do to near images of one folder or class, the mean over edits. Immutable.</summary>
/// <param name="NegativeFlips">
/// The share of the images that were right which an edit makes wrong; null where none was right.
/// </param>
/// <param name="NetGain">How many more images are right after an edit.</param>
/// <param name="Images">How many images there are: those of an edit of which most count.</param>
public sealed record NearRate(Estimate? NegativeFlips, double NetGain, int Images);
