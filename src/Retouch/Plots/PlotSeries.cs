namespace Retouch.Plots;

/// <summary>A named row of points and how they are drawn. Immutable.</summary>
/// <param name="Name">What the legend calls it; empty to leave it out of the legend.</param>
/// <param name="Points">The points, in the order in which they are connected.</param>
sealed record PlotSeries(string Name, IReadOnlyList<PlotPoint> Points)
{
    /// <summary>How the points are connected.</summary>
    public LineShape Line { get; init; } = LineShape.Straight;

    /// <summary>
    /// Whether points have markers. Points without neighbours have them in any case, or they could not be seen.
    /// </summary>
    public bool Markers { get; init; }

    /// <summary>Whether the points' intervals are a band around the line, rather than error bars.</summary>
    public bool Band { get; init; }

    /// <summary>Whether it stands back: dashed, in the axes' grey, without a colour of its own.</summary>
    public bool Muted { get; init; }

    /// <summary>Whether its name stands beside its last point, too, where there is room for it.</summary>
    public bool Direct { get; init; }

    /// <summary>The line's width in the plot's units.</summary>
    public double Width { get; init; } = 2.5;

    /// <summary>
    /// The colour, in 0..<see cref="SvgPlot.Colors"/>-1, continued beyond with dashes and other markers; null
    /// for the next that is free, series of one name having the same under a shared legend.
    /// </summary>
    public int? Color { get; init; }
}
