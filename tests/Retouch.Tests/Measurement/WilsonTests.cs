using Retouch.Measurement;

namespace Retouch.Tests.Measurement;

public sealed class WilsonTests
{
    // By hand: z² = 3.841459; (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    [Theory]
    [InlineData(8, 10, 0.8, 0.490162, 0.943318)]
    [InlineData(5, 10, 0.5, 0.236593, 0.763407)]
    [InlineData(0, 10, 0, 0, 0.277533)]
    [InlineData(10, 10, 1, 0.722467, 1)]
    [InlineData(1, 1, 1, 0.206549, 1)]
    [InlineData(9073, 10000, 0.9073, 0.901458, 0.912829)]
    public void The_interval_is_the_score_interval(int successes, int trials, double share, double low, double high)
    {
        Estimate e = Wilson.Of(successes, trials);
        Assert.Equal(share, e.Mean, 1e-12);
        Assert.Equal(low, e.Low, 1e-6);
        Assert.Equal(high, e.High, 1e-6);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-1, 3)]
    [InlineData(4, 3)]
    public void Counts_that_cannot_be_are_refused(int successes, int trials) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Wilson.Of(successes, trials));
}
