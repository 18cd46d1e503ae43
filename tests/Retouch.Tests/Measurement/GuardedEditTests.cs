using Retouch.Editing;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Tests.Editing;

namespace Retouch.Tests.Measurement;

/// <summary>
/// The search for the most general edit whose locality keeps to a bound, over localities that are made up.
/// </summary>
public sealed class GuardedEditTests : IDisposable
{
    readonly MethodBed _bed = new(images: 2);
    readonly List<double> _made = [];

    public void Dispose() => _bed.Dispose();

    // Locality falls with the setting: 1 at 0.01, 0.6 at 100.
    static double Rate(double setting) => 1 - 0.1 * (Math.Log10(setting) + 2);

    GuardedEdit Search(
        double? bound,
        Func<double, double>? rate = null,
        bool success = true,
        int halvings = 0,
        double? near = null,
        Func<double, int>? broken = null
    ) =>
        GuardedEdit.Search(
            setting =>
            {
                _made.Add(setting);
                return new MaskedFineTuning(
                    new AllLocator(),
                    new()
                    {
                        KeepRatio = 1,
                        LearningRate = success ? 3e-3 : 1e-9,
                        MaxSteps = success ? 50 : 1,
                        StopLoss = 1,
                    }
                ).Edit(_bed.Split, [_bed.Failure])[0];
            },
            _ => new GuardMeasurement(
                new LocalityMeasurement(
                    1000,
                    [
                        .. Enumerable
                            .Range(0, (int)Math.Round(1000 * (1 - (rate ?? Rate)(_made[^1]))))
                            .Select(i => new PredictionChange(i, 0, 1)),
                    ]
                ),
                broken is null
                    ? null
                    : new Dictionary<string, Flips> { ["art/cat"] = new(150, 100, 3, broken(_made[^1]), 0) }
            ),
            new GuardBounds(bound, near),
            [100, 10, 1, 0.1, 0.01],
            halvings
        );

    [Theory]
    [InlineData(0.5, 100.0)]
    [InlineData(0.65, 10.0)]
    [InlineData(0.9, 0.1)]
    [InlineData(1.0, 0.01)]
    public void The_most_general_edit_that_keeps_to_the_bound_is_chosen_and_no_other_is_tried_below(
        double bound,
        double expected
    )
    {
        using GuardedEdit found = Search(bound);
        Assert.Equal(expected, found.Setting);
        Assert.True(found.Locality!.Rate >= bound && found.Edit!.Success);
        Assert.Equal([.. _made], found.Curve.Select(p => p.Setting));
        Assert.Equal(expected, found.Curve[^1].Setting);
        Assert.All(found.Curve.SkipLast(1), p => Assert.True(p.Locality < bound));
        Assert.True(_bed.Loss(found.Edit!.Patch.Change) <= 1); // it is still there
    }

    [Fact]
    public void Halving_finds_a_more_general_one_between_two()
    {
        using GuardedEdit found = Search(0.66, halvings: 3); // kept up to 10^1.4
        Assert.InRange(found.Setting!.Value, 17, Math.Pow(10, 1.4));
        Assert.Equal(2 + 3, found.Curve.Count);
        Assert.Equal(found.Curve.Select(p => p.Setting).OrderDescending(), found.Curve.Select(p => p.Setting));
        Assert.True(found.Locality!.Rate >= 0.66);
    }

    [Fact]
    public void Where_none_keeps_to_it_or_none_corrects_there_is_no_edit_but_the_whole_curve()
    {
        using GuardedEdit none = Search(0.9, rate: _ => 0.5, halvings: 2);
        Assert.Equal((null, null, null, 5), (none.Edit, none.Setting, none.Locality, none.Curve.Count));
        _made.Clear();
        using GuardedEdit failed = Search(0.1, success: false);
        Assert.Null(failed.Edit);
        Assert.All(failed.Curve, p => Assert.False(p.Success));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1.01)]
    [InlineData(double.NaN)]
    public void A_bound_out_of_range_is_named(double bound) =>
        Assert.Contains(
            "guarded locality",
            Assert.Throws<BadInputException>(() => Search(bound)).Message,
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData(null, 0.99, 1.0)] // one of 100 broken at 1
    [InlineData(null, 0.9, 10.0)] // ten at 10
    [InlineData(null, 1.0, 0.1)]
    [InlineData(0.5, 0.99, 1.0)] // near bounds it
    [InlineData(0.9, 0.5, 0.1)] // locality does
    public void Near_images_bound_the_search_alone_or_together_with_others(double? bound, double near, double expected)
    {
        using GuardedEdit found = Search(bound, near: near, broken: setting => setting < 1 ? 0 : (int)setting);
        Assert.Equal(expected, found.Setting);
        Assert.Equal(expected < 1 ? 0 : (int)expected, found.Measured!.Near!.Value.Broken);
        Assert.All(
            found.Curve,
            p =>
                Assert.Equal(
                    (p.Setting < 1 ? 0 : (int)p.Setting, 100),
                    (p.Near!.Value.Broken, p.Near.Value.RightBefore)
                )
        );
    }

    [Fact]
    public void Where_no_edit_keeps_both_bounds_there_is_none_but_the_whole_curve()
    {
        using GuardedEdit none = Search(0.9, near: 0.99, broken: _ => 2);
        Assert.Equal((null, null, 5), (none.Edit, none.Measured, none.Curve.Count));
        Assert.Contains(none.Curve, p => p.Locality >= 0.9);
    }

    // The bound as a user writes it, where 1 less the rate would round to another number.
    [Theory]
    [InlineData(10, 1, 0.9, true)]
    [InlineData(100, 1, 0.99, true)]
    [InlineData(143, 2, 0.99, false)]
    [InlineData(1000, 57, 0.943, true)]
    [InlineData(1000, 58, 0.943, false)]
    [InlineData(0, 0, 0.5, false)]
    public void A_share_that_is_just_the_bound_is_kept(int right, int broken, double bound, bool kept) =>
        Assert.Equal(
            kept,
            new GuardBounds(null, bound).AreKept(
                new GuardMeasurement(
                    null,
                    new Dictionary<string, Flips> { ["a/b"] = new(right + 7, right, 5, broken, 1) }
                )
            )
        );

    [Fact]
    public void What_was_not_measured_is_not_kept_and_a_guard_needs_a_bound()
    {
        Assert.False(new GuardBounds(0.1).AreKept(new GuardMeasurement(null)));
        Assert.False(new GuardBounds(null, 0.1).AreKept(new GuardMeasurement(new LocalityMeasurement(10, []))));
        Assert.Throws<BadInputException>(() => new GuardBounds(null).Validate());
        Assert.Throws<BadInputException>(() => new GuardBounds(0.9, 1.5).Validate());
    }
}
