using System.Globalization;
using System.Text;

namespace Retouch.Plots;

/// <summary>A series in the coordinates of its panel's data area.</summary>
sealed class SeriesDrawing
{
    // Coordinates outside of the picture that need no digits: a line to there leaves it in the same place.
    const double Far = 1e5;

    readonly PlotSeries _series;
    readonly int _color;
    readonly AxisRange _x;
    readonly AxisRange _y;
    readonly bool _percentX;
    readonly bool _percentY;
    readonly double _width;
    readonly double _height;
    readonly List<List<PlotPoint>> _runs = [];

    public SeriesDrawing(
        PlotSeries series,
        int color,
        AxisRange x,
        AxisRange y,
        bool percentX,
        bool percentY,
        double width,
        double height
    )
    {
        (_series, _color, _x, _y, _percentX, _percentY, _width, _height) = (
            series,
            color,
            x,
            y,
            percentX,
            percentY,
            width,
            height
        );
        bool connected = false;
        foreach (PlotPoint point in series.Points)
        {
            bool shown = AxisRange.Holds(point.X, x.Scale) && AxisRange.Holds(point.Y, y.Scale);
            if (shown && !connected)
                _runs.Add([]);
            if (shown)
                _runs[^1].Add(point);
            connected = shown;
        }
    }

    /// <summary>The opening tag of a group in the series's colour and line style.</summary>
    public static string Group(PlotSeries series, int color)
    {
        string dashes = series.Muted ? "5 4" : PlotTheme.Dashes(color);
        string dashed = dashes.Length > 0 ? $" stroke-dasharray=\"{dashes}\"" : "";
        double width = double.IsFinite(series.Width) ? Math.Clamp(series.Width, 0.1, 20) : 2.5;
        return $"<g class=\"{(series.Muted ? "rp-muted" : $"rp-c{color % SvgPlot.Colors}")}\" fill=\"none\" "
            + $"stroke=\"currentColor\" stroke-width=\"{SvgText.Number(width)}\" stroke-linejoin=\"round\"{dashed}>";
    }

    /// <summary>A marker with what shows when it is pointed at.</summary>
    public static void Marker(StringBuilder svg, int color, double x, double y, string tip)
    {
        svg.Append(
            $"<path d=\"{PlotTheme.Marker(color)}\" transform=\"translate({SvgText.Number(x)} {SvgText.Number(y)})\" "
                + "class=\"rp-halo\" fill=\"currentColor\" stroke-width=\"1\" stroke-dasharray=\"none\""
        );
        svg.Append(tip.Length == 0 ? "/>" : $"><title>{SvgText.Escape(tip)}</title></path>");
    }

    public void Bands(StringBuilder svg)
    {
        if (!_series.Band)
            return;
        foreach (List<PlotPoint> run in _runs)
        {
            PlotPoint[] points =
            [
                .. run.Where(p =>
                    p.YInterval is var (low, high) && AxisRange.Holds(low, _y.Scale) && AxisRange.Holds(high, _y.Scale)
                ),
            ];
            if (points.Length < 2)
                continue;
            IEnumerable<string> upper = Thin([.. points.Select(p => (X(p.X), Y(p.YInterval!.Value.High)))])
                .Select(Pair);
            IEnumerable<string> lower = Thin([.. points.Select(p => (X(p.X), Y(p.YInterval!.Value.Low)))])
                .Select(Pair)
                .Reverse();
            svg.Append(Group(_series, _color))
                .Append(
                    $"<path d=\"M{string.Join('L', upper.Concat(lower))}Z\" fill=\"currentColor\" "
                        + "fill-opacity=\"0.18\" stroke=\"none\"/></g>\n"
                );
        }
    }

