namespace Retouch.Plots;

/// <summary>Series over two axes. What lies outside of an axis's given range is cut off. Immutable.</summary>
/// <param name="Title">What stands above it.</param>
/// <param name="X">The horizontal axis.</param>
/// <param name="Y">The vertical axis.</param>
/// <param name="Series">What is drawn, the first below the others.</param>
sealed record XyPanel(string Title, PlotAxis X, PlotAxis Y, IReadOnlyList<PlotSeries> Series) : PlotPanel(Title);
