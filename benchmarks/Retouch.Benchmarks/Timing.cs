namespace Retouch.Speed;

/// <summary>
/// One way's median time; its ratios to the naive way's, repetition by repetition: median, lowest, highest; and of its
/// rate of operations the median share of the rate of plain products just before and just after it.
/// </summary>
sealed record Timing(double Milliseconds, double Ratio, double Lowest, double Highest, double ShareOfPeak)
{
    public static Timing Of(double[] naive, double[] ours, double[] shares)
    {
        double[] ratios = [.. naive.Zip(ours, (x, y) => x / y).Order()];
        return new Timing(Median(ours), ratios[ratios.Length / 2], ratios[0], ratios[^1], Median(shares));
    }

    /// <summary>The ratios without the times.</summary>
    public RatioRange Range => new(Ratio, Lowest, Highest);

    public static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    public override string ToString() => Range.ToString();
}
