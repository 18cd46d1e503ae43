using Retouch.Editing;
using Retouch.Evaluation;

namespace Retouch.Tests.Evaluation;

public sealed class BenchPlanTests
{
    static readonly IReadOnlyList<BenchSetting> Settings = Grid(["0.05", "0.25"]);

    static IReadOnlyList<BenchSetting> Grid(string[] keeps, int seed = 0) =>
        EditorRegistry.Settings(["masked-fine-tuning"], Sweep.Published, new Dictionary<string, IReadOnlyList<string>> { ["locator"] = ["gradient"], ["keep"] = keeps }, new EditorResources { Seed = seed });

    static BenchPlan Plan(int? max = null, int batch = 3, int seed = 0) => new(BenchSamples.Benchmark(), Settings, new BenchOptions { MaxEditsPerGroup = max, Batch = batch, Seed = seed });

    [Fact]
    public void Every_image_is_the_edit_sample_once_a_setting()
    {
        BenchPlan plan = Plan();
        Assert.Equal(2 * (3 + 5 + 2), plan.Edits.Count);
        Assert.Equal(Enumerable.Range(0, 20), plan.Edits.Select(e => e.Index));
        Assert.Equal(20, plan.Edits.Select(e => (e.Setting, e.Group, Assert.Single(e.Samples))).Distinct().Count());
        Assert.Equal(20, plan.Manifest.Edits);
    }

    [Theory]
    [InlineData(1, new[] { 0 })]
    [InlineData(2, new[] { 0, 2 })]
    [InlineData(3, new[] { 0, 1, 3 })]
    [InlineData(9, new[] { 0, 1, 2, 3, 4 })]
    public void Fewer_edits_are_spread_over_a_group(int max, int[] images) =>
        Assert.Equal(images, Plan(max).Edits.Where(e => e is { Setting: 0, Group: 1 }).Select(e => e.Samples[0]));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(20)]
    public void Shards_share_out_whole_batches_and_every_edit_once(int count)
    {
        BenchPlan plan = Plan();
        IReadOnlyList<IReadOnlyList<BenchEdit>> whole = plan.Batches(Shard.Whole);
        Assert.All(whole, b => Assert.Single(b.Select(e => e.Setting).Distinct()));
        Assert.Equal([3, 3, 3, 1, 3, 3, 3, 1], whole.Select(b => b.Count));

        IReadOnlyList<BenchEdit>[] shards = [.. Enumerable.Range(0, count).SelectMany(i => plan.Batches(new Shard(i, count)))];
        Assert.Equal(plan.Edits, shards.SelectMany(b => b).OrderBy(e => e.Index));
        string[] batches = [.. whole.Select(b => string.Join(' ', b.Select(e => e.Index)))];
        Assert.All(shards, b => Assert.Contains(string.Join(' ', b.Select(e => e.Index)), batches));
    }

    [Fact]
    public void A_run_is_named_by_all_that_its_rows_depend_on()
    {
        Benchmark benchmark = BenchSamples.Benchmark();
        BenchOptions options = new();
        BenchPlan[] plans =
        [
            new(benchmark, Settings, options),
            new(benchmark, Settings, options with { Seed = 1 }),
            new(benchmark, Settings, options with { Batch = 4 }),
            new(benchmark, Settings, options with { MaxEditsPerGroup = 4 }),
            new(benchmark, Grid(["0.05"]), options),
            new(benchmark with { ModelFingerprint = BenchSamples.Hash(1) }, Settings, options),
            new(benchmark with { SensitiveMargin = 0.1 }, Settings, options),
            new(benchmark with { Groups = [.. benchmark.Groups.Skip(1)] }, Settings, options),
            new(benchmark with { Locality = [.. benchmark.Locality.Skip(1)] }, Settings, options),
        ];
        Assert.Equal(plans.Length, plans.Select(p => p.Manifest.Run).Distinct().Count());
        Assert.Equal(plans[0].Manifest.Run, new BenchPlan(BenchSamples.Benchmark(), Grid(["5e-2", "0.250"]), new BenchOptions()).Manifest.Run);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<BadInputException>(() => Plan(max: 0));
        Assert.Throws<BadInputException>(() => Plan(batch: 0));
        Assert.Throws<ArgumentException>(() => new BenchPlan(BenchSamples.Benchmark(), [], new BenchOptions()));
        Assert.Throws<ArgumentException>(() => new BenchPlan(BenchSamples.Benchmark(), [Settings[0], Settings[0]], new BenchOptions()));
    }

    [Theory]
    [InlineData("0/1", 0, 1)]
    [InlineData("3/4", 3, 4)]
    public void A_shard_is_read(string text, int index, int count)
    {
        Assert.True(Shard.TryParse(text, out Shard shard));
        Assert.Equal(new Shard(index, count), shard);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("4/4")]
    [InlineData("-1/4")]
    [InlineData("0/0")]
    [InlineData("0/4/2")]
    [InlineData("a/b")]
    [InlineData("0/99999999999")]
    public void What_is_no_shard_is_refused(string text) => Assert.False(Shard.TryParse(text, out _));
}
