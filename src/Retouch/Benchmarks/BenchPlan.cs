using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Retouch.Editing;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Benchmarks;

/// <summary>
/// Every edit of a run in its order: setting by setting, by rising number of edit samples, group by group, image
/// by image; of sequential edits in the sequence's order, which is the same for every setting. Batches are cut
/// from the whole plan and never cross settings or numbers of samples, and a shard takes whole batches, so what
/// an edit is computed beside does not depend on who computes it. A sequence is one batch. Immutable.
/// </summary>
public sealed class BenchPlan
{
    const int Purpose = 0x5E0; // of the random numbers

    /// <summary>Makes the plan.</summary>
    /// <exception cref="BadInputException">
    /// An option is out of range, a method cannot do the mode, or no group is large enough for the edit samples.
    /// </exception>
    /// <exception cref="ArgumentException">There is no setting, or two are the same.</exception>
    public BenchPlan(Benchmark benchmark, IReadOnlyList<BenchSetting> settings, BenchOptions options)
    {
        options.Validate();
        if (settings.Count == 0 || settings.Select(s => s.Name).Distinct().Count() < settings.Count)
            throw new ArgumentException("A plan needs settings, each once.", nameof(settings));
        if (
            options.Mode == BenchMode.Sequential
            && settings.FirstOrDefault(s => Methods.All.Any(m => m.Name == s.Editor.Name && !m.Sequential)) is { } alone
        )
            throw BadInput.Unsupported(
                alone.Editor.Name,
                $"The method {alone.Editor.Name} cannot edit sequentially: it adds hidden units, and the model that "
                    + "the next edit would start from has no place for them.",
                Remedy.AnyOf(Remedy.LeaveOut(Parameter.Method), Remedy.Option(Parameter.Mode, "single or batch"))
            );
        if (
            options.Mode == BenchMode.Folder
            && settings
                .Select(s => Methods.All.FirstOrDefault(m => m.Name == s.Editor.Name))
                .FirstOrDefault(m => m?.OneClass is not null)
                is { } single
        )
            throw BadInput.Unsupported(
                single.Name,
                $"The method {single.Name} cannot correct images of several classes by one edit: {single.OneClass}.",
                Remedy.AnyOf(Remedy.LeaveOut(Parameter.Method), Remedy.Option(Parameter.Mode, "batch"))
            );
        (Benchmark, Settings, Options) = (benchmark, settings, options);
        (int Group, int[] Samples)[] one =
        [
            .. options.Mode switch
            {
                BenchMode.Batch => Batched(),
                BenchMode.Folder => Together(),
                BenchMode.Sequential => Sequence().Take(options.Sequence ?? int.MaxValue),
                _ => options.Samples.Order().SelectMany(Single),
            },
        ];
        if (one.Length == 0)
            throw BadInput.Mismatch(
                null,
                "No group of the benchmark has another image left beside "
                    + $"{options.Samples.Min()} to edit on; use fewer."
            );
        Edits =
        [
            .. settings.SelectMany(
                (_, s) => one.Select((e, i) => new BenchEdit(s * one.Length + i, s, e.Group, e.Samples))
            ),
        ];
        Manifest = new BenchManifest
        {
            Run = Identify(),
            Model = benchmark.ModelFingerprint,
            Mode = options.Mode,
            Samples = [.. options.Samples.Order()],
            Sequence = options.Sequence,
            Edits = Edits.Count,
            Groups = benchmark.Groups.Count,
            LocalityImages = benchmark.Locality.Count,
            SensitiveImages = benchmark.Sensitive.Count,
            NearImages = options.Near?.Count,
            SensitiveCandidates = options.Sensitive?.Images.Count,
            SensitiveMargin = options.Sensitive?.Margin,
            MaxEditsPerGroup = options.MaxEditsPerGroup,
            Batch = options.Batch,
            Seed = options.Seed,
            Settings = [.. settings.Select(s => s.Name)],
        };
    }

    /// <summary>What is edited.</summary>
    public Benchmark Benchmark { get; }

    /// <summary>The methods under their settings.</summary>
    public IReadOnlyList<BenchSetting> Settings { get; }

    /// <summary>How much is edited, and how.</summary>
    public BenchOptions Options { get; }

    /// <summary>The edits, in order.</summary>
    public IReadOnlyList<BenchEdit> Edits { get; }

    /// <summary>What the run is.</summary>
    public BenchManifest Manifest { get; }

    /// <summary>A shard's batches, in order.</summary>
    /// <exception cref="BadInputException">There are more shards than sequences.</exception>
    public IReadOnlyList<IReadOnlyList<BenchEdit>> Batches(Shard shard)
    {
        if (Options.Mode is BenchMode.Sequential or BenchMode.Folder && shard.Count > Settings.Count)
        {
            throw BadInput.OutOfRange(
                nameof(Shard),
                (
                    Options.Mode == BenchMode.Folder
                        ? "An edit of all groups together is one unit of work"
                        : "A sequence is one unit of work, since each of its edits starts from those before"
                )
                    + (
                        Settings.Count == 1
                            ? "."
                            : $"; these {Settings.Count} settings make {Settings.Count} of them, so run at most "
                                + $"{Settings.Count} shards."
                    ),
                Settings.Count == 1 ? Remedy.LeaveOut(Parameter.Shard) : null
            );
        }
        IEnumerable<BenchEdit[]> batches = Options.Mode switch
        {
            BenchMode.Sequential or BenchMode.Folder => Edits.GroupBy(e => e.Setting).Select(all => all.ToArray()),
            // Edits of one call have as many images each, and a group's are many.
            BenchMode.Batch => Edits.Chunk(1),
            _ => Edits.GroupBy(e => (e.Setting, e.Samples.Count)).SelectMany(alike => alike.Chunk(Options.Batch)),
        };
        return [.. batches.Where((_, i) => shard.Has(i))];
    }

