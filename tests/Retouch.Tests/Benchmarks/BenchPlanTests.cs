using Retouch.Benchmarks;
using Retouch.Cli;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Tests.Editing;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Benchmarks;

public sealed class BenchPlanTests
{
    static readonly IReadOnlyList<BenchSetting> Settings = Grid(["0.05", "0.25"]);

    static IReadOnlyList<BenchSetting> Grid(string[] keeps, int seed = 0) =>
        EditorRegistry.Settings(
            ["masked-fine-tuning"],
            Sweep.Published,
            new Dictionary<string, IReadOnlyList<string>> { ["locator"] = ["gradient"], ["keep"] = keeps },
            new EditorResources { Seed = seed }
        );

    static BenchPlan Plan(int? max = null, int batch = 3, int seed = 0) =>
        new(
            BenchSamples.Benchmark(),
            Settings,
            new BenchOptions
            {
                MaxEditsPerGroup = max,
                Batch = batch,
                Seed = seed,
            }
        );

    [Fact]
    public void Images_that_are_turned_upright_make_another_run()
    {
        BenchOptions stored = new() { Batch = 3 };
        BenchOptions turned = stored with { Orientation = ImageOrientation.Exif };
        string Run(BenchOptions options) => new BenchPlan(BenchSamples.Benchmark(), Settings, options).Manifest.Run;
        Assert.Equal(Plan().Manifest.Run, Run(stored));
        Assert.NotEqual(Run(stored), Run(turned));
    }

    [Fact]
    public void Near_images_make_another_run_wherever_they_lie_and_none_the_run_that_there_was()
    {
        using TemporaryFolder here = new();
        using TemporaryFolder there = new();
        foreach (TemporaryFolder folder in (TemporaryFolder[])[here, there])
        {
            Directory.CreateDirectory(folder.File("art/dog"));
            folder.Write("art/dog/a.png", "one");
            folder.Write("art/dog/b.png", "two");
        }
        string none = Plan().Manifest.Run;
        Assert.Equal("c227", none[..4]); // as ever
        string near = Run(here, "[1, 2]");
        Assert.NotEqual(none, near);
        Assert.Equal(near, Run(there, "[1, 2]"));
        Assert.NotEqual(near, Run(there, "[1]"));
        there.Write("art/dog/b.png", "three");
        Assert.NotEqual(near, Run(there, "[1, 2]"));
        File.Move(here.File("art/dog/b.png"), here.File("art/dog/c.png"));
        Assert.NotEqual(near, Run(here, "[1, 2]"));

        string Run(TemporaryFolder folder, string accepted)
        {
            string accept = folder.Write("accept.json", $$"""{"dog": {{accepted}}}""");
            ClassFolders classes = ClassFolders.Load(accept, LabelSet.Numbered(5));
            NearImages images = NearImages.In([ImageFolder.Open(folder.File("art"))], classes, 5);
            BenchOptions options = new() { Batch = 3, Near = images };
            BenchManifest manifest = new BenchPlan(BenchSamples.Benchmark(), Settings, options).Manifest;
            Assert.Equal((2, null), (manifest.NearImages, Plan().Manifest.NearImages));
            return manifest.Run;
        }
    }

    [Fact]
    public void Candidates_for_sensitive_images_make_another_run_by_their_bytes_and_the_margin()
    {
        using TemporaryFolder here = new();
        using TemporaryFolder there = new();
        Directory.CreateDirectory(here.File("x/y"));
        here.Write("x/a.png", "one");
        here.Write("x/y/b.png", "two");
        there.Write("1.png", "two");
        there.Write("2.png", "one");
        there.Write("3.png", "two"); // once more: it counts once
        string none = Plan().Manifest.Run;
        string run = Run(here);
        Assert.NotEqual(none, run);
        Assert.Equal(run, Run(there));
        Assert.NotEqual(run, Run(there, 0.1));
        there.Write("2.png", "three");
        Assert.NotEqual(run, Run(there));
        Assert.Throws<BadInputException>(() => Run(there, 1.5));

        static string Run(TemporaryFolder folder, double margin = 0.05)
        {
            SensitiveCandidates images = SensitiveCandidates.In([ImageFolder.Open(folder.File("."))], margin);
            BenchOptions options = new() { Batch = 3, Sensitive = images };
            BenchManifest manifest = new BenchPlan(BenchSamples.Benchmark(), Settings, options).Manifest;
            Assert.Equal((2, margin), (manifest.SensitiveCandidates, manifest.SensitiveMargin));
            return manifest.Run;
        }
    }

