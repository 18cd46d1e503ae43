namespace Retouch.Benchmarks;

/// <summary>What edits of a window gave. Immutable.</summary>
/// <param name="Window">The window.</param>
/// <param name="Hypervolume">
/// The area that its points dominate in GR and LR, above no generalization and no locality, in [0,1].
/// </param>
/// <param name="Points">Its point for each step size.</param>
public sealed record WindowScore(EditWindow Window, double Hypervolume, IReadOnlyList<SettingSummary> Points);
