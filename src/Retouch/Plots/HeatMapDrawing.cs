using System.Globalization;
using System.Text;

namespace Retouch.Plots;

/// <summary>The squares of a heat map, its labels and its scale.</summary>
sealed class HeatMapDrawing : PanelDrawing
{
    const double TextSize = PlotTheme.TextSize;
    const double Tilt = 40;
    const double LabelGap = 8;
    const double BarWidth = 16;
    const double BarGap = 18;
    const double LargestCell = 64;

    readonly HeatMap _map;
    readonly int _rows;
    readonly int _columns;
    readonly AxisRange _range;
    readonly AxisTicks _ticks;
    readonly string[] _rowLabels;
    readonly string[] _columnLabels;
    readonly double _cell;
    readonly double _right;
    readonly bool _tilted;

    public HeatMapDrawing(HeatMap map, PlotLegend legend, double width)
        : base(map, legend, width)
    {
        _map = map;
        (_rows, _columns) = (map.Values.Count, map.Values.Select(r => r.Count).DefaultIfEmpty().Max());
        // A scale from the least to the largest has no margin, or its ends would be colours without a value.
        double[] shown =
        [
            .. map.Values.SelectMany(r => r).Where(v => AxisRange.Holds(v, AxisScale.Linear)).DefaultIfEmpty(0),
        ];
        _range = AxisRange.Of(new PlotAxis { Min = map.Min ?? shown.Min(), Max = map.Max ?? shown.Max() }, shown);
        _ticks = AxisTicks.Of(_range, most: 6, map.Percent);
        _rowLabels = [.. map.RowLabels.Take(_rows).Select(l => SvgText.Fit(l, TextSize, width * 0.36))];
        _columnLabels = [.. map.ColumnLabels.Take(_columns).Select(l => SvgText.Fit(l, TextSize, width * 0.36))];
        Left = _rowLabels.Length > 0 ? Widest(_rowLabels) + LabelGap : 0;
        _right = BarGap + BarWidth + LabelGap + Widest(_ticks.Labels) + (map.ScaleLabel.Length > 0 ? TextSize + 8 : 0);
        _cell =
            _rows == 0 || _columns == 0
                ? 0
                : Math.Min(LargestCell, Math.Min((width - Left - _right) / _columns, width * 0.8 / _rows));
        _tilted = Widest(_columnLabels) + 6 > _cell;
    }

    public override double Left { get; }

    public override double Body =>
        Math.Max(_rows * _cell, TextSize * 3)
        + (
            _columnLabels.Length == 0
                ? 4
                : LabelGap + TextSize + (_tilted ? Widest(_columnLabels) * Math.Sin(Tilt * Math.PI / 180) : 0)
        );

    static double Widest(IReadOnlyList<string> labels) =>
        labels.Select(l => SvgText.Width(l, TextSize)).DefaultIfEmpty().Max();

    protected override void DrawData(StringBuilder svg, double x, double y, double wide, double cell)
    {
        if (_cell == 0)
        {
            Text(svg, "no data", x + wide / 2, y + TextSize * 2, "middle");
            return;
        }
        // The column may have given more room on the left than this panel asked for.
        double size = Math.Min(_cell, (wide - _right) / _columns);
        Squares(svg, x, y, size);
        if (size >= SvgText.Width(Written(0.88), 15) + 6)
            Values(svg, x, y, size);
        foreach (int b in _map.Breaks.Where(b => b > 0))
        {
            if (b < _columns)
                svg.Append(
                    $"<path d=\"M{SvgText.Number(x + b * size)} {SvgText.Number(y)}v{SvgText.Number(_rows * size)}\" "
                        + "class=\"rp-halo\" stroke-width=\"2\"/>"
                );
            if (b < _rows)
                svg.Append(
                    $"<path d=\"M{SvgText.Number(x)} "
                        + $"{SvgText.Number(y + b * size)}h{SvgText.Number(_columns * size)}\" class=\"rp-halo\" "
                        + "stroke-width=\"2\"/>"
                );
        }
        double bottom = y + _rows * size;
        double nextFree = double.NegativeInfinity;
        foreach ((int i, string label) in _rowLabels.Index().Where(l => l.Item.Length > 0))
        {
            double middle = y + (i + 0.5) * size;
            if (middle < nextFree)
                continue;
            Text(svg, label, x - LabelGap, middle + TextSize * 0.36, "end");
            nextFree = middle + TextSize;
        }
        nextFree = double.NegativeInfinity;
        foreach ((int j, string label) in _columnLabels.Index().Where(l => l.Item.Length > 0))
        {
            double middle = x + (j + 0.5) * size;
            if (middle < nextFree)
                continue;
            if (_tilted)
                Text(
                    svg,
                    label,
                    middle + 5,
                    bottom + LabelGap + TextSize * 0.6,
                    "end",
                    more: Turned(-Tilt, middle + 5, bottom + LabelGap + TextSize * 0.6)
                );
            else
                Text(svg, label, middle, bottom + LabelGap + TextSize * 0.8, "middle");
            nextFree = middle + TextSize * 1.25;
        }
        Scale(svg, x + _columns * size + BarGap, y, _rows * size);
    }

