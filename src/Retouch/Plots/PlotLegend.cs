using System.Text;

namespace Retouch.Plots;

/// <summary>
/// The names of series with how they are drawn, in rows above the data; nothing where one series needs no telling
/// apart.
/// </summary>
sealed class PlotLegend
{
    const double Swatch = 30;
    const double Space = 7;
    const double Between = 20;
    const double Line = 25;

    readonly List<(PlotSeries Series, int Color, string Text, double X, double Y)> _entries = [];

    public PlotLegend(IReadOnlyList<(PlotSeries Series, int Color)> entries, double width)
    {
        if (entries.Count < 2)
            return;
        (double x, double y) = (0, 0);
        foreach ((PlotSeries series, int color) in entries)
        {
            string text = SvgText.Fit(series.Name, PlotTheme.TextSize, width - Swatch - Space);
            double needed = Swatch + Space + SvgText.Width(text, PlotTheme.TextSize);
            if (x > 0 && x + needed > width)
                (x, y) = (0, y + Line);
            _entries.Add((series, color, text, x, y));
            x += needed + Between;
        }
        Height = y + Line;
    }

    public double Height { get; }

    public void Draw(StringBuilder svg, double left, double top)
    {
        foreach ((PlotSeries series, int color, string text, double x, double y) in _entries)
        {
            (double middle, double from) = (top + y + Line / 2, left + x);
            svg.Append(SeriesDrawing.Group(series, color));
            if (series.Band && series.Points.Any(p => p.YInterval is not null))
                svg.Append(
                    $"<rect x=\"{SvgText.Number(from)}\" y=\"{SvgText.Number(middle - 7)}\" width=\"{Swatch}\" "
                        + "height=\"14\" fill=\"currentColor\" fill-opacity=\"0.18\" stroke=\"none\"/>"
                );
            if (series.Line != LineShape.None)
                svg.Append($"<path d=\"M{SvgText.Number(from)} {SvgText.Number(middle)}h{Swatch}\"/>");
            if (series.Markers || series.Line == LineShape.None)
                SeriesDrawing.Marker(svg, color, from + Swatch / 2, middle, "");
            svg.Append("</g>");
            svg.Append(
                $"<text x=\"{SvgText.Number(from + Swatch + Space)}\" "
                    + $"y=\"{SvgText.Number(middle + PlotTheme.TextSize * 0.36)}\" "
                    + $"class=\"rp-ink\">{SvgText.Escape(text)}</text>\n"
            );
        }
    }
}
