using Retouch.Editing;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Benchmarks;

/// <summary>
/// Measures side effects: a few edits of each method's default, each on one image and from the unedited model, on
/// labelled images as they are and corrupted. A few images are in memory at a time.
/// </summary>
/// <param name="plan">The run.</param>
/// <param name="of">
/// The unedited model, cut for a setting, and the images of the plan's benchmark under that cut; they stay the
/// caller's.
/// </param>
/// <param name="images">The labelled images.</param>
/// <param name="preprocessing">How they are made into pixels, after they were corrupted.</param>
public sealed class SideEffectRun(
    BenchPlan plan,
    Func<BenchSetting, (SplitVit Split, BenchData Data)> of,
    NearImages images,
    Preprocessing preprocessing
)
{
    const int Chunk = 16;

    /// <summary>The settings of a run that are their method's default.</summary>
    /// <param name="settings">The run's settings.</param>
    /// <param name="config">The model's.</param>
    public static IReadOnlyList<BenchSetting> Defaults(IEnumerable<BenchSetting> settings, VitConfig config) =>
        [.. settings.Where(s => IsDefault(s, Methods.Find(s.Editor.Name), config))];

    /// <summary>What is to be measured: nothing of it is yet.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="settings">Its settings whose edits are measured, at least one.</param>
    /// <param name="images">The labelled images.</param>
    /// <param name="edits">
    /// How many edits of each setting: of as many groups as there are, spread evenly over all, the first image of each;
    /// where there are fewer groups, further images of each.
    /// </param>
    /// <exception cref="ArgumentException">There is no setting, or no edit.</exception>
    /// <exception cref="BadInputException">An image cannot be read.</exception>
    public static SideEffects Plan(BenchPlan plan, IReadOnlyList<BenchSetting> settings, NearImages images, int edits)
    {
        ArgumentOutOfRangeException.ThrowIfZero(settings.Count, nameof(settings));
        ArgumentOutOfRangeException.ThrowIfLessThan(edits, 1);
        IReadOnlyList<FailureGroup> groups = plan.Benchmark.Groups;
        (FailureGroup Group, int Image)[] chosen =
            edits <= groups.Count
                ? [.. Enumerable.Range(0, edits).Select(i => (groups[(int)((long)i * groups.Count / edits)], 0))]
                :
                [
                    .. Enumerable
                        .Range(0, groups.Max(g => g.Images.Count))
                        .SelectMany(i => groups.Where(g => g.Images.Count > i).Select(g => (g, i)))
                        .Take(edits)
                        .OrderBy(e => groups.Index().First(g => ReferenceEquals(g.Item, e.g)).Index),
                ];
        return new SideEffects
        {
            Run = plan.Manifest.Run,
            Images = images.Digest,
            Count = images.Count,
            Seed = plan.Options.Seed,
            Edits =
            [
                .. settings.SelectMany(s =>
                    chosen.Select(c => new SideEffectEdit(
                        s.Editor.Name,
                        s.Settings,
                        c.Group.Name,
                        c.Group.Images[c.Image].Path
                    ))
                ),
            ],
        };
    }

    /// <summary>Measures what is not measured yet.</summary>
    /// <param name="begun">What <see cref="Plan"/> gave, or what was written of it.</param>
    /// <param name="write">Takes what is measured so far after each corruption.</param>
    /// <param name="skipped">Gets why images were left out that cannot be decoded; null to ignore.</param>
    /// <param name="progress">Told the number of images done, each once a corruption; null to ignore.</param>
    /// <param name="cancellation">Stops between images; the corruption that was begun is not written.</param>
    /// <returns>All of it.</returns>
    /// <exception cref="BadInputException">No image can be decoded, or a setting does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public SideEffects Run(
        SideEffects begun,
        Action<SideEffects> write,
        List<Problem>? skipped = null,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        if (begun.IsWhole)
            return begun;
        List<Made> edits = [];
        try
        {
            foreach (SideEffectEdit edit in begun.Edits)
                edits.Add(Make(edit, cancellation));
            SideEffects effects = begun;
            foreach (Corruption corruption in Corruption.All.Skip(begun.Measured.Count))
            {
                int before = effects.Measured.Count * images.Count;
                SideEffectMeasurement measured = Measure(
                    corruption,
                    effects.Seed,
                    edits,
                    corruption.IsClean ? skipped : null,
                    new Told<int>(done => progress?.Report(before + done)),
                    cancellation
                );
                write(effects = effects with { Measured = [.. effects.Measured, measured] });
            }
            return effects;
        }
        finally
        {
            edits.ForEach(e => e.Result.Dispose());
        }
    }

    Made Make(SideEffectEdit edit, CancellationToken cancellation)
    {
        BenchSetting setting = plan.Settings.First(s => s.Name == edit.Setting);
        (int place, FailureGroup group) = plan.Benchmark.Groups.Index().First(g => g.Item.Name == edit.Group);
        int image = group.Images.Index().First(i => i.Item.Path == edit.Image).Index;
        (SplitVit split, BenchData data) = of(setting);
        using PrefixState state = data.Group(place, [image]);
        Failure failure = new(state, group.Label) { Images = [data.Images[place][image]] };
        EditResult result = setting.Editor.Edit(split, [failure], null, cancellation)[0];
        return new Made(split, result, plan.Benchmark.Hashes([place]));
    }

    SideEffectMeasurement Measure(
        Corruption corruption,
        int seed,
        IReadOnlyList<Made> edits,
        List<Problem>? skipped,
        Told<int> progress,
        CancellationToken cancellation
    )
    {
        SortedDictionary<string, Flips> unedited = new(StringComparer.Ordinal);
        SortedDictionary<string, Flips>[] edited =
        [
            .. edits.Select(_ => new SortedDictionary<string, Flips>(StringComparer.Ordinal)),
        ];
        Problem? reason = null;
        int done = 0;
        foreach (
            NearImage[] chunk in images.Images.Chunk(VitCost.Of(edits[0].Split.Model.Config).ImagesTogether(Chunk))
        )
        {
            cancellation.ThrowIfCancellationRequested();
            (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
                ImageLoader.LoadAvailable(
                    [.. chunk.Select(i => i.FullPath)],
                    preprocessing,
                    (i, image) => corruption.Apply(image, seed, chunk[i].Path)
                );
            skipped?.AddRange(failed.Select(f => f.Why));
            reason ??= failed.Count > 0 ? failed[0].Why : null;
            NearImage[] shown = [.. loaded.Select(i => chunk[i])];
            using (pixels)
            {
                foreach (var cut in edits.Index().GroupBy(e => e.Item.Split))
                {
                    if (shown.Length == 0)
                        break;
                    using PrefixState state = cut.Key.Prefix(pixels);
                    int[] before = cut.Key.Predict(state);
                    if (cut.Key == edits[0].Split)
                        Count(unedited, shown, before, before, null);
                    foreach ((int i, Made edit) in cut)
                        Count(edited[i], shown, before, cut.Key.Predict(state, edit.Result.Patch.Change), edit.Own);
                }
            }
            progress.Report(done += chunk.Length);
        }
        return unedited.Count > 0
            ? new SideEffectMeasurement(corruption, unedited, edited)
            : throw BadInput.Missing(
                null,
                $"None of the {images.Count} images for side effects can be decoded; the first: {reason?.Message}",
                reason?.Remedy
            );
    }

    static void Count(
        SortedDictionary<string, Flips> folders,
        NearImage[] shown,
        int[] before,
        int[] after,
        IReadOnlySet<string>? leftOut
    )
    {
        for (int i = 0; i < shown.Length; i++)
        {
            if (leftOut?.Contains(shown[i].Sha256) != true)
                folders[shown[i].Folder] = folders
                    .GetValueOrDefault(shown[i].Folder)
                    .Plus(Flips.OfOne(before[i], after[i], shown[i].Accepted));
        }
    }

    // What a row says beside the method's settings are files and the window.
    static bool IsDefault(BenchSetting setting, Method method, VitConfig config)
    {
        EditSpace window = method.Window(config);
        string? blocks = window == EditSpace.Default(config) ? null : window.BlockRange;
        return setting.Settings.GetValueOrDefault(BenchSetting.BlocksName) == blocks
            && method.Settings.All(k => setting.Settings.GetValueOrDefault(k.Name, k.Default) == k.Default);
    }

    /// <summary>An edit that was made.</summary>
    /// <param name="Split">The model that it was made on, cut.</param>
    /// <param name="Result">The edit, which is owned.</param>
    /// <param name="Own">The hashes of its group's images.</param>
    sealed record Made(SplitVit Split, EditResult Result, HashSet<string> Own);
}
