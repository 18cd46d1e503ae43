namespace Retouch.Plots;

/// <summary>The values that an axis spans, and where one of them stands.</summary>
readonly record struct AxisRange(double Min, double Max, AxisScale Scale)
{
    const double Margin = 0.04; // of the span, on each side

    // Spans beyond it would overflow; nothing that is measured comes near.
    const double Largest = 1e100;

    /// <summary>Whether a scale has a place for a value.</summary>
    public static bool Holds(double value, AxisScale scale) =>
        double.IsFinite(value) && Math.Abs(value) <= Largest && (scale == AxisScale.Linear || value >= 1 / Largest);

    /// <summary>The axis's own limits, where it has none what the values need and a margin; never empty.</summary>
    public static AxisRange Of(PlotAxis axis, IEnumerable<double> values)
    {
        AxisScale scale = axis.Scale;
        double[] shown = [.. values.Where(v => Holds(v, scale))];
        if (shown.Length == 0)
            shown = scale == AxisScale.Log ? [1, 10] : [0, 1];
        double? first = axis.Min is double m && Holds(m, scale) ? m : null;
        double? last = axis.Max is double n && Holds(n, scale) ? n : null;
        (double min, double max) = (first ?? shown.Min(), last ?? shown.Max());
        if (max < min)
            (min, max) =
                first is null ? (max, max)
                : last is null ? (min, min)
                : (max, min);

        double size = Math.Max(Math.Abs(min), Math.Abs(max));
        bool flat = scale == AxisScale.Log ? max / min < 1.01 : max - min <= Math.Max(size * 1e-9, 1 / Largest);
        bool keepMin = first is not null && !(flat && last is not null);
        bool keepMax = last is not null && !(flat && first is not null);
        if (scale == AxisScale.Log)
        {
            double factor = flat ? 2 : Math.Pow(max / min, Margin);
            return new(keepMin ? min : min / factor, keepMax ? max : max * factor, scale);
        }
        double pad =
            !flat ? (max - min) * Margin
            : size < 1 / Largest ? 1
            : size * 0.1;
        // Losses and counts do not go below 0, and shares not above 1; an axis that does would suggest it.
        return new(
            keepMin ? min
                : min >= 0 ? Math.Max(min - pad, 0)
                : min - pad,
            keepMax ? max
                : axis.Percent && max <= 1 ? Math.Min(max + pad, 1)
                : max + pad,
            scale
        );
    }

    /// <summary>Where a value stands: 0 at the beginning, 1 at the end, less or more outside of the range.</summary>
    public double Place(double value) =>
        Scale == AxisScale.Log
            ? (Math.Log10(value) - Math.Log10(Min)) / (Math.Log10(Max) - Math.Log10(Min))
            : (value - Min) / (Max - Min);
}
