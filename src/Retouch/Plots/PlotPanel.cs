namespace Retouch.Plots;

/// <summary>One picture of a <see cref="SvgPlot"/>: <see cref="XyPanel"/> or <see cref="HeatMap"/>.</summary>
/// <param name="Title">What stands above it.</param>
public abstract record PlotPanel(string Title);
