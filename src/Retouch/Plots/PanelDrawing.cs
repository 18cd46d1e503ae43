using System.Text;

namespace Retouch.Plots;

/// <summary>
/// A panel as it is drawn: its room is known first, so that panels of a row and of a column stand in line.
/// </summary>
abstract class PanelDrawing(PlotPanel panel, PlotLegend legend, double width)
{
    const double TitleLine = PlotTheme.PanelTitleSize + 5;

    readonly IReadOnlyList<string> _title = SvgText.Wrap(panel.Title, PlotTheme.PanelTitleSize, width, 2);

    public double Width => width;

    /// <summary>The room that title and legend take above the data.</summary>
    public double Head => _title.Count * TitleLine + legend.Height + 10;

    /// <summary>The room left of the data.</summary>
    public abstract double Left { get; }

    /// <summary>The height of the data and all below.</summary>
    public abstract double Body { get; }

    public static PanelDrawing Of(
        PlotPanel panel,
        IReadOnlyDictionary<PlotSeries, int> colors,
        PlotLegend legend,
        double width
    ) =>
        panel switch
        {
            XyPanel xy => new XyDrawing(xy, colors, legend, width),
            HeatMap heat => new HeatMapDrawing(heat, legend, width),
            _ => throw new NotSupportedException($"No drawing for a {panel.GetType().Name}."),
        };

    /// <summary>Draws into the cell at x, y, the data beginning at the column's left and the row's head.</summary>
    public void Draw(StringBuilder svg, double x, double y, double left, double head)
    {
        double line = y;
        foreach (string text in _title)
        {
            svg.Append(
                $"<text x=\"{SvgText.Number(x)}\" y=\"{SvgText.Number(line + PlotTheme.PanelTitleSize)}\" "
                    + $"class=\"rp-ink\" font-size=\"{PlotTheme.PanelTitleSize}\" "
                    + $"font-weight=\"600\">{SvgText.Escape(text)}</text>\n"
            );
            line += TitleLine;
        }
        legend.Draw(svg, x, line);
        DrawData(svg, x + left, y + head, width - left, x);
    }

    /// <summary>
    /// Draws the data, its area beginning at x, y and so wide with all that stands right of it; the cell begins at
    /// <paramref name="cell"/>.
    /// </summary>
    protected abstract void DrawData(StringBuilder svg, double x, double y, double wide, double cell);

    protected static void Text(
        StringBuilder svg,
        string text,
        double x,
        double y,
        string anchor,
        string style = "rp-dim",
        string more = ""
    ) =>
        svg.Append(
            $"<text x=\"{SvgText.Number(x)}\" y=\"{SvgText.Number(y)}\" text-anchor=\"{anchor}\" "
                + $"class=\"{style}\"{more}>{SvgText.Escape(text)}</text>\n"
        );

    protected static string Turned(double angle, double x, double y) =>
        $" transform=\"rotate({SvgText.Number(angle)} {SvgText.Number(x)} {SvgText.Number(y)})\"";
}
