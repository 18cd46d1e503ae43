using System.Text;

namespace Retouch.Plots;

/// <summary>Axes with ticks and grid, and the series between them.</summary>
sealed class XyDrawing : PanelDrawing
{
    const double TextSize = PlotTheme.TextSize;
    const double TickGap = 9;
    const double LabelRoom = TextSize + 8;

    readonly XyPanel _panel;
    readonly IReadOnlyDictionary<PlotSeries, int> _colors;
    readonly AxisRange _x;
    readonly AxisRange _y;
    readonly AxisTicks _yTicks;
    readonly double _height;
    readonly bool _empty;

    public XyDrawing(XyPanel panel, IReadOnlyDictionary<PlotSeries, int> colors, PlotLegend legend, double width)
        : base(panel, legend, width)
    {
        (_panel, _colors) = (panel, colors);
        _height = Math.Round(width * 0.6);
        PlotPoint[] points =
        [
            .. panel
                .Series.SelectMany(s => s.Points)
                .Where(p => AxisRange.Holds(p.X, panel.X.Scale) && AxisRange.Holds(p.Y, panel.Y.Scale)),
        ];
        _empty = points.Length == 0;
        _x = AxisRange.Of(panel.X, points.SelectMany(p => Extent(p.X, p.XInterval)));
        _y = AxisRange.Of(panel.Y, points.SelectMany(p => Extent(p.Y, p.YInterval)));
        _yTicks = AxisTicks.Of(_y, most: (int)(_height / 36), panel.Y.Percent);
    }

    public override double Left =>
        _yTicks.Labels.Select(l => SvgText.Width(l, TextSize)).DefaultIfEmpty().Max()
        + TickGap
        + (_panel.Y.Label.Length > 0 ? LabelRoom : 0);

    public override double Body => _height + TickGap + TextSize + 5 + (_panel.X.Label.Length > 0 ? LabelRoom : 0);

    static IEnumerable<double> Extent(double value, (double Low, double High)? interval) =>
        interval is var (low, high) ? [value, low, high] : [value];

    protected override void DrawData(StringBuilder svg, double x, double y, double wide, double cell)
    {
        AxisTicks ticks = XTicks(wide, out double overhang);
        // The last label is centred under the axis's end.
        double width = wide - overhang;
        double bottom = y + _height;
        svg.Append("<g class=\"rp-grid\">");
        foreach (double tick in _yTicks.Values)
            svg.Append(
                $"<path d=\"M{SvgText.Number(x)} "
                    + $"{SvgText.Number(bottom - _y.Place(tick) * _height)}h{SvgText.Number(width)}\"/>"
            );
        foreach (double tick in ticks.Values)
            svg.Append(
                $"<path d=\"M{SvgText.Number(x + _x.Place(tick) * width)} "
                    + $"{SvgText.Number(y)}v{SvgText.Number(_height)}\"/>"
            );
        svg.Append(
            $"</g>\n<path d=\"M{SvgText.Number(x)} "
                + $"{SvgText.Number(y)}V{SvgText.Number(bottom)}H{SvgText.Number(x + width)}\" class=\"rp-axis\" "
                + "fill=\"none\"/>\n"
        );
        foreach ((double tick, string label) in _yTicks.Values.Zip(_yTicks.Labels))
            Text(svg, label, x - TickGap, bottom - _y.Place(tick) * _height + TextSize * 0.36, "end");
        foreach ((double tick, string label) in ticks.Values.Zip(ticks.Labels))
            Text(svg, label, x + _x.Place(tick) * width, bottom + TickGap + TextSize, "middle");
        if (_panel.X.Label.Length > 0)
            Text(
                svg,
                SvgText.Fit(_panel.X.Label, TextSize, wide),
                x + width / 2,
                bottom + TickGap + TextSize * 2 + 7,
                "middle",
                "rp-ink"
            );
        if (_panel.Y.Label.Length > 0)
            Text(
                svg,
                SvgText.Fit(_panel.Y.Label, TextSize, _height + 30),
                cell + TextSize * 0.85,
                y + _height / 2,
                "middle",
                "rp-ink",
                Turned(-90, cell + TextSize * 0.85, y + _height / 2)
            );
        if (_empty)
        {
            Text(svg, "no data", x + width / 2, y + _height / 2, "middle");
            return;
        }

        SeriesDrawing[] series =
        [
            .. _panel.Series.Select(s => new SeriesDrawing(
                s,
                _colors[s],
                _x,
                _y,
                _panel.X.Percent,
                _panel.Y.Percent,
                width,
                _height
            )),
        ];
        // A nested picture cuts off what leaves it, without an id that would have to be unique in a page.
        const double Slack = 1.5;
        svg.Append(
                $"<svg x=\"{SvgText.Number(x - Slack)}\" y=\"{SvgText.Number(y - Slack)}\" "
                    + $"width=\"{SvgText.Number(width + 2 * Slack)}\" "
                    + $"height=\"{SvgText.Number(_height + 2 * Slack)}\" overflow=\"hidden\">"
            )
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
        Names(svg, series, width);
        svg.Append("</g>\n");
    }

