using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>What edits do to accuracy under one kind of corruption, the mean over its strengths. Immutable.</summary>
/// <param name="Shift">The kind; null of clean images.</param>
/// <param name="Unedited">The accuracy of the unedited model, in [0,1].</param>
/// <param name="Change">How much more of the images are right after an edit, in [-1,1]; null of no image.</param>
/// <param name="NegativeFlips">
/// The share of the images that were right which an edit makes wrong; null where none was right.
/// </param>
public sealed record SideEffectLine(string? Shift, double Unedited, Estimate? Change, Estimate? NegativeFlips);
