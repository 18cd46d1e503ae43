using Retouch.Plots;

namespace Retouch.Reports;

/// <summary>A figure of a report with its numbers.</summary>
/// <param name="Id">Its name, also of its files; of letters, digits and hyphens.</param>
/// <param name="Title">What stands above it.</param>
/// <param name="Caption">What stands below it.</param>
/// <param name="Plots">Its plots, side by side where there is room.</param>
/// <param name="Csv">The numbers as comma-separated values.</param>
sealed record ReportFigure(string Id, string Title, string Caption, IReadOnlyList<SvgPlot> Plots, string Csv)
{
    /// <summary>Its heading on the page, where the section says the rest of the title, or null for the title.</summary>
    public string? Heading { get; init; }

    /// <summary>
    /// Whether the page shows the methods' colours beside it, so that its plots need no legend there.
    /// </summary>
    public bool OfMethods { get; init; } = true;

    /// <summary>Whether the plots are many and small.</summary>
    public bool Small { get; init; }

    /// <summary>What stands above each plot; none where the plots say it.</summary>
    public IReadOnlyList<string> PlotTitles { get; init; } = [];

    /// <summary>All plots as one picture, for its file.</summary>
    public SvgPlot Whole() =>
        new(
            Title,
            [.. Plots.Select((p, i) => i < PlotTitles.Count ? p.Panels[0] with { Title = PlotTitles[i] } : p.Panels[0])]
        )
        {
            Columns = Small ? 4 : Math.Min(Plots.Count, 2),
            SharedLegend = Small ? true : null,
            PanelWidth = Plots[0].PanelWidth,
        };
}
