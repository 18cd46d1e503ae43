using Retouch.Evaluation;

namespace Retouch.Tests.Evaluation;

public sealed class SettingSummaryTests
{
    [Fact]
    public void A_setting_is_the_mean_of_its_rows()
    {
        SettingSummary summary = Assert.Single(SettingSummary.Of(
        [
            BenchSamples.Row(0, "a", true, 0.5, 1.0), BenchSamples.Row(1, "a", true, 1.0, 0.9), BenchSamples.Row(2, "b", false, 0.0, 0.8), BenchSamples.Row(3, "b", true, 0.5, 0.9),
        ]));
        Assert.Equal((4, 2), (summary.Edits, summary.Groups));
        Assert.Equal((0.75, 0.5), (summary.Success.Mean, summary.Generalization!.Value.Mean));
        Assert.Equal(0.9, summary.Locality!.Value.Mean, 1e-12);
        Assert.Null(summary.SensitiveLocality);
        Assert.Equal((1.5, 0.5, 100), (summary.Steps, summary.Seconds, summary.Units));
        // Groups, not edits, are drawn: a's mean GR is 0.75 and b's 0.25.
        Assert.Equal((0.25, 0.75), (summary.Generalization.Value.Low, summary.Generalization.Value.High));
        Assert.True(summary.OnFront);
    }

    [Fact]
    public void Settings_keep_their_order_and_the_best_trade_offs_are_marked()
    {
        IReadOnlyList<SettingSummary> table = SettingSummary.Of(
        [
            BenchSamples.Row(0, "a", true, 0.5, 0.9, "0.5"), BenchSamples.Row(1, "a", true, 0.4, 0.8, "0.25"), BenchSamples.Row(2, "a", true, 0.2, 0.95, "0.05"),
        ]);
        Assert.Equal(["0.5", "0.25", "0.05"], table.Select(s => s.Settings["keep"]));
        Assert.Equal([true, false, true], table.Select(s => s.OnFront));
    }

    [Fact]
    public void Without_locality_there_is_no_front()
    {
        SettingSummary summary = Assert.Single(SettingSummary.Of([BenchSamples.Row(0, "a", true, 0.5, null)]));
        Assert.Null(summary.Locality);
        Assert.False(summary.OnFront);
    }
}
