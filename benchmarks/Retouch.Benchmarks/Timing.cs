namespace Retouch.Benchmarks;

/// <summary>One way's median time, and its ratios to the naive way's, repetition by repetition: median, lowest, highest.</summary>
sealed record Timing(double Milliseconds, double Ratio, double Lowest, double Highest)
{
    public static Timing Of(double[] naive, double[] ours)
    {
        double[] ratios = [.. naive.Zip(ours, (x, y) => x / y).Order()];
        return new Timing(Median(ours), ratios[ratios.Length / 2], ratios[0], ratios[^1]);
    }

    public static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    public override string ToString() => $"{Ratio:0.00}x ({Lowest:0.00} to {Highest:0.00})";
}
