namespace Retouch.Speed;

/// <summary>One comparison: medians of interleaved repetitions, and the ratios repetition by repetition.</summary>
/// <param name="Model">The architecture.</param>
/// <param name="What">The unit of work.</param>
/// <param name="NaiveMilliseconds">What the published algorithm needs for it, in float32.</param>
/// <param name="Full">Ours in float32.</param>
/// <param name="Mixed">Ours with frozen products in bfloat16; null where the processor has none.</param>
/// <param name="GigaOperations">
/// The floating-point operations (two a multiplication and addition) that ours cannot do without, in 10⁹.
/// </param>
sealed record Row(
    string Model,
    string What,
    double NaiveMilliseconds,
    Timing Full,
    Timing? Mixed,
    double GigaOperations
)
{
    /// <summary>Runs all in turn after one warm-up each; each returns milliseconds a unit of work.</summary>
    public static Row Measure(string model, string what, Scenario scenario, bool mixed, int repetitions, Peak peak)
    {
        Func<double>[] work = mixed ? [scenario.Naive, scenario.Full, scenario.Mixed] : [scenario.Naive, scenario.Full];
        foreach (Func<double> once in work)
            once();
        double[][] times = [.. work.Select(_ => new double[repetitions])];
        double[][] shares = [.. work.Select(_ => new double[repetitions])];
        for (int i = 0; i < repetitions; i++)
        {
            for (int j = 0; j < work.Length; j++)
            {
                double before = j == 0 ? 0 : peak.Now(mixed: j == 2);
                times[j][i] = work[j]();
                if (j > 0)
                    shares[j][i] =
                        scenario.GigaOperations / times[j][i] * 1e3 / ((before + peak.Now(mixed: j == 2)) / 2);
            }
        }
        return new Row(
            model,
            scenario.Steps is int steps ? $"{what}, {steps} steps" : what,
            Timing.Median(times[0]),
            Timing.Of(times[0], times[1], shares[1]),
            mixed ? Timing.Of(times[0], times[2], shares[2]) : null,
            scenario.GigaOperations
        );
    }
}
