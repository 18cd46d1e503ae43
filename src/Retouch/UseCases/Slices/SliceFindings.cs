using Retouch.Formats;

namespace Retouch.UseCases;

/// <summary>Where a model probably fails together. Immutable.</summary>
/// <param name="Slices">The slices, those first of which an edit would mend most.</param>
/// <param name="Labels">The names of the classes.</param>
/// <param name="Images">How many images were asked about.</param>
/// <param name="Unsure">Of how many the model is unsure, or a stronger one says otherwise.</param>
/// <param name="Expected">How many of those it probably gets wrong.</param>
/// <param name="Bits">How many bits of what images look alike are no accident.</param>
/// <param name="Skipped">What was left out, and why.</param>
public sealed record SliceFindings(
    IReadOnlyList<FoundSlice> Slices,
    LabelSet Labels,
    int Images,
    int Unsure,
    double Expected,
    double Bits,
    IReadOnlyList<Problem> Skipped
);
