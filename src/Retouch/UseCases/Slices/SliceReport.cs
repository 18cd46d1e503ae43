namespace Retouch.UseCases;

/// <summary>What a model is unsure of together. Immutable.</summary>
/// <param name="Slices">The slices, the largest first.</param>
/// <param name="Unsure">Of how many images it is unsure.</param>
/// <param name="Bits">
/// How many bits of an image's slice are no accident (<see cref="Measurement.Clusters"/>); 0 of one slice.
/// </param>
public sealed record SliceReport(IReadOnlyList<Slice> Slices, int Unsure, double Bits);
