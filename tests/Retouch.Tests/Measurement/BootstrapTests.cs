using Retouch.Measurement;

namespace Retouch.Tests.Measurement;

public sealed class BootstrapTests
{
    [Fact]
    public void The_mean_is_that_of_all_values_not_of_the_groups_means() =>
        Assert.Equal(
            0.25,
            Bootstrap
                .Mean([
                    [1],
                    [0, 0, 0],
                ])
                .Mean
        );

    [Fact]
    public void Equal_groups_leave_no_doubt_however_unlike_their_values() =>
        Assert.Equal(
            new Estimate(0.5, 0.5, 0.5),
            Bootstrap.Mean([
                [0, 1],
                [1, 0],
                [0, 1],
            ])
        );

    // Two groups of one value each: a draw's mean is 0 in a quarter, 0.5 in half, 1 in a quarter of all draws.
    [Theory]
    [InlineData(0.95, 0, 1)]
    [InlineData(0.4, 0.5, 0.5)]
    public void The_interval_holds_its_share_of_the_draws(double confidence, double low, double high) =>
        Assert.Equal(
            new Estimate(0.5, low, high),
            Bootstrap.Mean(
                [
                    [0],
                    [1],
                ],
                confidence: confidence
            )
        );

    [Fact]
    public void More_groups_narrow_the_interval_as_the_square_root_says()
    {
        Estimate few = Mean(25);
        Estimate many = Mean(400);
        Assert.InRange((few.High - few.Low) / (many.High - many.Low), 3.5, 4.5);
        // Half a normal 95 % interval of 400 zeros and ones.
        Assert.Equal(1.96 * 0.5 / 20, (many.High - many.Low) / 2, 0.005);

        static Estimate Mean(int groups) =>
            Bootstrap.Mean([.. Enumerable.Range(0, groups).Select(i => (double[])[i % 2])]);
    }

    [Fact]
    public void The_seed_decides_the_draws()
    {
        double[][] groups = [.. Enumerable.Range(0, 30).Select(i => (double[])[Math.Sin(i)])];
        Assert.Equal(Bootstrap.Mean(groups, seed: 3), Bootstrap.Mean(groups, seed: 3));
        Assert.NotEqual(Bootstrap.Mean(groups, seed: 3), Bootstrap.Mean(groups, seed: 4));
    }

    [Fact]
    public void Any_statistic_of_groups_is_drawn_as_the_mean_is()
    {
        double[] values = [0.1, 0.5, 0.2, 0.9, 0.4];
        Assert.Equal(
            Bootstrap.Mean([.. values.Select(v => (double[])[v])], seed: 7),
            Bootstrap.Of(5, draw => draw.Sum(g => values[g]) / 5, seed: 7)
        );
        // Of two groups a quarter of the draws lacks the larger, and the statistic itself is of both.
        Estimate largest = Bootstrap.Of(2, draw => draw.Max(), confidence: 0.3);
        Assert.Equal(new Estimate(1, 1, 1), largest);
        Assert.Equal(0, Bootstrap.Of(2, draw => draw.Max(), confidence: 0.95).Low);
        Assert.Throws<ArgumentException>(() => Bootstrap.Of(0, _ => 0));
        Assert.Throws<ArgumentException>(() => Bootstrap.Of(1, _ => 0, resamples: 0));
    }

    [Fact]
    public void Nothing_has_no_mean()
    {
        Assert.Throws<ArgumentException>(() => Bootstrap.Mean([]));
        Assert.Throws<ArgumentException>(() =>
            Bootstrap.Mean([
                [],
                [],
            ])
        );
        Assert.Throws<ArgumentException>(() =>
            Bootstrap.Mean(
                [
                    [1],
                ],
                confidence: 1
            )
        );
    }
}
