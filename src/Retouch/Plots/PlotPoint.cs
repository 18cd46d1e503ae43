namespace Retouch.Plots;

/// <summary>
/// A point of a series. One that is not finite (or not positive, on a logarithmic axis) is a gap in the line.
/// </summary>
/// <param name="X">Where it stands horizontally.</param>
/// <param name="Y">Where it stands vertically.</param>
readonly record struct PlotPoint(double X, double Y)
{
    /// <summary>The interval around <see cref="Y"/>, for instance a confidence interval, or null for none.</summary>
    public (double Low, double High)? YInterval { get; init; }

    /// <summary>The interval around <see cref="X"/>, or null for none.</summary>
    public (double Low, double High)? XInterval { get; init; }

    /// <summary>
    /// What shows when its marker is pointed at, instead of the series' name and both values, or null for these.
    /// </summary>
    public string? Tip { get; init; }
}
