using Retouch.Measurement;

namespace Retouch.Tests.Measurement;

public sealed class FlipsTests
{
    static readonly int[] s_elephant = [386, 101];

    [Theory]
    [InlineData(386, 386, 1, 0, 0, 0)]
    [InlineData(386, 101, 1, 0, 0, 0)] // to another class that counts as right
    [InlineData(386, 51, 1, 0, 1, 0)]
    [InlineData(51, 101, 0, 1, 0, 0)]
    [InlineData(51, 51, 0, 0, 0, 0)]
    [InlineData(51, 917, 0, 0, 0, 1)]
    public void An_image_flips_by_what_counts_as_right(
        int before,
        int after,
        int right,
        int repaired,
        int broken,
        int otherwise
    ) => Assert.Equal(new Flips(1, right, repaired, broken, otherwise), Flips.Of([before], [after], [s_elephant]));

    [Fact]
    public void The_rate_is_of_those_that_were_right_and_unknown_images_do_not_count()
    {
        Flips flips = Flips.Of(
            [386, 386, 101, 51, 51, 917, 3, 339],
            [386, 51, 101, 386, 917, 917, 4, 51],
            [s_elephant, s_elephant, s_elephant, s_elephant, s_elephant, s_elephant, null, [339]]
        );
        Assert.Equal(new Flips(7, 4, 1, 2, 1), flips);
        Assert.Equal((2 / 4.0, -1, 3), (flips.NegativeFlipRate, flips.NetGain, flips.Unchanged));
    }

    [Fact]
    public void Where_none_was_right_there_is_no_rate()
    {
        Flips flips = Flips.Of([51, 917], [386, 386], [s_elephant, s_elephant]);
        Assert.Equal(new Flips(2, 0, 2, 0, 0), flips);
        Assert.Null(flips.NegativeFlipRate);
        Assert.Equal(2, flips.NetGain);
        Assert.Null(default(Flips).NegativeFlipRate);
    }

    [Fact]
    public void A_sum_is_the_flips_of_all_the_images()
    {
        Flips one = new(10, 4, 3, 1, 2);
        Flips other = new(5, 5, 0, 2, 0);
        Assert.Equal(new Flips(15, 9, 3, 3, 2), Flips.Sum([one, other]));
        Assert.Equal(3 / 9.0, one.Plus(other).NegativeFlipRate);
        Assert.Equal(default, Flips.Sum([]));
    }

    [Fact]
    public void Lists_of_different_lengths_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Flips.Of([1], [1, 2], [s_elephant]));
        Assert.Throws<ArgumentException>(() => Flips.Of([1], [1], []));
    }

    [Fact]
    public void A_measurement_of_locality_has_what_flips_need_but_not_of_some_of_its_images()
    {
        LocalityMeasurement measured = new(3, [new(0, 386, 51), new(2, 51, 386)]) { Before = [386, 101, 51] };
        Assert.Equal(new Flips(3, 2, 1, 1, 0), measured.Flips([s_elephant, s_elephant, s_elephant]));
        Assert.Equal(new Flips(1, 0, 1, 0, 0), measured.Flips([null, null, s_elephant]));
        Assert.Throws<InvalidOperationException>(() => measured.Among([0, 1]).Flips([s_elephant, s_elephant]));
    }
}
