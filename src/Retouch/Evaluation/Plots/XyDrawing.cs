using System.Text;

namespace Retouch.Evaluation;

/// <summary>Axes with ticks and grid, and the series between them.</summary>
sealed class XyDrawing : PanelDrawing
{
    const double TextSize = PlotTheme.TextSize, TickGap = 9, LabelRoom = TextSize + 8;

    readonly XyPanel _panel;
    readonly IReadOnlyDictionary<PlotSeries, int> _colors;
    readonly AxisRange _x, _y;
    readonly AxisTicks _yTicks;
    readonly double _height;
    readonly bool _empty;

    public XyDrawing(XyPanel panel, IReadOnlyDictionary<PlotSeries, int> colors, PlotLegend legend, double width) : base(panel, legend, width)
    {
        (_panel, _colors) = (panel, colors);
        _height = Math.Round(width * 0.6);
        PlotPoint[] points = [.. panel.Series.SelectMany(s => s.Points).Where(p => AxisRange.Holds(p.X, panel.X.Scale) && AxisRange.Holds(p.Y, panel.Y.Scale))];
        _empty = points.Length == 0;
        _x = AxisRange.Of(panel.X, points.SelectMany(p => Extent(p.X, p.XInterval)));
        _y = AxisRange.Of(panel.Y, points.SelectMany(p => Extent(p.Y, p.YInterval)));
        _yTicks = AxisTicks.Of(_y, most: (int)(_height / 36), panel.Y.Percent);
    }

    public override double Left => _yTicks.Labels.Select(l => SvgText.Width(l, TextSize)).DefaultIfEmpty().Max() + TickGap + (_panel.Y.Label.Length > 0 ? LabelRoom : 0);

    public override double Body => _height + TickGap + TextSize + 5 + (_panel.X.Label.Length > 0 ? LabelRoom : 0);

    static IEnumerable<double> Extent(double value, (double Low, double High)? interval) => interval is var (low, high) ? [value, low, high] : [value];

    protected override void DrawData(StringBuilder svg, double x, double y, double wide, double cell)
    {
        AxisTicks ticks = XTicks(wide, out double overhang);
        // The last label is centred under the axis's end.
        double width = wide - overhang;
        double bottom = y + _height;
        svg.Append("<g class=\"rp-grid\">");
        foreach (double tick in _yTicks.Values)
            svg.Append($"<path d=\"M{SvgText.Number(x)} {SvgText.Number(bottom - _y.Place(tick) * _height)}h{SvgText.Number(width)}\"/>");
        foreach (double tick in ticks.Values)
            svg.Append($"<path d=\"M{SvgText.Number(x + _x.Place(tick) * width)} {SvgText.Number(y)}v{SvgText.Number(_height)}\"/>");
        svg.Append($"</g>\n<path d=\"M{SvgText.Number(x)} {SvgText.Number(y)}V{SvgText.Number(bottom)}H{SvgText.Number(x + width)}\" class=\"rp-axis\" fill=\"none\"/>\n");
        foreach ((double tick, string label) in _yTicks.Values.Zip(_yTicks.Labels))
            Text(svg, label, x - TickGap, bottom - _y.Place(tick) * _height + TextSize * 0.36, "end");
        foreach ((double tick, string label) in ticks.Values.Zip(ticks.Labels))
            Text(svg, label, x + _x.Place(tick) * width, bottom + TickGap + TextSize, "middle");
        if (_panel.X.Label.Length > 0)
            Text(svg, SvgText.Fit(_panel.X.Label, TextSize, wide), x + width / 2, bottom + TickGap + TextSize * 2 + 7, "middle", "rp-ink");
        if (_panel.Y.Label.Length > 0)
            Text(svg, SvgText.Fit(_panel.Y.Label, TextSize, _height + 30), cell + TextSize * 0.85, y + _height / 2, "middle", "rp-ink", Turned(-90, cell + TextSize * 0.85, y + _height / 2));
        if (_empty)
        {
            Text(svg, "no data", x + width / 2, y + _height / 2, "middle");
            return;
        }

        SeriesDrawing[] series = [.. _panel.Series.Select(s => new SeriesDrawing(s, _colors[s], _x, _y, _panel.X.Percent, _panel.Y.Percent, width, _height))];
        // A nested picture cuts off what leaves it, without an id that would have to be unique in a page.
        const double Slack = 1.5;
        svg.Append($"<svg x=\"{SvgText.Number(x - Slack)}\" y=\"{SvgText.Number(y - Slack)}\" width=\"{SvgText.Number(width + 2 * Slack)}\" height=\"{SvgText.Number(_height + 2 * Slack)}\" overflow=\"hidden\">")
            .Append($"<g transform=\"translate({SvgText.Number(Slack)} {SvgText.Number(Slack)})\">\n");
        foreach (SeriesDrawing s in series)
            s.Bands(svg);
        foreach (SeriesDrawing s in series)
            s.Lines(svg);
        svg.Append("</g></svg>\n");
        // Not cut: a marker on the border is whole.
        svg.Append($"<g transform=\"translate({SvgText.Number(x)} {SvgText.Number(y)})\">\n");
        foreach (SeriesDrawing s in series)
            s.Markers(svg);
        svg.Append("</g>\n");
    }

    AxisTicks XTicks(double wide, out double overhang)
    {
        for (int most = (int)(wide / 45); ; most--)
        {
            AxisTicks ticks = AxisTicks.Of(_x, Math.Max(most, 2), _panel.X.Percent);
            double[] widths = [.. ticks.Labels.Select(l => SvgText.Width(l, TextSize))];
            double[] places = [.. ticks.Values.Select(_x.Place)];
            overhang = ticks.Values.Count == 0 ? 0 : Math.Max(0, (widths[^1] / 2 - (1 - places[^1]) * wide) * 1.1);
            double width = wide - overhang;
            bool fits = true;
            for (int i = 1; i < places.Length; i++)
                fits &= (places[i] - places[i - 1]) * width >= (widths[i] + widths[i - 1]) / 2 + 8;
            if (fits || most <= 2)
                return ticks;
        }
    }
}