    IEnumerable<(int, int[])> Single(int samples) =>
        Benchmark.Groups.SelectMany(
            (group, g) =>
                group.Images.Count <= samples
                    ? []
                    : Spread(group.Images.Count, Options.MaxEditsPerGroup)
                        .Select(image => (g, Samples(group, image, samples)))
        );

    IEnumerable<(int, int[])> Batched() =>
        Benchmark.Groups.Select((group, g) => (g, Spread(group.Images.Count, Options.MaxEditsPerGroup).ToArray()));

    // A row a group, of one edit.
    IEnumerable<(int, int[])> Together()
    {
        (int Group, int Image)[] all =
        [
            .. Benchmark.Groups.SelectMany((group, g) => Enumerable.Range(0, group.Images.Count).Select(i => (g, i))),
        ];
        (int[] given, _) = HeldOut.Divide(
            Enumerable.Range(0, all.Length),
            i => Benchmark.Groups[all[i].Group].Name,
            i => Benchmark.Groups[all[i].Group].Images[all[i].Image].Sha256,
            Options.Holdout,
            Options.Seed,
            HeldOut.Failing
        );
        if (given.Length == 0)
            return [];
        ILookup<int, int> images = given.ToLookup(i => all[i].Group, i => all[i].Image);
        return Benchmark.Groups.Select(
            (_, g) =>
            {
                int[] some = [.. images[g]];
                int most = Math.Min(Options.MaxEditsPerGroup ?? some.Length, some.Length);
                return (g, (int[])[.. Spread(some.Length, most).Select(i => some[i])]);
            }
        );
    }

    // Round by round, each of which visits every group that has images left once, in an order of its own.
    IEnumerable<(int, int[])> Sequence()
    {
        int[][] images = [.. Benchmark.Groups.Select(g => Spread(g.Images.Count, Options.MaxEditsPerGroup).ToArray())];
        for (int g = 0; g < images.Length; g++)
            Random(Benchmark.Groups[g].Images[0]).Shuffle(images[g]);
        for (int round = 0; round < images.Max(i => i.Length); round++)
        {
            int[] groups = [.. Enumerable.Range(0, images.Length).Where(g => images[g].Length > round)];
            StableRandom.For(Options.Seed, Purpose, round).Shuffle(groups);
            foreach (int g in groups)
                yield return (g, [images[g][round]]);
        }
    }

    // The image and others of its group, the first k of one order: of the same image a greater number only adds to a
    // smaller.
    int[] Samples(FailureGroup group, int image, int count)
    {
        int[] others = [.. Enumerable.Range(0, group.Images.Count).Where(i => i != image)];
        Random(group.Images[image]).Shuffle(others);
        return [image, .. others.Take(count - 1)];
    }

    // By the image, not by its place: the same whatever else is in the plan.
    Random Random(BenchmarkImage image) =>
        StableRandom.For(Options.Seed, Purpose, Convert.ToInt64(image.Sha256[^15..], 16));

    // The first of each of k parts as equal as can be: no seed, and the same whatever else is in the plan.
    static IEnumerable<int> Spread(int count, int? most)
    {
        int k = Math.Min(most ?? count, count);
        return Enumerable.Range(0, k).Select(i => (int)((long)i * count / k));
    }

    string Identify()
    {
        StringBuilder text = new();
        text.Append("rows 1\n")
            .Append(JsonSerializer.Serialize(BenchmarkFile.ToDocument(Benchmark), EvaluationJson.Line.Document))
            .Append('\n');
        text.Append($"max {Options.MaxEditsPerGroup} batch {Options.Batch} seed {Options.Seed}");
        // The name of a run of single edits on one sample is older than the other modes.
        if (Options.Mode != BenchMode.Single || Options.Samples is not [1])
            text.Append(
                $" mode {Options.Mode} samples {string.Join(',', Options.Samples.Order())} sequence {Options.Sequence}"
            );
        if (Options.Mode == BenchMode.Folder)
            text.Append(
                System.Globalization.CultureInfo.InvariantCulture,
                $" holdout {Options.Holdout} along {Options.Along}"
            );
        if (Options.MeasureAt is { } steps)
            text.Append($" measured {string.Join(',', steps.Distinct().Order())}");
        if (Options.Forget > 0)
            text.Append($" forget {Options.Forget}");
        if (Options.Precision == Precision.Mixed)
            text.Append($" precision {Options.Precision}");
        if (Options.Orientation != ImageOrientation.Stored)
            text.Append($" orientation {Options.Orientation}");
        if (Options.Near is { } near)
            text.Append($" near {near.Digest}");
        if (Options.Sensitive is { } sensitive)
            text.Append($" sensitive {sensitive.Digest}");
        text.Append('\n').AppendJoin('\n', Settings.Select(s => s.Name));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
    }
}
