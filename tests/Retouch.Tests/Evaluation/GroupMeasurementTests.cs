using Retouch.Evaluation;

namespace Retouch.Tests.Evaluation;

public sealed class GroupMeasurementTests
{
    // Five images; 386 and 101 are right.
    [Theory]
    [InlineData(new[] { 386, 386, 101, 917, 51 }, 0, true, 2)]  // (3 - 1) / 4
    [InlineData(new[] { 386, 386, 101, 917, 51 }, 3, false, 3)] // 3 / 4
    [InlineData(new[] { 917, 917, 917, 917, 101 }, 4, true, 0)]
    [InlineData(new[] { 386, 101, 386, 101, 386 }, 2, true, 4)]
    public void The_edit_sample_counts_for_success_and_the_others_for_generalization(int[] predictions, int sample, bool success, int othersRight)
    {
        GroupMeasurement measured = GroupMeasurement.Of(predictions, sample, [386, 101]);
        Assert.Equal(new GroupMeasurement(success, 4, othersRight), measured);
        Assert.Equal(othersRight / 4.0, measured.GeneralizationRate);
    }

    [Fact]
    public void A_group_needs_another_image_and_the_sample_must_be_one_of_it()
    {
        Assert.Throws<ArgumentException>(() => GroupMeasurement.Of([386], 0, [386]));
        Assert.Throws<ArgumentOutOfRangeException>(() => GroupMeasurement.Of([386, 1], 2, [386]));
        Assert.Throws<ArgumentOutOfRangeException>(() => GroupMeasurement.Of([386, 1], -1, [386]));
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
