using Retouch.Measurement;

namespace Retouch.Tests.Measurement;

public sealed class ParetoFrontTests
{
    static readonly OperatingPoint[] Points =
    [
        new(0.5, 0.9),
        new(0.2, 0.99),
        new(0.5, 0.8),
        new(0.9, 0.4),
        new(0.1, 0.98),
        new(0.6, 0.3),
    ];

    [Fact]
    public void The_front_holds_what_no_other_point_beats_by_rising_generalization() =>
        Assert.Equal([1, 0, 3], ParetoFront.Of(Points));

    [Fact]
    public void Equal_points_are_both_on_the_front() =>
        Assert.Equal([0, 1], ParetoFront.Of([new(0.5, 0.5), new(0.5, 0.5), new(0.5, 0.4)]));

    [Fact]
    public void No_points_have_no_front_and_no_area()
    {
        Assert.Empty(ParetoFront.Of([]));
        Assert.Equal(0, ParetoFront.Hypervolume([]));
    }

    // Three rectangles from the left: 0.2·0.99 + 0.3·0.9 + 0.4·0.4.
    [Fact]
    public void The_hypervolume_is_the_area_of_the_staircase() =>
        Assert.Equal(0.198 + 0.27 + 0.16, ParetoFront.Hypervolume(Points), 1e-12);

    // Above (0.3, 0.5): the first point lies too far left, the last too low; 0.2·0.4 is left.
    [Fact]
    public void Only_what_lies_above_the_reference_counts() =>
        Assert.Equal(0.08, ParetoFront.Hypervolume(Points, new(0.3, 0.5)), 1e-12);

    [Fact]
    public void Perfection_has_area_one() => Assert.Equal(1, ParetoFront.Hypervolume([new(1, 1), new(0.5, 0.5)]));

    [Fact]
    public void A_dominated_point_adds_nothing() =>
        Assert.Equal(
            ParetoFront.Hypervolume(Points),
            ParetoFront.Hypervolume([.. Points.Where((_, i) => i is 0 or 1 or 3)]),
            1e-15
        );
}