    /// <summary>
    /// Puts names beside last points, where they hide neither one another nor, if it can be helped, a marker.
    /// </summary>
    void Names(StringBuilder svg, SeriesDrawing[] series, double width)
    {
        const double Away = 11;
        const double Size = TextSize;
        const double Ascent = TextSize * 0.8;
        (double X, double Y)[] markers = [.. series.SelectMany(s => s.Places())];
        List<(double Left, double Top, double Right, double Bottom)> taken = [];
        foreach (
            (int i, SeriesDrawing drawn) in series
                .Index()
                .Where(s => _panel.Series[s.Index] is { Direct: true, Name.Length: > 0 })
        )
        {
            if (drawn.Places() is not [.., var last])
                continue;
            double wide = SvgText.Width(_panel.Series[i].Name, Size);
            // Anchors: end of the name to the left of the point, or its start to the right, each also above and below.
            (double X, double Y, string Anchor)[] places =
            [
                (last.X + Away, last.Y + Size * 0.36, "start"),
                (last.X - Away, last.Y + Size * 0.36, "end"),
                (last.X + Away, last.Y - Away * 0.5, "start"),
                (last.X + Away, last.Y + Away + Size * 0.5, "start"),
                (last.X - Away, last.Y - Away * 0.5, "end"),
                (last.X - Away, last.Y + Away + Size * 0.5, "end"),
                (last.X + Away, last.Y - Away * 2.2, "start"),
                (last.X + Away, last.Y + Away * 2 + Size * 0.8, "start"),
                (last.X - Away, last.Y - Away * 2.2, "end"),
                (last.X - Away, last.Y + Away * 2 + Size * 0.8, "end"),
            ];
            var free = places
                .Select(p => (Place: p, Box: Box(p, wide)))
                .Where(p =>
                    p.Box.Left >= 0
                    && p.Box.Right <= width
                    && p.Box.Top >= 0
                    && p.Box.Bottom <= _height
                    && !taken.Any(t =>
                        t.Left < p.Box.Right && p.Box.Left < t.Right && t.Top < p.Box.Bottom && p.Box.Top < t.Bottom
                    )
                )
                .ToArray();
            if (free.Length == 0)
                continue;
            var best = free.MinBy(p =>
                markers.Count(m =>
                    m.X > p.Box.Left - 5 && m.X < p.Box.Right + 5 && m.Y > p.Box.Top - 5 && m.Y < p.Box.Bottom + 5
                )
            );
            taken.Add(best.Box);
            drawn.Label(svg, best.Place.X, best.Place.Y, best.Place.Anchor);
        }

        static (double Left, double Top, double Right, double Bottom) Box(
            (double X, double Y, string Anchor) place,
            double wide
        ) =>
            (
                place.Anchor == "end" ? place.X - wide : place.X,
                place.Y - Ascent,
                place.Anchor == "end" ? place.X : place.X + wide,
                place.Y + Size * 0.2
            );
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
