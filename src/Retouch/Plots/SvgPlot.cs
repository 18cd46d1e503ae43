using System.Text;
using Retouch.Formats;

namespace Retouch.Plots;

/// <summary>
/// A figure of one panel or a grid of several, which writes itself as SVG: text stays text, colours follow the
/// reader's light or dark theme and are told apart by the colour-blind, and the same figure gives the same
/// bytes everywhere. It scales with the page: one column reads well from 400 to 1400 pixels of width.
/// Immutable.
/// </summary>
/// <param name="Title">What stands above all; empty for nothing.</param>
/// <param name="Panels">The panels, row by row.</param>
public sealed record SvgPlot(string Title, IReadOnlyList<PlotPanel> Panels)
{
    /// <summary>The number of colours; series beyond are told apart by dashes.</summary>
    public const int Colors = 8;

    const double Edge = 14;
    const double Gap = 26;

    /// <summary>
    /// Panels beside each other; null (or less than 1) for one where there is one panel, else two. Above two, text is
    /// small on a phone.
    /// </summary>
    public int? Columns { get; init; }

    /// <summary>
    /// Whether one legend serves all panels, series of one name then having one colour, or each panel has
    /// its own, or null for one where a panel has all names that there are.
    /// </summary>
    public bool? SharedLegend { get; init; }

    /// <summary>Whether names stand in a legend; not where the page around it says them.</summary>
    public bool Legend { get; init; } = true;

    /// <summary>
    /// The width of a panel in the plot's units, in which text is 17 high, or null for 640 of one column and 372 of
    /// several. A narrow panel keeps its text large where it is shown small.
    /// </summary>
    public double? PanelWidth { get; init; }

    /// <summary>Writes <see cref="ToSvg()"/> to a file, completely or not at all.</summary>
    /// <exception cref="BadInputException">The file cannot be written, or exists and may not be replaced.</exception>
    public void Save(string path, bool overwrite) =>
        AtomicFile.Write(path, overwrite, stream => stream.Write(Encoding.UTF8.GetBytes(ToSvg())));

    /// <summary>The figure as an SVG document, which may stand alone or within HTML.</summary>
    public string ToSvg() => ToSvg(styled: true);

    /// <summary>The figure as a part of a page that has <see cref="PlotTheme.Css"/> already.</summary>
    internal string ToSvg(bool styled)
    {
        int columns = Columns is int c and >= 1
            ? Math.Min(c, Math.Max(Panels.Count, 1))
            : Math.Min(Math.Max(Panels.Count, 1), 2);
        double panelWidth =
            PanelWidth is double given and >= 100 and <= 4000 ? given
            : columns == 1 ? 640
            : 372;
        double width = columns * panelWidth + (columns - 1) * Gap + 2 * Edge;

        bool shared = Panels.Count > 1 && (SharedLegend ?? OnePanelHasAllNames());
        Dictionary<PlotSeries, int>[] colors = AssignColors(shared);
        PlotLegend legend = new(shared ? Entries(Enumerable.Range(0, Panels.Count), colors) : [], width - 2 * Edge);
        PanelDrawing[] drawings =
        [
            .. Panels.Select(
                (panel, i) =>
                    PanelDrawing.Of(
                        panel,
                        colors[i],
                        new PlotLegend(shared ? [] : Entries([i], colors), panelWidth),
                        panelWidth
                    )
            ),
        ];

        StringBuilder body = new();
        double y = Edge;
        foreach (string line in SvgText.Wrap(Title, PlotTheme.TitleSize, width - 2 * Edge, 3))
        {
            y += PlotTheme.TitleSize;
            body.Append(
                $"<text x=\"{SvgText.Number(Edge)}\" y=\"{SvgText.Number(y)}\" class=\"rp-ink\" "
                    + $"font-size=\"{PlotTheme.TitleSize}\" font-weight=\"600\">{SvgText.Escape(line)}</text>\n"
            );
            y += 4;
        }
        legend.Draw(body, Edge, y + 6);
        y += legend.Height + (y > Edge ? 14 : 0);
        double[] lefts =
        [
            .. Enumerable
                .Range(0, columns)
                .Select(c => drawings.Where((_, i) => i % columns == c).Select(d => d.Left).DefaultIfEmpty().Max()),
        ];
        for (int first = 0; first < drawings.Length; first += columns)
        {
            PanelDrawing[] row = drawings[first..Math.Min(first + columns, drawings.Length)];
            double head = row.Max(d => d.Head);
            foreach ((int i, PanelDrawing drawing) in row.Index())
                drawing.Draw(body, Edge + i * (panelWidth + Gap), y, lefts[i], head);
            y += head + row.Max(d => d.Body) + (first + columns < drawings.Length ? Gap : 0);
        }
        double height = y + Edge;

        string size = $"{SvgText.Number(width)} {SvgText.Number(height)}";
        return $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{SvgText.Number(
                width
            )}" height="{SvgText.Number(
                height
            )}" style="max-width:100%;height:auto" role="img" aria-label="{SvgText.Escape(
                Title
            )}" font-family="system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif" font-size="{PlotTheme.TextSize}">
            {(styled ? $"<style>{PlotTheme.Css}</style>\n" : "")}<rect width="{SvgText.Number(
                width
            )}" height="{SvgText.Number(height)}" class="rp-paper"/>
            {body}</svg>

            """.ReplaceLineEndings(
            "\n"
        );
    }

    bool OnePanelHasAllNames()
    {
        HashSet<string>[] names =
        [
            .. Panels.Select(p => Series(p).Where(s => s.Name.Length > 0).Select(s => s.Name).ToHashSet()),
        ];
        int all = names.SelectMany(n => n).Distinct().Count();
        return names.Any(n => n.Count == all);
    }

    static IReadOnlyList<PlotSeries> Series(PlotPanel panel) => panel is XyPanel xy ? xy.Series : [];

    // By reference: two series that are equal in all may still be two lines.
    Dictionary<PlotSeries, int>[] AssignColors(bool shared)
    {
        Dictionary<PlotSeries, int>[] colors =
        [
            .. Panels.Select(_ => new Dictionary<PlotSeries, int>(ReferenceEqualityComparer.Instance)),
        ];
        foreach (
            int[] scope in shared
                ? (int[][])
                    [
                        [.. Enumerable.Range(0, Panels.Count)],
                    ]
                : [.. Enumerable.Range(0, Panels.Count).Select(i => new[] { i })]
        )
        {
            HashSet<int> taken =
            [
                .. scope.SelectMany(i => Series(Panels[i])).Where(s => s.Color is >= 0).Select(s => s.Color!.Value),
            ];
            Dictionary<string, int> named = [];
            foreach ((int panel, PlotSeries series) in scope.SelectMany(i => Series(Panels[i]).Select(s => (i, s))))
            {
                int color;
                if (series.Color is >= 0)
                {
                    color = series.Color.Value;
                }
                else if (series.Muted || !named.TryGetValue(series.Name, out color))
                {
                    color = 0;
                    while (!series.Muted && !taken.Add(color))
                        color++;
                }
                if (series.Name.Length > 0 && !series.Muted)
                    named.TryAdd(series.Name, color);
                colors[panel][series] = color;
            }
        }
        return colors;
    }

    IReadOnlyList<(PlotSeries, int)> Entries(IEnumerable<int> panels, Dictionary<PlotSeries, int>[] colors) =>
        !Legend
            ? []
            :
            [
                .. panels
                    .SelectMany(i => Series(Panels[i]).Select(s => (s, colors[i][s])))
                    .Where(e => e.s.Name.Length > 0)
                    .DistinctBy(e => e.s.Name),
            ];
}
