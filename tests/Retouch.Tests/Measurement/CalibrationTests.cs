using Retouch.Measurement;

namespace Retouch.Tests.Measurement;

public sealed class CalibrationTests
{
    [Fact]
    public void The_error_is_the_mean_distance_of_accuracy_and_probability_over_images()
    {
        // Two bins of five: (0.4,0.6] has 0.5 and 0.6, one right; (0.8,1] has 0.9, 1, 0.95, all right.
        Calibration c = Calibration.Of([(0.5, true), (0.6, false), (0.9, true), (1.0, true), (0.95, true)], bins: 5);
        Assert.Equal([0, 0, 2, 0, 3], c.Bins.Select(b => b.Images));
        Assert.Equal((0.55, 0.5), (c.Bins[2].Confidence, c.Bins[2].Accuracy));
        Assert.Equal(0.95, c.Bins[4].Confidence, 1e-12);
        Assert.Equal(2 / 5.0 * 0.05 + 3 / 5.0 * 0.05, c.Error, 1e-12);
    }

    [Fact]
    public void A_bins_upper_end_belongs_to_it_and_its_lower_end_does_not()
    {
        Calibration c = Calibration.Of([(0, false), (0.2, true), (0.2000001, true), (0.4, true), (1, true)], bins: 5);
        Assert.Equal([2, 2, 0, 0, 1], c.Bins.Select(b => b.Images));
    }

    [Fact]
    public void A_model_that_is_as_often_right_as_it_says_has_no_error()
    {
        Calibration c = Calibration.Of([(0.75, true), (0.75, true), (0.75, true), (0.75, false)]);
        Assert.Equal(15, c.Bins.Count);
        Assert.Equal(0, c.Error, 1e-12);
        Assert.Equal(0, Calibration.Of([]).Error);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(1.0001)]
    [InlineData(-0.1)]
    public void What_is_no_probability_is_refused(double p) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Calibration.Of([(p, true)]));
}
