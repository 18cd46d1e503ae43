namespace Retouch.Locating;

/// <summary>
/// How far the solving of target masks is; the measures are means over the samples solved in this run.
/// </summary>
/// <param name="Solved">Samples solved in this run.</param>
/// <param name="Total">Samples that this run has to solve.</param>
/// <param name="Before">The divergence from the originals' predictions under the unedited model.</param>
/// <param name="After">The same under the solver's last edits.</param>
/// <param name="Density">The mean of the solver's masks.</param>
public readonly record struct TargetBankProgress(int Solved, int Total, double Before, double After, double Density);