    void Squares(StringBuilder svg, double x, double y, double size)
    {
        // One path a colour, and in it neighbours as one rectangle, keep large matrices small.
        OrderedDictionary<string, StringBuilder> paths = [];
        StringBuilder crosses = new();
        for (int i = 0; i < _rows; i++)
        {
            for (int j = 0, next; j < _columns; j = next)
            {
                string? color = Color(i, j);
                for (next = j + 1; next < _columns && Color(i, next) == color; )
                    next++;
                (string left, string top, string width, string height) = (
                    SvgText.Number(x + j * size),
                    SvgText.Number(y + i * size),
                    SvgText.Number((next - j) * size),
                    SvgText.Number(size)
                );
                string fill = color is null ? "class=\"rp-none\"" : $"fill=\"{color}\"";
                if (!paths.ContainsKey(fill))
                    paths.Add(fill, new());
                paths[fill].Append($"M{left} {top}h{width}v{height}h-{width}z");
                for (int k = j; k < next && color is null; k++)
                    crosses.Append(
                        $"M{SvgText.Number(x + k * size)} {top}l{height} {height}m0-{height}l-{height} {height}"
                    );
            }
        }
        svg.Append("<g shape-rendering=\"crispEdges\">");
        foreach ((string fill, StringBuilder path) in paths)
            svg.Append($"<path {fill} d=\"{path}\"/>");
        svg.Append("</g>\n");
        if (crosses.Length > 0)
            svg.Append($"<path d=\"{crosses}\" class=\"rp-axis\"/>\n");
    }

    void Values(StringBuilder svg, double x, double y, double size)
    {
        for (int i = 0; i < _rows; i++)
        {
            for (int j = 0; j < _columns; j++)
            {
                if (Color(i, j) is not null)
                    svg.Append(
                        $"<text x=\"{SvgText.Number(x + (j + 0.5) * size)}\" "
                            + $"y=\"{SvgText.Number(y + (i + 0.5) * size + 5)}\" text-anchor=\"middle\" "
                            + "font-size=\"15\" "
                            + $"fill=\"{(PlotTheme.Heat(_range.Place(_map.Values[i][j])).Bright ? "#111" : "#fff")}\">"
                            + $"{Written(_map.Values[i][j])}</text>"
                    );
            }
        }
        svg.Append('\n');
    }

    void Scale(StringBuilder svg, double x, double y, double height)
    {
        const int Steps = 64;
        double step = height / Steps;
        svg.Append("<g shape-rendering=\"crispEdges\">");
        for (int i = 0; i < Steps; i++)
            svg.Append(
                $"<rect x=\"{SvgText.Number(x)}\" y=\"{SvgText.Number(y + i * step)}\" width=\"{BarWidth}\" "
                    + $"height=\"{SvgText.Number(step + 0.3)}\" "
                    + $"fill=\"{PlotTheme.Heat(1 - (i + 0.5) / Steps).Color}\"/>"
            );
        svg.Append("</g>\n");
        double nextFree = double.PositiveInfinity;
        foreach ((double tick, string label) in _ticks.Values.Zip(_ticks.Labels))
        {
            double place = y + height * (1 - _range.Place(tick));
            if (place > nextFree)
                continue;
            Text(svg, label, x + BarWidth + LabelGap, place + TextSize * 0.36, "start");
            nextFree = place - TextSize;
        }
        double beside = x + BarWidth + LabelGap + Widest(_ticks.Labels) + TextSize;
        if (_map.ScaleLabel.Length > 0)
            Text(
                svg,
                SvgText.Fit(_map.ScaleLabel, TextSize, Math.Max(height, TextSize * 4)),
                beside,
                y + height / 2,
                "middle",
                "rp-ink",
                Turned(-90, beside, y + height / 2)
            );
    }

    string? Color(int i, int j) =>
        j < _map.Values[i].Count && AxisRange.Holds(_map.Values[i][j], AxisScale.Linear)
            ? PlotTheme.Heat(_range.Place(_map.Values[i][j])).Color
            : null;

    string Written(double value) =>
        _map.Percent
            ? (100 * value).ToString("0", CultureInfo.InvariantCulture) + "%"
            : value.ToString(
                (_range.Max - _range.Min) switch
                {
                    < 10 => "F2",
                    < 100 => "F1",
                    _ => "F0",
                },
                CultureInfo.InvariantCulture
            );
}
