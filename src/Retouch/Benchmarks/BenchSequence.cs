using System.Diagnostics;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Benchmarks;

/// <summary>
/// Edits one after the other, as a model in use is corrected: each starts from the model that the patches before
/// it left, and its image is not edited where they corrected it already. After each the whole stack is measured:
/// LR, sensitive images and flips against the unedited model, never against the step before, and how many earlier
/// edits still hold.
/// </summary>
/// <param name="split">The unedited model.</param>
/// <param name="plan">The run.</param>
/// <param name="data">The images of the plan's benchmark, under the unedited model.</param>
sealed class BenchSequence(SplitVit split, BenchPlan plan, BenchData data)
{
    /// <summary>Runs one sequence.</summary>
    /// <param name="edits">Its edits.</param>
    /// <param name="done">How many of them have rows already: they are made again, but not measured.</param>
    /// <param name="write">Takes the row of each further edit.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public void Run(IReadOnlyList<BenchEdit> edits, int done, Action<BenchRow> write, CancellationToken cancellation)
    {
        VitModel model = split.Model;
        // Of the whole sequence, so that every step is measured on the same images.
        int[] groups = [.. edits.Select(e => e.Group).Distinct()];
        HashSet<string> own = plan.Benchmark.Hashes(groups);
        Dictionary<int, HashSet<int>> edited = []; // a group's places
        try
        {
            for (int i = 0; i < edits.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                Stopwatch clock = Stopwatch.StartNew();
                using EditResult? result = Edit(split.Edited(model), edits[i], cancellation);
                double seconds = Math.Round(clock.Elapsed.TotalSeconds, 4);
                if (result is not null)
                {
                    VitModel next = PatchLedger.Apply(model, [result.Patch]);
                    Free(model);
                    model = next;
                }
                if (!edited.TryGetValue(edits[i].Group, out HashSet<int>? before))
                    edited[edits[i].Group] = before = [];
                if (i >= done)
                {
                    SplitVit now = split.Edited(model);
                    int[] predictions = Predict(now, edits[i].Group);
                    GroupMeasurement measured = GroupMeasurement.Of(
                        predictions,
                        edits[i].Samples,
                        plan.Benchmark.Groups[edits[i].Group].Accepted,
                        before
                    );
                    write(
                        BenchRun.Row(
                            plan,
                            edits[i],
                            predictions,
                            measured,
                            data.Measure(now, own),
                            groups,
                            result?.Steps ?? 0,
                            seconds,
                            result?.Patch.Change
                        ) with
                        {
                            Step = i + 1,
                            EarlierSuccess =
                                i == 0
                                    ? null
                                    : (double)
                                        edits
                                            .Take(i)
                                            .GroupBy(e => e.Group)
                                            .Sum(g => Right(now, g.Key, [.. g.Select(e => e.Samples[0])])) / i,
                        }
                    );
                }
                before.Add(edits[i].Samples[0]);
            }
        }
        finally
        {
            Free(model);
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

    int[] Predict(SplitVit now, int group)
    {
        using PrefixState original = data.Group(group);
        using PrefixState state = now.Rebase(original);
        return now.Predict(state);
    }

    int Right(SplitVit now, int group, int[] images)
    {
        using PrefixState original = data.Group(group, images);
        using PrefixState state = now.Rebase(original);
        return now.Predict(state).Count(plan.Benchmark.Groups[group].Accepted.Contains);
    }

    void Free(VitModel model)
    {
        if (!ReferenceEquals(model, split.Model))
            model.Dispose();
    }
}
