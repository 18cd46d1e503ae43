namespace Retouch.Evaluation;

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
    public static Estimate Mean(IReadOnlyList<IReadOnlyList<double>> groups, int resamples = 2000, double confidence = 0.95, int seed = 0)
    {
        if (resamples < 1 || confidence is not (> 0 and < 1))
            throw new ArgumentException("At least one draw and a confidence within (0,1) are needed.");
        (double Sum, int Count)[] totals = [.. groups.Where(g => g.Count > 0).Select(g => (g.Sum(), g.Count))];
        if (totals.Length == 0)
            throw new ArgumentException("There is no value to take the mean of.", nameof(groups));
        Random random = new(seed);
        double[] means = new double[resamples];
        for (int r = 0; r < resamples; r++)
        {
            (double sum, int count) = (0, 0);
            for (int g = 0; g < totals.Length; g++)
            {
                (double s, int c) = totals[random.Next(totals.Length)];
                (sum, count) = (sum + s, count + c);
            }
            means[r] = sum / count;
        }
        Array.Sort(means);
        return new Estimate(totals.Sum(t => t.Sum) / totals.Sum(t => t.Count), Quantile(means, (1 - confidence) / 2), Quantile(means, (1 + confidence) / 2));
    }

    /// <summary>A quantile of sorted values, interpolated linearly between neighbours.</summary>
    static double Quantile(double[] sorted, double q)
    {
        double place = q * (sorted.Length - 1);
        int below = (int)place, above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
}
