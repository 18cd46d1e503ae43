using Retouch.Measurement;

namespace Retouch.Tests.Measurement;

public sealed class GroupMeasurementTests
{
    // Five images; 386 and 101 are right.
    [Theory]
    [InlineData(new[] { 386, 386, 101, 917, 51 }, 0, true, 2)] // (3 - 1) / 4
    [InlineData(new[] { 386, 386, 101, 917, 51 }, 3, false, 3)] // 3 / 4
    [InlineData(new[] { 917, 917, 917, 917, 101 }, 4, true, 0)]
    [InlineData(new[] { 386, 101, 386, 101, 386 }, 2, true, 4)]
    public void The_edit_sample_counts_for_success_and_the_others_for_generalization(
        int[] predictions,
        int sample,
        bool success,
        int othersRight
    )
    {
        GroupMeasurement measured = GroupMeasurement.Of(predictions, [sample], [386, 101]);
        Assert.Equal(new GroupMeasurement(1, success ? 1 : 0, 4, othersRight), measured);
        Assert.Equal((success, success ? 1 : 0), (measured.Success, measured.SuccessRate));
        Assert.Equal(othersRight / 4.0, measured.GeneralizationRate);
    }

    [Fact]
    public void The_samples_must_be_places_in_the_group_each_once()
    {
        Assert.Throws<ArgumentException>(() => GroupMeasurement.Of([386, 1], [], [386]));
        Assert.Throws<ArgumentException>(() => GroupMeasurement.Of([386, 1], [1, 1], [386]));
        Assert.Throws<ArgumentOutOfRangeException>(() => GroupMeasurement.Of([386, 1], [2], [386]));
        Assert.Throws<ArgumentOutOfRangeException>(() => GroupMeasurement.Of([386, 1], [-1], [386]));
    }

    [Fact]
    public void Several_samples_leave_the_generalization_to_the_rest()
    {
        GroupMeasurement measured = GroupMeasurement.Of([386, 917, 386, 386, 51], [0, 1, 2], [386]);
        Assert.Equal((3, 2, 2, 1), (measured.Samples, measured.SamplesRight, measured.Others, measured.OthersRight));
        Assert.False(measured.Success);
        Assert.Equal((2.0 / 3, 0.5), (measured.SuccessRate, measured.GeneralizationRate));
        // A whole group leaves nothing to generalize to.
        Assert.Null(GroupMeasurement.Of([386, 386], [1, 0], [386]).GeneralizationRate);
        // What earlier edits saw counts for nothing.
        Assert.Equal(
            (1, 1.0),
            (
                GroupMeasurement.Of([386, 917, 386], [0], [386], new HashSet<int> { 1 }).Others,
                GroupMeasurement.Of([386, 917, 386], [0], [386], new HashSet<int> { 1 }).GeneralizationRate
            )
        );
    }

    [Fact]
    public void Locality_among_some_images_counts_their_changes_alone()
    {
        LocalityMeasurement all = new(10, [new(2, 5, 6), new(7, 1, 0), new(8, 1, 3)]);
        Assert.Equal(0.7, all.Rate, 1e-12);
        LocalityMeasurement some = all.Among([0, 2, 3, 8]);
        Assert.Equal((4, 0.5), (some.Images, some.Rate));
        Assert.Equal([2, 8], some.Changed.Select(c => c.Image));
        Assert.Equal(1, all.Among([0, 1]).Rate);
    }
}
