using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Tests.Locating;

public sealed class MaskTests
{
    // One block of five hidden units: ten values, fc1's first.
    static readonly EditSpace Space = new(
        new VitConfig
        {
            ImageSize = 8,
            PatchSize = 4,
            Width = 2,
            Depth = 1,
            Heads = 1,
            MlpWidth = 5,
            Classes = 2,
            QkvBias = true,
        },
        0,
        1
    );

    static UnitSelection Keep(double ratio, params float[] values) => new Mask(Space, values).Keep(ratio);

    [Fact]
    public void A_ratio_keeps_one_unit_less_than_its_share_where_no_values_are_equal()
    {
        // k = 5, the 5th largest is 0.5, and four values lie above it.
        UnitSelection units = Keep(0.5, 0.1f, 0.9f, 0.2f, 0.8f, 0.3f, 0.7f, 0.4f, 0.6f, 0.5f, 0.0f);
        Assert.Equal([1, 3], units[0].ToArray());
        Assert.Equal([0, 2], units[1].ToArray());
        Assert.Equal((4, 8L), (units.Count, units.Parameters));
    }

    [Fact]
    public void The_threshold_is_one_for_all_matrices() =>
        Assert.Equal(
            (0, 3),
            Keep(0.4, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.9f, 0.8f, 0.7f, 0.6f, 0.5f) is { } u
                ? (u[0].Length, u[1].Length)
                : default
        );

    [Fact]
    public void Values_equal_to_the_threshold_are_left_out()
    {
        // k = 4, the 4th largest is 0.5, of which there are three.
        UnitSelection units = Keep(0.4, 0.5f, 0.9f, 0.5f, 0.1f, 0.8f, 0.5f, 0, 0, 0, 0);
        Assert.Equal([1, 4], units[0].ToArray());
        Assert.Equal(0, units[1].Length);
    }

    [Fact]
    public void A_ratio_of_one_keeps_every_unit_even_where_all_are_equal() =>
        Assert.Equal(10, Keep(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0).Count);

    [Fact]
    public void The_floor_of_the_share_is_taken() =>
        Assert.Equal(1, Keep(0.29, 0.1f, 0.9f, 0.2f, 0.8f, 0.3f, 0.7f, 0.4f, 0.6f, 0.5f, 0.0f).Count);

    [Theory]
    [InlineData(0.09)]
    [InlineData(1e-300)]
    public void A_ratio_of_less_than_one_unit_is_refused_with_the_smallest_that_works(double ratio)
    {
        float[] values = [0.1f, 0.9f, 0.2f, 0.8f, 0.3f, 0.7f, 0.4f, 0.6f, 0.5f, 0];
        Assert.Contains(
            "at least 0.1.",
            Assert.Throws<BadInputException>(() => Keep(ratio, values)).Message,
            StringComparison.Ordinal
        );
        Assert.Equal([1], Keep(0.1, values)[0].ToArray());
        Assert.Equal([1], Keep(0.2, values)[0].ToArray());
    }

    [Fact]
    public void The_smallest_ratio_that_a_message_names_does_keep_a_unit()
    {
        foreach (int hidden in (int[])[3, 7, 96, 768, 1536, 3072, 5120])
        {
            EditSpace space = new(
                new VitConfig
                {
                    ImageSize = 8,
                    PatchSize = 4,
                    Width = 2,
                    Depth = 3,
                    Heads = 1,
                    MlpWidth = hidden,
                    Classes = 2,
                    QkvBias = true,
                },
                0,
                3
            );
            Mask mask = new(space, new float[space.Units]);
            string message = Assert.Throws<BadInputException>(() => mask.Keep(1e-9)).Message;
            string least = message[(message.LastIndexOf("at least ", StringComparison.Ordinal) + 9)..^1];
            Assert.Equal(1, mask.Keep(double.Parse(least, System.Globalization.CultureInfo.InvariantCulture)).Count);
        }
    }

    [Fact]
    public void Equal_values_are_ranked_by_the_units_number_and_then_by_the_matrix()
    {
        // Each matrix's greatest is 1, as in a gradient's mask: unit 3 of the first, unit 1 of the second.
        float[] gradient = [0.1f, 0.2f, 0, 1, 0.3f, 0.1f, 1, 0.4f, 0.2f, 0];
        UnitSelection two = Keep(0.2, gradient);
        UnitSelection one = Keep(0.1, gradient);
        Assert.Equal((0, 1), (two[0].Length, two[1].Length));
        Assert.Equal([1], two[1].ToArray());
        Assert.Equal([1], one[1].ToArray());
        // From k = 3 on the strict rule keeps both, as the paper does.
        Assert.Equal((1, 1), (Keep(0.3, gradient)[0].Length, Keep(0.3, gradient)[1].Length));
    }

    [Fact]
    public void Of_a_saturated_mask_and_of_one_without_a_preference_k_minus_1_units_are_kept()
    {
        const float Saturated = 1 - 1e-5f;
        UnitSelection saturated = Keep(
            0.5,
            0,
            Saturated,
            Saturated,
            Saturated,
            0,
            Saturated,
            Saturated,
            Saturated,
            0,
            0
        );
        Assert.Equal([1, 2], saturated[0].ToArray());
        Assert.Equal([0, 1], saturated[1].ToArray());
        foreach (float value in (float[])[0, 0.5f, 1])
        {
            float[] equal = [.. Enumerable.Repeat(value, 10)];
            foreach (
                (double ratio, int first, int second) in ((double, int, int)[])
                    [(0.1, 1, 0), (0.2, 1, 0), (0.3, 1, 1), (0.5, 2, 2), (0.99, 4, 4)]
            )
                Assert.Equal((first, second), (Keep(ratio, equal)[0].Length, Keep(ratio, equal)[1].Length));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-0.5)]
    [InlineData(1.0000001)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_ratio_out_of_range_is_refused(double ratio) =>
        Assert.Throws<BadInputException>(() => Keep(ratio, new float[10]));

    [Fact]
    public void Values_must_be_as_many_as_the_units_and_within_0_and_1()
    {
        Assert.Throws<ArgumentException>(() => new Mask(Space, new float[9]));
        foreach (float bad in (float[])[-0.1f, 1.1f, float.NaN])
            Assert.Throws<ArgumentException>(() => new Mask(Space, [0, 0, 0, bad, 0, 0, 0, 0, 0, 0]));
    }

    [Fact]
    public void The_mean_of_masks_is_taken_value_by_value()
    {
        Mask a = new(Space, [0, 1, 0.5f, 0, 0, 0, 0, 0, 0, 1]);
        Mask b = new(Space, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal([0.5f, 1, 0.25f, 0, 0, 0, 0, 0, 0, 0.5f], Mask.Mean([a, b]).Values.ToArray());
        Assert.Throws<ArgumentException>(() => Mask.Mean([]));
    }
}
