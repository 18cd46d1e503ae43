namespace Retouch.Measurement;

/// <summary>One edit that a <see cref="GuardedEdit"/> tried. Immutable.</summary>
/// <param name="Setting">The setting that was turned: larger for more general edits.</param>
/// <param name="Success">Whether the editing images are right.</param>
/// <param name="Locality">The locality rate, in [0,1].</param>
/// <param name="Steps">Optimization steps.</param>
public sealed record GuardPoint(double Setting, bool Success, double Locality, int Steps);
