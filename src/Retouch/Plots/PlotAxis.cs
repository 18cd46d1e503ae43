namespace Retouch.Plots;

/// <summary>One axis of a panel. Immutable.</summary>
/// <param name="Label">What it shows, with its unit.</param>
sealed record PlotAxis(string Label = "")
{
    /// <summary>How values are mapped to places.</summary>
    public AxisScale Scale { get; init; }

    /// <summary>
    /// The value at its beginning; null, or a number that the scale cannot show, for what the data need.
    /// </summary>
    public double? Min { get; init; }

    /// <summary>The value at its end; null, or a number that the scale cannot show, for what the data need.</summary>
    public double? Max { get; init; }

    /// <summary>Whether values are shares, to be written as percentages: 0.25 as 25 %.</summary>
    public bool Percent { get; init; }
}
