namespace Retouch.UseCases;

/// <summary>A repair that was tried for the guards. Immutable.</summary>
/// <param name="Shift">How far its shared gates open; null where no gate is shared.</param>
/// <param name="Corrected">How many images it corrects.</param>
/// <param name="LocalityRate">The share of the locality images that it leaves as they are; null where none are.</param>
/// <param name="NearKept">The share of the right near images held out that stay right; null where none are.</param>
/// <param name="Keeps">Whether it keeps to the guards.</param>
public sealed record RepairPlace(double? Shift, int Corrected, double? LocalityRate, double? NearKept, bool Keeps);