    public void Lines(StringBuilder svg)
    {
        svg.Append(Group(_series, _color));
        if (!_series.Band)
        {
            foreach (PlotPoint point in _runs.SelectMany(r => r))
            {
                if (
                    point.YInterval is var (low, high)
                    && AxisRange.Holds(low, _y.Scale)
                    && AxisRange.Holds(high, _y.Scale)
                )
                    svg.Append(
                        $"<path d=\"M{Pair((X(point.X) - 4, Y(high)))}h8m-4 0V{SvgText.Number(Y(low))}m-4 0h8\" "
                            + "stroke-width=\"1.5\" stroke-opacity=\"0.75\" stroke-dasharray=\"none\"/>"
                    );
                if (
                    point.XInterval is var (left, right)
                    && AxisRange.Holds(left, _x.Scale)
                    && AxisRange.Holds(right, _x.Scale)
                )
                    svg.Append(
                        $"<path d=\"M{Pair((X(left), Y(point.Y) - 4))}v8m0-4H{SvgText.Number(X(right))}m0-4v8\" "
                            + "stroke-width=\"1.5\" stroke-opacity=\"0.75\" stroke-dasharray=\"none\"/>"
                    );
            }
        }
        foreach (List<PlotPoint> run in _runs.Where(r => r.Count > 1 && _series.Line != LineShape.None))
        {
            (double X, double Y)[] points = [.. run.Select(p => (X(p.X), Y(p.Y)))];
            svg.Append("<path d=\"M")
                .Append(
                    _series.Line switch
                    {
                        LineShape.StepVerticalFirst => Steps(
                            points,
                            (point, _) => $"V{SvgText.Number(point.Y)}H{SvgText.Number(point.X)}"
                        ),
                        LineShape.StepHorizontalFirst => Steps(
                            points,
                            (point, _) => $"H{SvgText.Number(point.X)}V{SvgText.Number(point.Y)}"
                        ),
                        _ => string.Join('L', Thin(points).Select(Pair)),
                    }
                )
                .Append("\"/>");
        }
        svg.Append("</g>\n");
    }

    public void Markers(StringBuilder svg)
    {
        bool all = _series.Markers || _series.Line == LineShape.None;
        PlotPoint[] points =
        [
            .. _runs
                .Where(r => all || r.Count == 1)
                .SelectMany(r => r)
                .Where(p => Inside(_x.Place(p.X)) && Inside(_y.Place(p.Y))),
        ];
        if (points.Length == 0)
            return;
        svg.Append(Group(_series, _color));
        foreach (PlotPoint point in points)
            Marker(
                svg,
                _color,
                X(point.X),
                Y(point.Y),
                point.Tip
                    ?? $"{_series.Name}{(_series.Name.Length > 0 ? ": " : "")}{Value(point.X, _percentX)}, "
                        + $"{Value(point.Y, _percentY)}"
            );
        svg.Append("</g>\n");
    }

    /// <summary>
    /// Where the markers stand, whether drawn or not, in their order; empty of a series without a point in the picture.
    /// </summary>
    public (double X, double Y)[] Places() =>
        [
            .. _runs
                .SelectMany(r => r)
                .Where(p => Inside(_x.Place(p.X)) && Inside(_y.Place(p.Y)))
                .Select(p => (X(p.X), Y(p.Y))),
        ];

    /// <summary>The series's name beside one of its points.</summary>
    public void Label(StringBuilder svg, double x, double y, string anchor) =>
        svg.Append(
            $"<text x=\"{SvgText.Number(x)}\" y=\"{SvgText.Number(y)}\" text-anchor=\"{anchor}\" "
                + $"class=\"{(_series.Muted ? "rp-muted" : $"rp-c{_color % SvgPlot.Colors}")} rp-halo\" "
                + "fill=\"currentColor\" stroke-width=\"4\" stroke-linejoin=\"round\" paint-order=\"stroke\" "
                + $"font-weight=\"600\">{SvgText.Escape(_series.Name)}</text>\n"
        );

    static bool Inside(double place) => place is >= -1e-9 and <= 1 + 1e-9;

    static string Value(double value, bool percent) =>
        percent
            ? (100 * value).ToString("0.##", CultureInfo.InvariantCulture) + " %"
            : value.ToString("G4", CultureInfo.InvariantCulture);

    static string Steps((double X, double Y)[] points, Func<(double X, double Y), int, string> step) =>
        Pair(points[0]) + string.Concat(points.Skip(1).Select(step));

    /// <summary>
    /// Of more points than can be seen, each pixel column's first, last, lowest and highest: the line looks the same.
    /// </summary>
    (double X, double Y)[] Thin((double X, double Y)[] points)
    {
        if (
            points.Length <= 4 * _width
            || Enumerable.Range(1, points.Length - 1).Any(i => points[i].X < points[i - 1].X)
        )
            return points;
        List<(double X, double Y)> kept = [];
        for (int first = 0, next; first < points.Length; first = next)
        {
            (next, int low, int high) = (first, first, first);
            for (; next < points.Length && Math.Floor(points[next].X) == Math.Floor(points[first].X); next++)
            {
                low = points[next].Y < points[low].Y ? next : low;
                high = points[next].Y > points[high].Y ? next : high;
            }
            kept.AddRange(((int[])[first, low, high, next - 1]).Distinct().Order().Select(i => points[i]));
        }
        return [.. kept];
    }

    double X(double value) => Math.Clamp(_x.Place(value) * _width, -Far, Far);

    double Y(double value) => Math.Clamp(_height - _y.Place(value) * _height, -Far, Far);

    static string Pair((double X, double Y) point) => $"{SvgText.Number(point.X)} {SvgText.Number(point.Y)}";
}
