namespace Retouch.Plots;

/// <summary>
/// A matrix of numbers as coloured squares with a scale; numbers that are not finite are crossed out. Immutable.
/// </summary>
/// <param name="Title">What stands above it.</param>
/// <param name="Values">The rows, from the top, each of the same length.</param>
sealed record HeatMap(string Title, IReadOnlyList<IReadOnlyList<double>> Values) : PlotPanel(Title)
{
    /// <summary>The rows' names, as many as rows, or none. Where they stand too close, some are left out.</summary>
    public IReadOnlyList<string> RowLabels { get; init; } = [];

    /// <summary>
    /// The columns' names, as many as columns, or none. Where they stand too close, some are left out.
    /// </summary>
    public IReadOnlyList<string> ColumnLabels { get; init; } = [];

    /// <summary>Rows and columns before which a line parts the groups, in 1..count-1; others are ignored.</summary>
    public IReadOnlyList<int> Breaks { get; init; } = [];

    /// <summary>What the colours measure; stands beside the scale.</summary>
    public string ScaleLabel { get; init; } = "";

    /// <summary>The value of the first colour, or null for the least.</summary>
    public double? Min { get; init; }

    /// <summary>The value of the last colour, or null for the largest.</summary>
    public double? Max { get; init; }

    /// <summary>Whether values are shares, to be written as percentages.</summary>
    public bool Percent { get; init; }
}
