namespace Retouch.Locating;

/// <summary>How far a training is.</summary>
/// <param name="Batches">Batches learned.</param>
/// <param name="Total">Batches to learn.</param>
/// <param name="Last">The last point of the curves, or null before the first.</param>
public readonly record struct TrainingProgress(int Batches, int Total, TrainingPoint? Last);