    [Fact]
    public void Near_images_of_no_class_are_none()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("art/dog"));
        folder.Write("art/dog/a.png", "one");
        BadInputException refusal = Assert.Throws<BadInputException>(() =>
            NearImages.In([ImageFolder.Open(folder.File("art"))], new ClassFolders(LabelSet.Numbered(5)), 5)
        );
        Assert.Contains("dog", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--accept", RemedyText.Of(refusal), StringComparison.Ordinal);
    }

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

        IReadOnlyList<BenchEdit>[] shards =
        [
            .. Enumerable.Range(0, count).SelectMany(i => plan.Batches(new Shard(i, count))),
        ];
        Assert.Equal(plan.Edits, shards.SelectMany(b => b).OrderBy(e => e.Index));
        string[] batches = [.. whole.Select(b => string.Join(' ', b.Select(e => e.Index)))];
        Assert.All(shards, b => Assert.Contains(string.Join(' ', b.Select(e => e.Index)), batches));
    }

    [Fact]
    public void Several_samples_are_the_image_and_others_of_its_group_and_more_only_add()
    {
        BenchOptions options = new() { Samples = [3, 1, 2] };
        BenchPlan plan = new(BenchSamples.Benchmark(), Settings, options);
        // Groups of 3, 5 and 2 images; one must be left.
        Assert.Equal(
            [10, 8, 5],
            ((int[])[1, 2, 3]).Select(k => plan.Edits.Count(e => e.Setting == 0 && e.Samples.Count == k))
        );
        Assert.All(plan.Edits, e => Assert.Equal(e.Samples.Count, e.Samples.Distinct().Count()));
        foreach (BenchEdit more in plan.Edits.Where(e => e.Samples.Count > 1))
            Assert.Contains(
                plan.Edits,
                e =>
                    e.Setting == more.Setting
                    && e.Group == more.Group
                    && e.Samples.SequenceEqual(more.Samples.SkipLast(1))
            );
        Assert.All(
            plan.Batches(Shard.Whole),
            b => Assert.Single(b.Select(e => (e.Setting, e.Samples.Count)).Distinct())
        );

        // The same with the groups in another order, and not all the same with another seed.
        Benchmark turned = BenchSamples.Benchmark() with
        {
            Groups = [.. BenchSamples.Benchmark().Groups.Reverse()],
        };
        Assert.Equal(Named(plan).Order(), Named(new BenchPlan(turned, Settings, options)).Order());
        Assert.NotEqual(Named(plan).Order(), Named(new BenchPlan(turned, Settings, options with { Seed = 1 })).Order());
        Assert.Throws<BadInputException>(() =>
            new BenchPlan(BenchSamples.Benchmark(), Settings, new BenchOptions { Samples = [5] })
        );

        static IEnumerable<string> Named(BenchPlan plan) =>
            plan.Edits.Select(e =>
                $"{e.Setting} {string.Join(' ', e.Samples.Select(i => plan.Benchmark.Groups[e.Group].Images[i].Path))}"
            );
    }

    [Fact]
    public void A_batch_is_a_whole_group_or_some_of_it_spread_evenly()
    {
        BenchPlan plan = new(BenchSamples.Benchmark(), Settings, new BenchOptions { Mode = BenchMode.Batch });
        Assert.Equal([3, 5, 2, 3, 5, 2], plan.Edits.Select(e => e.Samples.Count));
        Assert.All(plan.Batches(Shard.Whole), b => Assert.Single(b));
        BenchPlan some = new(
            BenchSamples.Benchmark(),
            Settings,
            new BenchOptions { Mode = BenchMode.Batch, MaxEditsPerGroup = 3 }
        );
        Assert.Equal([0, 1, 3], some.Edits[1].Samples);
    }

    [Fact]
    public void A_sequence_visits_the_groups_in_rounds_in_an_order_of_its_seed_the_same_for_every_setting()
    {
        BenchPlan plan = Sequence(new());
        BenchEdit[] first = [.. plan.Edits.Where(e => e.Setting == 0)];
        Assert.Equal(10, first.Select(e => (e.Group, e.Samples[0])).Distinct().Count());
        Assert.Equal(
            [
                [0, 1, 2],
                [0, 1, 2],
                [0, 1],
                [1],
                [1],
            ],
            (
                (int[][])
                    [
                        [0, 1, 2],
                        [3, 4, 5],
                        [6, 7],
                        [8],
                        [9],
                    ]
            ).Select(round => round.Select(i => first[i].Group).Order().ToArray())
        );
        Assert.Equal(Order(plan, 0), Order(plan, 1));
        Assert.Equal(Order(plan, 0), Order(Sequence(new()), 0));
        Assert.Contains(
            Enumerable.Range(1, 5),
            seed => !Order(Sequence(new() { Seed = seed }), 0).SequenceEqual(Order(plan, 0))
        );
        Assert.Equal(Order(plan, 0).Take(4), Order(Sequence(new() { Sequence = 4 }), 0));
        Assert.Equal(6, Order(Sequence(new() { MaxEditsPerGroup = 2 }), 0).Count());

        // One batch a setting, which is what can be shared out.
        Assert.Equal([10, 10], plan.Batches(Shard.Whole).Select(b => b.Count));
        Assert.Equal(1, Assert.Single(plan.Batches(new Shard(1, 2)))[0].Setting);
        Assert.Contains(
            "at most 2 shards",
            Assert.Throws<BadInputException>(() => plan.Batches(new Shard(0, 3))).Message,
            StringComparison.Ordinal
        );

        static BenchPlan Sequence(BenchOptions options) =>
            new(BenchSamples.Benchmark(), Settings, options with { Mode = BenchMode.Sequential });

        static IEnumerable<(int, int)> Order(BenchPlan plan, int setting) =>
            plan.Edits.Where(e => e.Setting == setting).Select(e => (e.Group, e.Samples[0]));
    }

    [Fact]
    public void An_edit_of_all_groups_sees_a_seeded_share_of_each_and_of_the_small_ones_together()
    {
        BenchPlan plan = Together(new());
        BenchEdit[] first = [.. plan.Edits.Where(e => e.Setting == 0)];
        Assert.Equal([0, 1, 2], first.Select(e => e.Group));
        // Of ten images in groups of three, five and two.
        Assert.Equal(5, first.Sum(e => e.Samples.Count));
        Assert.All(
            first,
            e => Assert.InRange(e.Samples.Count - plan.Benchmark.Groups[e.Group].Images.Count / 2.0, -0.5, 0.5)
        );
        Assert.Equal(Seen(plan, 0), Seen(plan, 1));
        Assert.Equal(Seen(plan, 0), Seen(Together(new()), 0));
        Assert.Contains(
            Enumerable.Range(1, 5),
            seed => !Seen(Together(new() { Seed = seed }), 0).SequenceEqual(Seen(plan, 0))
        );
        Assert.Equal(8, Together(new() { Holdout = 0.2 }).Edits.Take(3).Sum(e => e.Samples.Count));
        Assert.Equal(10, Together(new() { Holdout = 0 }).Edits.Take(3).Sum(e => e.Samples.Count));

        // One batch a setting, which is what can be shared out.
        Assert.Equal([3, 3], plan.Batches(Shard.Whole).Select(b => b.Count));
        Assert.Contains(
            "at most 2 shards",
            Assert.Throws<BadInputException>(() => plan.Batches(new Shard(0, 3))).Message,
            StringComparison.Ordinal
        );
        Assert.Equal(
            4,
            new[]
            {
                plan,
                Together(new() { Holdout = 0.2 }),
                Together(new() { Along = true }),
                Together(new() { Seed = 1 }),
            }
                .Select(p => p.Manifest.Run)
                .Distinct()
                .Count()
        );

        static BenchPlan Together(BenchOptions options) =>
            new(BenchSamples.Benchmark(), Settings, options with { Mode = BenchMode.Folder });

        static IEnumerable<(int, int)> Seen(BenchPlan plan, int setting) =>
            plan.Edits.Where(e => e.Setting == setting).SelectMany(e => e.Samples.Select(s => (e.Group, s)));
    }

    [Fact]
    public void A_method_of_one_class_is_refused_for_all_groups_together_with_its_reason()
    {
        using MethodBed bed = new(images: 4);
        using Preparation memory = bed.Prepare(new GateMemory());
        foreach (IEditor editor in (IEditor[])[new Gate(memory), new Remember(memory)])
        {
            BenchSetting setting = new(editor, new Dictionary<string, string>());
            BenchPlan Plan() => new(BenchSamples.Benchmark(), [setting], new BenchOptions { Mode = BenchMode.Folder });
            if (Methods.Find(editor.Name).OneClass is not string why)
            {
                Assert.NotEmpty(Plan().Edits);
                continue;
            }
            string said = Assert.Throws<BadInputException>(Plan).Message;
            Assert.Contains("several classes", said, StringComparison.Ordinal);
            Assert.Contains(why, said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_method_that_adds_units_is_refused_in_a_sequence_by_name()
    {
        using MethodBed bed = new(images: 4);
        using Preparation memory = bed.Prepare(new QueryMemory());
        BenchSetting setting = new(new TPatcher(memory), new Dictionary<string, string>());
        Assert.Contains(
            "t-patcher",
            Assert
                .Throws<BadInputException>(() =>
                    new BenchPlan(BenchSamples.Benchmark(), [setting], new BenchOptions { Mode = BenchMode.Sequential })
                )
                .Message,
            StringComparison.Ordinal
        );
        Assert.NotEmpty(
            new BenchPlan(BenchSamples.Benchmark(), [setting], new BenchOptions { Mode = BenchMode.Batch }).Edits
        );
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
            new(benchmark, Settings, options with { Samples = [2] }),
            new(benchmark, Settings, options with { Samples = [1, 2] }),
            new(benchmark, Settings, options with { Mode = BenchMode.Batch }),
            new(benchmark, Settings, options with { Mode = BenchMode.Sequential }),
            new(benchmark, Settings, options with { Mode = BenchMode.Sequential, Sequence = 5 }),
            new(benchmark, Settings, options with { Mode = BenchMode.Sequential, MeasureAt = [1, 5] }),
            new(benchmark, Settings, options with { Mode = BenchMode.Sequential, Forget = 2 }),
            new(benchmark, Settings, options with { Mode = BenchMode.Folder }),
            new(benchmark, Grid(["0.05"]), options),
            new(benchmark with { ModelFingerprint = BenchSamples.Hash(1) }, Settings, options),
            new(benchmark with { SensitiveMargin = 0.1 }, Settings, options),
            new(benchmark with { Groups = [.. benchmark.Groups.Skip(1)] }, Settings, options),
            new(benchmark with { Locality = [.. benchmark.Locality.Skip(1)] }, Settings, options),
        ];
        Assert.Equal(plans.Length, plans.Select(p => p.Manifest.Run).Distinct().Count());
        Assert.Equal(
            plans[0].Manifest.Run,
            new BenchPlan(BenchSamples.Benchmark(), Grid(["5e-2", "0.250"]), new BenchOptions()).Manifest.Run
        );
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<BadInputException>(() => Plan(max: 0));
        Assert.Throws<BadInputException>(() => Plan(batch: 0));
        foreach (
            BenchOptions wrong in (BenchOptions[])
                [
                    new() { Samples = [0] },
                    new() { Samples = [] },
                    new() { Samples = [2, 2] },
                    new() { Samples = [1, 2], Mode = BenchMode.Batch },
                    new() { Samples = [2], Mode = BenchMode.Sequential },
                    new() { Sequence = 3 },
                    new() { Sequence = 0, Mode = BenchMode.Sequential },
                    new() { MeasureAt = [1] },
                    new() { MeasureAt = [], Mode = BenchMode.Sequential },
                    new() { MeasureAt = [0, 1], Mode = BenchMode.Sequential },
                    new() { Forget = 1 },
                    new() { Forget = -1, Mode = BenchMode.Sequential },
                    new() { Holdout = 0.2 },
                    new() { Holdout = 1, Mode = BenchMode.Folder },
                    new() { Along = true },
                    new() { Samples = [2], Mode = BenchMode.Folder },
                ]
        )
            Assert.Throws<BadInputException>(wrong.Validate);
        Assert.Throws<ArgumentException>(() => new BenchPlan(BenchSamples.Benchmark(), [], new BenchOptions()));
        Assert.Throws<ArgumentException>(() =>
            new BenchPlan(BenchSamples.Benchmark(), [Settings[0], Settings[0]], new BenchOptions())
        );
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
