namespace Retouch.Benchmarks;

/// <summary>One comparison: medians of interleaved repetitions, and the ratios repetition by repetition.</summary>
sealed record Row(string Model, string What, double NaiveMilliseconds, double OursMilliseconds, double Ratio, double LowestRatio, double HighestRatio)
{
    /// <summary>Runs the two in turn after one warm-up each; both return milliseconds a unit of work.</summary>
    public static Row Measure(string model, string what, Func<double> naive, Func<double> ours, int repetitions)
    {
        naive();
        ours();
        double[] a = new double[repetitions], b = new double[repetitions];
        for (int i = 0; i < repetitions; i++)
            (a[i], b[i]) = (naive(), ours());
        double[] ratios = [.. a.Zip(b, (x, y) => x / y).Order()];
        return new Row(model, what, Median(a), Median(b), ratios[ratios.Length / 2], ratios[0], ratios[^1]);
    }

    static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
