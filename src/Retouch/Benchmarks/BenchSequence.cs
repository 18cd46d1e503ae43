using System.Diagnostics;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Suffix;

namespace Retouch.Benchmarks;

/// <summary>
/// Edits one after the other, as a model in use is corrected: each starts from the model that the patches before
/// it left, and its image is not edited where they corrected it already. After each, or after some of them, the whole
/// stack is measured: LR, sensitive images and flips against the unedited model, never against the step before, and
/// how many earlier edits still hold. At the end edits may be taken back, each alone.
/// </summary>
/// <param name="split">The unedited model.</param>
/// <param name="plan">The run.</param>
/// <param name="data">The images of the plan's benchmark, under the unedited model.</param>
sealed class BenchSequence(SplitVit split, BenchPlan plan, BenchData data)
{
    const int ToForget = 0x5E1; // of the random numbers

    /// <summary>Runs one sequence.</summary>
    /// <param name="edits">Its edits.</param>
    /// <param name="done">How many of them have rows already: they are made again, but not measured.</param>
    /// <param name="write">Takes the row of each further edit.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public void Run(IReadOnlyList<BenchEdit> edits, int done, Action<BenchRow> write, CancellationToken cancellation)
    {
        SplitVit now = split;
        // Of the whole sequence, so that every step is measured on the same images.
        int[] groups = [.. edits.Select(e => e.Group).Distinct()];
        HashSet<string> own = plan.Benchmark.Hashes(groups);
        Dictionary<int, HashSet<int>> edited = []; // a group's places
        SortedDictionary<int, Patch> patches = []; // by the edit's place; kept where some are to be taken back
        try
        {
            for (int i = 0; i < edits.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                Stopwatch clock = Stopwatch.StartNew();
                EditResult? result = Edit(now, edits[i], cancellation);
                try
                {
                    if (result is not null)
                        now = Next(now, result.Patch);
                    int predicted = Predict(now, edits[i].Group, edits[i].Samples)[0];
                    double seconds = Math.Round(clock.Elapsed.TotalSeconds, 4);
                    if (!edited.TryGetValue(edits[i].Group, out HashSet<int>? before))
                        edited[edits[i].Group] = before = [];
                    if (i >= done)
                    {
                        bool measures = i == edits.Count - 1 || plan.Options.MeasureAt?.Contains(i + 1) != false;
                        BenchRow row = BenchRun.Row(
                            plan,
                            edits[i],
                            predicted,
                            measures
                                ? GroupMeasurement.Of(
                                    Predict(now, edits[i].Group),
                                    edits[i].Samples,
                                    plan.Benchmark.Groups[edits[i].Group].Accepted,
                                    before
                                )
                                : Alone(edits[i], predicted),
                            measures ? data.Measure(now, own) : new Elsewhere(null, null, null),
                            groups,
                            result?.Steps ?? 0,
                            seconds,
                            result?.Patch.Change
                        );
                        if (result is not null && plan.Options.Forget > 0)
                            Keep(patches, i, ref result);
                        write(
                            row with
                            {
                                Step = i + 1,
                                Memory = Environment.WorkingSet,
                                EarlierSuccess = measures && i > 0 ? (double)Right(now, edits.Take(i)).Count / i : null,
                                Forgotten =
                                    i == edits.Count - 1 && plan.Options.Forget > 0
                                        ? Forget(now, edits, patches, cancellation)
                                        : null,
                            }
                        );
                    }
                    else if (result is not null && plan.Options.Forget > 0)
                        Keep(patches, i, ref result);
                    before.Add(edits[i].Samples[0]);
                }
                finally
                {
                    result?.Dispose();
                }
            }
        }
        finally
        {
            foreach (Patch patch in patches.Values)
                patch.Dispose();
            Free(now);
        }
    }

