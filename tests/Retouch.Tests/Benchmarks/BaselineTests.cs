using System.Text;
using Retouch.Speed;
using Retouch.Tests.Images;

namespace Retouch.Tests.Benchmarks;

/// <summary>A recorded run of the speed benchmarks, and what a later one is held to.</summary>
public sealed class BaselineTests : IDisposable
{
    readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static readonly Baseline Recorded = Of(("ViT-Ti/16, one edit", 6.4, 4.9, 7.0), ("ViT-Ti/16, LR", 4.7, 3.7, 6.3));

    [Fact]
    public void A_run_within_the_recorded_range_has_lost_nothing()
    {
        string path = Path.Combine(_folder.Path, "baseline.json");
        Recorded.Save(path);
        Assert.Empty(
            Baseline
                .Load(path)
                .Losses(
                    Of(("ViT-Ti/16, one edit", 4.9, 4.0, 5.0), ("ViT-Ti/16, LR", 9, 8, 10), ("new", 1, 1, 1)),
                    only: ""
                )
        );
    }

    [Fact]
    public void A_median_below_the_range_and_a_row_that_is_gone_are_losses()
    {
        string slower = Assert.Single(
            Recorded.Losses(Of(("ViT-Ti/16, one edit", 4.89, 4, 9), ("ViT-Ti/16, LR", 4, 4, 4)), only: "")
        );
        Assert.Equal("ViT-Ti/16, one edit, float32: 4.89x (4.00 to 9.00), recorded 6.40x (4.90 to 7.00)", slower);
        Assert.Equal(
            "ViT-Ti/16, LR: not measured",
            Assert.Single(Recorded.Losses(Of(("ViT-Ti/16, one edit", 6, 6, 6)), only: ""))
        );
        Assert.Empty(Recorded.Losses(Of(("ViT-Ti/16, one edit", 6, 6, 6)), only: "one edit"));
    }

    [Fact]
    public void A_bfloat16_ratio_is_held_to_its_own_range()
    {
        Baseline mixed = Recorded with
        {
            Rows = [new BaselineRow("a", new RatioRange(2, 1, 3), new RatioRange(9, 8, 10))],
        };
        string loss = Assert.Single(
            mixed.Losses(mixed with { Rows = [new BaselineRow("a", new RatioRange(2, 1, 3), null)] }, only: "")
        );
        Assert.StartsWith("a, bfloat16: not measured", loss, StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_of_other_code_and_files_of_something_else_are_refused()
    {
        Assert.Throws<InvalidDataException>(() => Recorded.Losses(Recorded with { Processor = "AVX-512" }, only: ""));
        Assert.Throws<InvalidDataException>(() => Recorded.Losses(Recorded with { Threads = 1 }, only: ""));
        Assert.Throws<InvalidDataException>(() => Recorded.Losses(Recorded, only: "ViT-H"));
        foreach (string text in (string[])["{}", "[]", "null", "{\"rows\": []}", "no JSON"])
        {
            string path = _folder.Write("other.json", Encoding.UTF8.GetBytes(text));
            Assert.Throws<InvalidDataException>(() => Baseline.Load(path));
        }
    }

    static Baseline Of(params (string Name, double Median, double Lowest, double Highest)[] rows) =>
        new(
            "AVX-512 with AMX",
            2,
            7,
            [.. rows.Select(r => new BaselineRow(r.Name, new RatioRange(r.Median, r.Lowest, r.Highest), null))]
        );
}
