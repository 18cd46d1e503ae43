using Retouch.Benchmarks;
using Retouch.Reports;
using Retouch.Tests.Formats;
using static Retouch.Tests.Reports.ReportSamples;

namespace Retouch.Tests.Reports;

public sealed class BenchComparisonTests
{
    static readonly ReportOptions Few = new() { Resamples = 50 };

    static BenchComparison Compare(params ReportRun[] runs) => BenchComparison.Of(runs, Few);

    [Fact]
    public void A_method_is_matched_by_the_setting_of_most_GR_that_has_the_LR()
    {
        IReadOnlyList<MethodScore> scores = Compare(Run(Paintings())).Scores;
        Assert.Equal(["gradient mask", "random mask"], scores.Select(s => s.Method));

        // Gradient: keep 0.5 has GR 0.6 at LR 0.97, keep 0.1 GR 0.3 at LR 0.99.
        MethodScore gradient = scores[0];
        Assert.Equal((2, 4, "art"), (gradient.Settings, gradient.Edits, gradient.Subset));
        Assert.Equal([0.99, 0.98, 0.97], gradient.Matches.Select(m => m.Level));
        double[] matched = [.. gradient.Matches.Select(m => m.Generalization!.Value.Mean)];
        Assert.Equal([0.3, 0.3, 0.6], matched, (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Contains("keep=0.1 ", gradient.Matches[0].Setting, StringComparison.Ordinal);
        Assert.Contains("keep=0.5 ", gradient.Matches[2].Setting, StringComparison.Ordinal);
        // Groups are drawn: of keep 0.5 one has 0.8 and the other 0.4.
        Assert.Equal(
            (0.4, 0.8),
            (
                Math.Round(gradient.Matches[2].Generalization!.Value.Low, 12),
                Math.Round(gradient.Matches[2].Generalization!.Value.High, 12)
            )
        );
        // Above (0, 0.9): 0.3 wide and 0.09 high, and from there to 0.6 another 0.07 high, of 1 by 0.1.
        Assert.Equal(0.3 * 0.9 + 0.3 * 0.7, gradient.Hypervolume.Mean, 1e-12);
        // Cost is that of the setting at the middle level.
        Assert.Contains("keep=0.1 ", gradient.CostSetting, StringComparison.Ordinal);

        MethodScore random = scores[1];
        Assert.Null(random.Matches[0].Setting);
        Assert.Null(random.Matches[0].Generalization);
        Assert.Equal(0.2, random.Matches[1].Generalization!.Value.Mean, 1e-12);
        Assert.Equal(0.2 * 0.8, random.Hypervolume.Mean, 1e-12);
    }

    [Fact]
    public void The_order_of_runs_and_rows_does_not_matter()
    {
        BenchRow[] rows = [.. Paintings(), .. Photos()];
        MethodScore[] one = [.. Compare(Run(rows)).Scores];
        MethodScore[] other = [.. Compare(Run([.. Photos()]), Run([.. Paintings().Reverse()])).Scores];
        Assert.Equal(one.Select(Describe), other.Select(Describe));

        static string Describe(MethodScore s) =>
            $"{s.Subset} {s.Method} {s.Settings} {string.Join(' ', s.Matches)} {s.Hypervolume}";
    }

    [Fact]
    public void All_subsets_together_have_the_settings_that_each_has()
    {
        MethodScore[] together = [.. Compare(Run(Paintings()), Run(Photos())).Scores.Where(s => s.Subset is null)];
        // Keep 0.5 was not run on photos: keep 0.1 alone, 4 edits of GR 0.3 and 4 of 1.
        Assert.Equal(("gradient mask", 1, 8), (together[0].Method, together[0].Settings, together[0].Edits));
        Assert.Equal((4 * 0.3 + 4 * 1) / 8, together[0].Matches[0].Generalization!.Value.Mean, 1e-12);
        Assert.Equal(
            ["art", "art", "photo", "photo", null, null],
            Compare(Run(Paintings()), Run(Photos())).Scores.Select(s => s.Subset)
        );
    }

    [Fact]
    public void A_setting_that_lacks_a_group_is_not_compared()
    {
        BenchRow[] unfinished =
        [
            .. Paintings()
                .Where(r => r.Group == "art/elephant→51")
                .Select(r => r with { Settings = new Dictionary<string, string>(r.Settings) { ["lr"] = "0.001" } }),
        ];
        BenchComparison comparison = Compare(Run(unfinished, "unfinished", edits: 12), Run(Paintings()));
        Assert.Equal(2, comparison.Scores[0].Settings);
        string page = BenchReport.Html(comparison);
        Assert.Contains("The run unfinished is not finished: 6 of 12 rows are there.", page, StringComparison.Ordinal);
        Assert.Contains("lr=0.001 steps=100 (1 group of 2)", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_edit_counts_once_and_of_another_seed_twice()
    {
        Assert.Equal(4, Compare(Run(Paintings()), Run(Paintings(), "copy")).Scores[0].Edits);
        Assert.Contains(
            "12 rows came twice",
            BenchReport.Html(Compare(Run(Paintings()), Run(Paintings(), "copy"))),
            StringComparison.Ordinal
        );
        Assert.Equal(8, Compare(Run(Paintings()), Run(Paintings(), seed: 1)).Scores[0].Edits);
    }

    [Fact]
    public void Runs_from_before_there_were_modes_are_read_as_single_edits()
    {
        using TemporaryFolder folder = new();
        folder.Write(
            "run.json",
            $$"""{"run":"0123456789abcdef","model":"{{Model}}","edits":1,"groups":1,"localityImages":300,"sensitiveImages":11,"maxEditsPerGroup":5,"batch":12,"seed":0,"settings":["ft"]}"""
        );
        folder.Write(
            "rows.jsonl",
            """{"run":"0123456789abcdef","edit":0,"method":"ft","settings":{},"group":"art/a→1","image":"x","label":1,"predicted":1,"success":true,"generalization":0.5,"others":4,"locality":0.98,"sensitiveLocality":null,"steps":3,"seconds":1,"units":0,"parameters":9}"""
                + "\n"
        );
        ReportRun run = ReportRun.Read(folder.Root);
        Assert.Equal([1], run.Manifest.Samples);
        Assert.Equal((BenchMode.Single, 1, 1.0), (run.Rows[0].Mode, run.Rows[0].Samples, run.Rows[0].SuccessRate));
        Assert.Empty(run.Rows[0].FurtherImages);
        Assert.Equal(1, Assert.Single(SettingSummary.Of(run.Rows)).Samples);
        Assert.Equal(0.5, Assert.Single(Compare(run).Scores).Matches[1].Generalization!.Value.Mean);
    }

    [Fact]
    public void Two_benchmarks_of_one_source_stay_apart()
    {
        BenchRow[] others =
        [
            .. Paintings().Select(r => r with { Group = r.Group.Replace("horse", "guitar", StringComparison.Ordinal) }),
        ];
        Assert.Equal(
            ["art (1)", "art (2)", null],
            Compare(Run(Paintings()), Run(others)).Scores.Select(s => s.Subset).Distinct()
        );
    }

    [Fact]
    public void Masks_are_compared_with_random_ones_edit_by_edit()
    {
        PairedDifference difference = Assert.Single(Compare(Run(Paintings())).AgainstRandom);
        Assert.Equal(
            ("gradient mask", "0.1", 4, "lr=0.0001 steps=100"),
            (difference.Method, difference.Keep, difference.Pairs, difference.Others)
        );
        // 0.2, 0, 0 and 0.2, so 0.1 in each group.
        Assert.Equal(
            (0.1, 0.1, 0.1),
            (
                Math.Round(difference.Generalization.Mean, 12),
                Math.Round(difference.Generalization.Low, 12),
                Math.Round(difference.Generalization.High, 12)
            )
        );
        Assert.Equal(0.01, difference.Locality!.Value.Mean, 1e-12);
    }

    [Fact]
    public void Hypernetworks_are_told_apart_only_where_there_are_several()
    {
        BenchRow one = Row(
            "art/a→1",
            "x",
            "masked-fine-tuning",
            0.5,
            0.98,
            ("locator", "hypernetwork"),
            ("locatorFile", "aaaabbbbcccc"),
            ("keep", "0.1")
        );
        BenchRow two = Row(
            "art/a→1",
            "x",
            "masked-fine-tuning",
            0.5,
            0.98,
            ("locator", "hypernetwork"),
            ("locatorFile", "ddddeeeeffff"),
            ("keep", "0.1")
        );
        Assert.Equal(["hypernetwork mask"], Compare(Run([one])).Scores.Select(s => s.Method));
        Assert.Equal(
            ["hypernetwork aaaabb", "hypernetwork ddddee"],
            Compare(Run([one, two])).Scores.Select(s => s.Method)
        );
    }

    [Fact]
    public void What_cannot_be_compared_is_refused()
    {
        Assert.Contains(
            "one model",
            Assert
                .Throws<BadInputException>(() =>
                    Compare(Run(Paintings()), Run(Photos(), "other", model: new string('b', 64)))
                )
                .Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "levels of LR",
            Assert
                .Throws<BadInputException>(() =>
                    BenchComparison.Of([Run(Paintings())], new ReportOptions { LocalityLevels = [1.5] })
                )
                .Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "reference LR",
            Assert
                .Throws<BadInputException>(() =>
                    BenchComparison.Of([Run(Paintings())], new ReportOptions { ReferenceLocality = 1 })
                )
                .Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "zoomed",
            Assert
                .Throws<BadInputException>(() =>
                    BenchComparison.Of([Run(Paintings())], new ReportOptions { ZoomLocality = -1 })
                )
                .Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "resamples",
            Assert
                .Throws<BadInputException>(() =>
                    BenchComparison.Of([Run(Paintings())], new ReportOptions { Resamples = 0 })
                )
                .Message,
            StringComparison.Ordinal
        );
    }
}
