using Retouch.Benchmarks;
using Retouch.Measurement;

namespace Retouch.Tests.Benchmarks;

public sealed class SettingSummaryTests
{
    [Fact]
    public void A_setting_is_the_mean_of_its_rows()
    {
        SettingSummary summary = Assert.Single(
            SettingSummary.Of([
                BenchSamples.Row(0, "a", true, 0.5, 1.0),
                BenchSamples.Row(1, "a", true, 1.0, 0.9),
                BenchSamples.Row(2, "b", false, 0.0, 0.8),
                BenchSamples.Row(3, "b", true, 0.5, 0.9),
            ])
        );
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
    public void Negative_flips_are_a_mean_of_rates_over_groups_and_the_net_gain_one_of_images()
    {
        SettingSummary summary = Assert.Single(
            SettingSummary.Of([
                Near(0, "a", new(10, 4, 2, 1, 0)),
                Near(1, "a", new(10, 4, 0, 3, 0)),
                Near(2, "b", new(8, 0, 5, 0, 0)), // none was right: no rate
                Near(3, "b", new(8, 5, 1, 0, 2)),
            ])
        );
        Assert.Equal((0.25 + 0.75 + 0) / 3, summary.NegativeFlips!.Value.Mean, 1e-12);
        // Groups are drawn: a alone has 0.5, b alone 0.
        Assert.Equal((0, 0.5), (summary.NegativeFlips.Value.Low, summary.NegativeFlips.Value.High));
        Assert.Equal((1 - 3 + 5 + 1) / 4.0, summary.NetGain);

        summary = Assert.Single(SettingSummary.Of([BenchSamples.Row(0, "a", true, 0.5, 1.0)]));
        Assert.True(summary is { NegativeFlips: null, NetGain: null });

        static BenchRow Near(int edit, string group, Flips flips) =>
            BenchSamples.Row(edit, group, true, 0.5, 1) with
            {
                // As two folders, which are taken together.
                Near = new Dictionary<string, Flips> { ["art/dog"] = flips, ["art/cat"] = default },
            };
    }

    [Fact]
    public void Near_images_are_told_apart_by_folder_and_by_class()
    {
        SettingSummary summary = Assert.Single(
            SettingSummary.Of([
                Row(0, "a", ("art/dog", new(10, 4, 2, 1, 0)), ("photo/dog", new(6, 6, 0, 3, 0))),
                Row(1, "b", ("art/dog", new(8, 4, 0, 0, 0)), ("photo/cat", new(2, 0, 1, 0, 0))),
            ])
        );
        Assert.Equal(["art/dog", "photo/cat", "photo/dog"], summary.NearByFolder!.Keys);
        NearRate dogs = summary.NearByFolder["art/dog"];
        Assert.Equal((0.125, 0.5, 10), (dogs.NegativeFlips!.Value.Mean, dogs.NetGain, dogs.Images));
        Assert.Equal((0, 0.25), (dogs.NegativeFlips.Value.Low, dogs.NegativeFlips.Value.High));
        // Only one of the edits has these.
        dogs = summary.NearByFolder["photo/dog"];
        Assert.Equal((0.5, -3, 6), (dogs.NegativeFlips!.Value.Mean, dogs.NetGain, dogs.Images));
        Assert.Equal(new NearRate(null, 1, 2), summary.NearByFolder["photo/cat"]);
        Assert.Equal(["cat", "dog"], summary.NearByClass!.Keys);
        dogs = summary.NearByClass["dog"];
        Assert.Equal((0.2, -1, 16), (dogs.NegativeFlips!.Value.Mean, dogs.NetGain, dogs.Images));

        summary = Assert.Single(SettingSummary.Of([BenchSamples.Row(0, "a", true, 0.5, 1.0)]));
        Assert.True(summary is { NearByFolder: null, NearByClass: null });

        static BenchRow Row(int edit, string group, params (string Folder, Flips Flips)[] near) =>
            BenchSamples.Row(edit, group, true, 0.5, 1) with
            {
                Near = near.ToDictionary(f => f.Folder, f => f.Flips),
            };
    }

    [Fact]
    public void LR_of_mined_sensitive_images_is_a_mean_over_groups()
    {
        SettingSummary summary = Assert.Single(
            SettingSummary.Of([
                Row(0, "a", new(10, 1)),
                Row(1, "a", new(10, 3)),
                Row(2, "b", new(8, 4)),
                Row(3, "b", new(0, 0)), // all are its own group's
            ])
        );
        Assert.Equal((0.9 + 0.7 + 0.5) / 3, summary.MinedLocality!.Value.Mean, 1e-12);
        Assert.Equal((0.5, 0.8), (summary.MinedLocality.Value.Low, Math.Round(summary.MinedLocality.Value.High, 12)));
        Assert.Equal(10, summary.MinedImages);

        summary = Assert.Single(SettingSummary.Of([BenchSamples.Row(0, "a", true, 0.5, 1.0)]));
        Assert.True(summary is { MinedLocality: null, MinedImages: null });

        static BenchRow Row(int edit, string group, ChangeCount sensitive) =>
            BenchSamples.Row(edit, group, true, 0.5, 1) with
            {
                Sensitive = sensitive,
            };
    }

    [Fact]
    public void Settings_keep_their_order_and_the_best_trade_offs_are_marked()
    {
        IReadOnlyList<SettingSummary> table = SettingSummary.Of([
            BenchSamples.Row(0, "a", true, 0.5, 0.9, "0.5"),
            BenchSamples.Row(1, "a", true, 0.4, 0.8, "0.25"),
            BenchSamples.Row(2, "a", true, 0.2, 0.95, "0.05"),
        ]);
        Assert.Equal(["0.5", "0.25", "0.05"], table.Select(s => s.Settings["keep"]));
        Assert.Equal([true, false, true], table.Select(s => s.OnFront));
    }

    [Fact]
    public void Only_edits_on_as_many_images_compete_and_several_samples_succeed_in_part()
    {
        IReadOnlyList<SettingSummary> table = SettingSummary.Of([
            BenchSamples.Row(0, "a", true, 0.2, 0.9),
            BenchSamples.Row(1, "a", false, 0.5, 1) with
            {
                Samples = 3,
                SamplesRight = 2,
            },
            BenchSamples.Row(2, "a", true, 0.4, 1) with
            {
                Samples = 3,
                SamplesRight = 3,
            },
            BenchSamples.Row(3, "a", false, null, 0.8) with
            {
                Mode = BenchMode.Batch,
                Samples = 5,
                SamplesRight = 1,
            },
            BenchSamples.Row(4, "b", true, 0.5, 0.8) with
            {
                Mode = BenchMode.Batch,
                Samples = 4,
                SamplesRight = 4,
            },
        ]);
        Assert.Equal(
            [(BenchMode.Single, 1), (BenchMode.Single, 3), (BenchMode.Batch, (int?)null)],
            table.Select(s => (s.Mode, s.Samples))
        );
        Assert.Equal([1, 0.8333, 0.6], table.Select(s => Math.Round(s.Success.Mean, 4)));
        Assert.All(table, s => Assert.True(s.OnFront));
        // Of the batches only one left others to generalize to.
        Assert.Equal(0.5, table[2].Generalization!.Value.Mean);
        Assert.All(table, s => Assert.True(s is { EarlierSuccess: null, FinalSuccess: null, FinalLocality: null }));
    }

    [Fact]
    public void A_sequence_is_judged_at_its_end_too()
    {
        SettingSummary summary = Assert.Single(
            SettingSummary.Of([Step(2, "b", 0.5, 0.9, 1), Step(3, "a", 0.5, 0.7, 0), Step(1, "a", null, 1.0, 1)])
        );
        Assert.Equal((0.5, 2.0 / 3), (summary.EarlierSuccess!.Value.Mean, summary.Success.Mean));
        // At the end half of the two earlier ones is right, and the last is not.
        Assert.Equal((1.0 / 3, 0.7), (summary.FinalSuccess, summary.FinalLocality));

        static BenchRow Step(int step, string group, double? earlier, double lr, int right) =>
            BenchSamples.Row(step - 1, group, right == 1, 0.5, lr) with
            {
                Mode = BenchMode.Sequential,
                Step = step,
                EarlierSuccess = earlier,
                SamplesRight = right,
            };
    }

    [Fact]
    public void Without_locality_there_is_no_front()
    {
        SettingSummary summary = Assert.Single(SettingSummary.Of([BenchSamples.Row(0, "a", true, 0.5, null)]));
        Assert.Null(summary.Locality);
        Assert.False(summary.OnFront);
    }
}
