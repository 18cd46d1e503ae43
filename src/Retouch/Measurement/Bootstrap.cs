namespace Retouch.Measurement;

/// <summary>
/// Confidence intervals by the percentile bootstrap (Efron, 1979) over groups: edits of one group are alike,
/// so whole groups are drawn, with replacement, and the mean of all their edits is taken.
/// </summary>
public static class Bootstrap
{
    /// <summary>The mean over all values, and the interval that holds the middle of the resampled means.</summary>
    /// <param name="groups">The values of each group; at least one value in all.</param>
    /// <param name="resamples">The number of draws, at least 1.</param>
    /// <param name="confidence">The share of draws within the interval, in (0,1).</param>
    /// <param name="seed">The seed of the draws.</param>
    /// <exception cref="ArgumentException">There is no value, or a number is out of range.</exception>
    public static Estimate Mean(
        IReadOnlyList<IReadOnlyList<double>> groups,
        int resamples = 2000,
        double confidence = 0.95,
        int seed = 0
    )
    {
        if (resamples < 1 || confidence is not (> 0 and < 1))
            throw new ArgumentException("At least one draw and a confidence within (0,1) are needed.");
        (double Sum, int Count)[] totals = [.. groups.Where(g => g.Count > 0).Select(g => (g.Sum(), g.Count))];
        if (totals.Length == 0)
            throw new ArgumentException("There is no value to take the mean of.", nameof(groups));
        return Of(
            totals.Length,
            draw => draw.Sum(g => totals[g].Sum) / draw.Sum(g => totals[g].Count),
            resamples,
            confidence,
            seed
        );
    }

    /// <summary>
    /// Any statistic of groups, and the interval that holds the middle of its values over draws of groups.
    /// </summary>
    /// <param name="groups">The number of groups, at least 1.</param>
    /// <param name="statistic">
    /// Its value of some groups by their places, each as often as it was drawn; the statistic itself is its value of
    /// all once.
    /// </param>
    /// <param name="resamples">The number of draws, at least 1.</param>
    /// <param name="confidence">The share of draws within the interval, in (0,1).</param>
    /// <param name="seed">The seed of the draws.</param>
    /// <exception cref="ArgumentException">There is no group, or a number is out of range.</exception>
    public static Estimate Of(
        int groups,
        Func<IReadOnlyList<int>, double> statistic,
        int resamples = 2000,
        double confidence = 0.95,
        int seed = 0
    )
    {
        if (groups < 1 || resamples < 1 || confidence is not (> 0 and < 1))
            throw new ArgumentException("At least one group, one draw and a confidence within (0,1) are needed.");
        Random random = new(seed);
        double[] values = new double[resamples];
        int[] draw = new int[groups];
        for (int r = 0; r < resamples; r++)
        {
            for (int g = 0; g < groups; g++)
                draw[g] = random.Next(groups);
            values[r] = statistic(draw);
        }
        Array.Sort(values);
        return new Estimate(
            statistic([.. Enumerable.Range(0, groups)]),
            Quantile(values, (1 - confidence) / 2),
            Quantile(values, (1 + confidence) / 2)
        );
    }

    /// <summary>A quantile of sorted values, interpolated linearly between neighbours.</summary>
    static double Quantile(double[] sorted, double q)
    {
        double place = q * (sorted.Length - 1);
        int below = (int)place;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
}
