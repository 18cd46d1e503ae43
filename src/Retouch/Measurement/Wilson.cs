namespace Retouch.Measurement;

/// <summary>
/// The score interval of a share (E. B. Wilson, "Probable inference, the law of succession, and statistical
/// inference", JASA 22, 1927): it stays within [0,1] and has a width where all or none succeed, unlike the normal
/// approximation.
/// </summary>
public static class Wilson
{
    // The 97.5th percentile of the standard normal distribution, for 95 %.
    const double Z = 1.959963984540054;

    /// <summary>A share with its interval of 95 % confidence.</summary>
    /// <param name="successes">How many succeeded, from 0 to <paramref name="trials"/>.</param>
    /// <param name="trials">How many there are, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There can be no such counts.</exception>
    public static Estimate Of(int successes, int trials)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trials, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, trials);
        double n = trials;
        double share = successes / n;
        double square = Z * Z;
        double centre = (share + square / (2 * n)) / (1 + square / n);
        double half = Z / (1 + square / n) * Math.Sqrt(share * (1 - share) / n + square / (4 * n * n));
        // Where all or none succeed an end is that share itself, which rounding could pass.
        return new Estimate(
            share,
            successes == 0 ? 0 : Math.Clamp(centre - half, 0, share),
            successes == trials ? 1 : Math.Clamp(centre + half, share, 1)
        );
    }
}