    /// <summary>The edit, or null if the image is right already; the caller disposes it.</summary>
    EditResult? Edit(SplitVit now, BenchEdit edit, CancellationToken cancellation)
    {
        FailureGroup group = plan.Benchmark.Groups[edit.Group];
        using PrefixState original = data.Group(edit.Group, edit.Samples);
        using PrefixState state = now.Rebase(original);
        if (group.Accepted.Contains(now.Predict(state)[0]))
            return null;
        Failure failure = new(state, group.Label) { Images = [data.Images[edit.Group][edit.Samples[0]]] };
        BenchSetting setting = plan.Settings[edit.Setting];
        EditResult result = setting.Editor.Edit(now, [failure], null, cancellation)[0];
        if (result.Patch.Change.IsFinite)
            return result;
        result.Dispose();
        throw BadInput.Damaged(
            setting.Name,
            $"The sequence of {setting.Name} ends at edit {edit.Index}, whose weights are no numbers any more; use a "
                + "smaller step size."
        );
    }

    // What the model is with a further patch; the one that it was before is freed.
    SplitVit Next(SplitVit now, Patch patch)
    {
        SplitVit next = split.Edited(PatchLedger.Apply(now.Model, [patch]));
        Free(now);
        return next;
    }

    // As one of the unedited model: its deltas are the same.
    void Keep(SortedDictionary<int, Patch> patches, int edit, ref EditResult? result)
    {
        Patch patch = result!.Patch;
        patches[edit] = patch.With(patch.Provenance with { ModelFingerprint = split.Model.Fingerprint });
        result = null;
    }

    // Some edits, drawn by the seed, each taken back alone: the others' patches put into the unedited model.
    List<ForgottenEdit> Forget(
        SplitVit now,
        IReadOnlyList<BenchEdit> edits,
        SortedDictionary<int, Patch> patches,
        CancellationToken cancellation
    )
    {
        int[] places = [.. patches.Keys];
        StableRandom.For(plan.Options.Seed, ToForget, 0).Shuffle(places);
        HashSet<BenchEdit> standing = Right(now, edits);
        List<ForgottenEdit> forgotten = [];
        foreach (int place in places.Take(plan.Options.Forget).Order())
        {
            cancellation.ThrowIfCancellationRequested();
            Patch[] others = [.. patches.Where(p => p.Key != place).Select(p => p.Value)];
            SplitVit without = others.Length == 0 ? split : split.Edited(PatchLedger.Apply(split.Model, others));
            try
            {
                HashSet<BenchEdit> right = Right(without, edits);
                BenchEdit[] rest = [.. standing.Where(e => e != edits[place])];
                forgotten.Add(
                    new ForgottenEdit(place + 1, rest.Length, rest.Count(right.Contains), right.Contains(edits[place]))
                );
            }
            finally
            {
                Free(without);
            }
        }
        return forgotten;
    }

    GroupMeasurement Alone(BenchEdit edit, int predicted) =>
        new(1, plan.Benchmark.Groups[edit.Group].Accepted.Contains(predicted) ? 1 : 0, 0, 0);

    // Group by group, which is how their prefixes are kept.
    HashSet<BenchEdit> Right(SplitVit now, IEnumerable<BenchEdit> edits)
    {
        HashSet<BenchEdit> right = [];
        foreach (IGrouping<int, BenchEdit> group in edits.GroupBy(e => e.Group))
        {
            BenchEdit[] own = [.. group];
            int[] said = Predict(now, group.Key, [.. own.Select(e => e.Samples[0])]);
            right.UnionWith(own.Where((_, i) => plan.Benchmark.Groups[group.Key].Accepted.Contains(said[i])));
        }
        return right;
    }

    int[] Predict(SplitVit now, int group, IReadOnlyList<int>? images = null)
    {
        using PrefixState original = images is null ? data.Group(group) : data.Group(group, images);
        using PrefixState state = now.Rebase(original);
        return now.Predict(state);
    }

    void Free(SplitVit now)
    {
        if (!ReferenceEquals(now.Model, split.Model))
            now.Model.Dispose();
    }
}
