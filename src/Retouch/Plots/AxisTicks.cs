using System.Globalization;

namespace Retouch.Plots;

/// <summary>Round numbers within a range and how they are written.</summary>
/// <param name="Values">The numbers, ascending.</param>
/// <param name="Labels">Their text; empty for a tick without one.</param>
sealed record AxisTicks(IReadOnlyList<double> Values, IReadOnlyList<string> Labels)
{
    const double Slack = 1e-9; // what rounding may take from a range that ends on a tick, as a share of a step

    public static AxisTicks Of(AxisRange range, int most, bool percent) =>
        range.Scale == AxisScale.Log ? Log(range, most, percent) : Linear(range, most, percent);

    /// <summary>Multiples of 1, 2 or 5 times a power of ten: as many as fit, at most <paramref name="most"/>.</summary>
    static AxisTicks Linear(AxisRange range, int most, bool percent)
    {
        double unit = percent ? 0.01 : 1;
        (double min, double max) = (range.Min / unit, range.Max / unit);
        (double step, int exponent) = Step(max - min, most);
        double first = Math.Ceiling(min / step - Slack);
        double last = Math.Floor(max / step + Slack);
        // A product has rounding errors that a label of many digits would show.
        double[] ticks =
        [
            .. Enumerable.Range(0, (int)(last - first) + 1).Select(i => Tidy((first + i) * step, exponent)),
        ];
        return new([.. ticks.Select(t => t * unit)], Write(ticks, exponent, percent));
    }

    static (double Step, int Exponent) Step(double span, int most)
    {
        int exponent = (int)Math.Floor(Math.Log10(span / Math.Max(most, 1))) - 1;
        while (true)
        {
            foreach (int mantissa in (int[])[1, 2, 5])
            {
                double step = mantissa * Math.Pow(10, exponent);
                if (span / step + Slack < most)
                    return (step, exponent);
            }
            exponent++;
        }
    }

    static double Tidy(double value, int exponent) =>
        exponent is < 0 and >= -15 ? Math.Round(value, -exponent) + 0.0 : value + 0.0;

    static string[] Write(double[] ticks, int exponent, bool percent)
    {
        double largest = ticks.Select(Math.Abs).DefaultIfEmpty().Max();
        string suffix = percent ? " %" : "";
        if (largest is >= 1e15 or > 0 and < 1e-3)
            return [.. ticks.Select(t => (t == 0 ? "0" : Scientific(t)) + suffix)];
        (double unit, string letter) = largest switch
        {
            >= 1e12 => (1e12, "T"),
            >= 1e9 => (1e9, "G"),
            >= 1e6 => (1e6, "M"),
            >= 1e4 => (1e3, "k"),
            _ => (1, ""),
        };
        int decimals = Math.Clamp((int)Math.Round(Math.Log10(unit)) - exponent, 0, 15);
        return
        [
            .. ticks.Select(t =>
                t == 0
                    ? "0" + suffix
                    : (t / unit).ToString("F" + decimals, CultureInfo.InvariantCulture) + letter + suffix
            ),
        ];
    }

    /// <summary>Powers of ten, or with 2 and 5 times them where few fit the range; every n-th where many do.</summary>
    static AxisTicks Log(AxisRange range, int most, bool percent)
    {
        int first = (int)Math.Ceiling(Math.Log10(range.Min) - Slack);
        int last = (int)Math.Floor(Math.Log10(range.Max) + Slack);
        int decades = last - first + 1;
        if (decades < 3)
        {
            double[] Fine(params double[] mantissas) =>
                [
                    .. Enumerable
                        .Range(first - 1, decades + 2)
                        .SelectMany(e => mantissas.Select(m => m * Power(e)))
                        .Where(t => t >= range.Min * (1 - Slack) && t <= range.Max * (1 + Slack)),
                ];
            double[][] choices = [Fine(1, 2, 5), Fine(1, 3), Fine(1)];
            if (choices[0].Length < 2)
                return Linear(range, most, percent);
            double[] fine = choices.FirstOrDefault(c => c.Length <= most && c.Length > 1) ?? choices[0];
            return new(fine, [.. fine.Select(t => Written(t, percent))]);
        }
        int every = Math.Max((int)Math.Ceiling((double)decades / most), 1);
        double[] ticks = [.. Enumerable.Range(first, decades).Where(e => e % every == 0).Select(Power)];
        return new(ticks, [.. ticks.Select(t => Written(t, percent))]);
    }

    // Parsed, since Math.Pow(10, -5) is not 1e-5.
    static double Power(int exponent) =>
        double.Parse(string.Create(CultureInfo.InvariantCulture, $"1e{exponent}"), CultureInfo.InvariantCulture);

    static string Written(double value, bool percent) =>
        percent ? Plain(value * 100) + " %"
        : value is >= 1e-3 and < 1e4 ? Plain(value)
        : Scientific(value);

    static string Plain(double value) => value.ToString("0.############", CultureInfo.InvariantCulture);

    static string Scientific(double value)
    {
        string[] parts = value.ToString("0.##e+0", CultureInfo.InvariantCulture).Split('e');
        string power =
            "10" + string.Concat(parts[1].TrimStart('+').Select(c => c == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c - '0']));
        return parts[0] switch
        {
            "1" => power,
            "-1" => "−" + power,
            _ => $"{parts[0].Replace('-', '−')}·{power}",
        };
    }
}
