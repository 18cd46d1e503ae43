namespace Retouch.Locating;

/// <summary>How far a preparation is.</summary>
/// <param name="Done">Images or steps done.</param>
/// <param name="Total">Images or steps in all.</param>
/// <param name="Loss">The running loss of what is trained, or null if nothing is.</param>
public readonly record struct PreparationProgress(int Done, int Total, double? Loss = null);
