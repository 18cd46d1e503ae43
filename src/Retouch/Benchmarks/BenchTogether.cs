using System.Diagnostics;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Suffix;

namespace Retouch.Benchmarks;

/// <summary>
/// One edit for the failures of all groups together, each image to its own group's class. It sees a share of every
/// group, and the same share of the right near images of every folder; the rest of both is measured: a row a group,
/// all with what the one edit did elsewhere.
/// </summary>
/// <param name="split">The unedited model.</param>
/// <param name="plan">The run.</param>
/// <param name="data">The images of the plan's benchmark, under the unedited model.</param>
sealed class BenchTogether(SplitVit split, BenchPlan plan, BenchData data)
{
    /// <summary>Makes and measures one edit.</summary>
    /// <param name="edits">Its part of each group.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public IReadOnlyList<BenchRow> Run(IReadOnlyList<BenchEdit> edits, CancellationToken cancellation)
    {
        BenchSetting setting = plan.Settings[edits[0].Setting];
        int[] groups = [.. edits.Select(e => e.Group)];
        HashSet<string> own = plan.Benchmark.Hashes(groups);
        int[] right = Right(own);
        using PrefixState failing = Failing(edits);
        using PrefixState? kept = right.Length == 0 ? null : data.Near!.States(right);
        int[] labels =
        [
            .. edits.SelectMany(e => Enumerable.Repeat(plan.Benchmark.Groups[e.Group].Label, e.Samples.Count)),
        ];
        int[] said = [.. right.Select(i => data.Near!.Predictions[i])];
        bool along =
            plan.Options.Along
            && kept is not null
            && Methods.All.FirstOrDefault(m => m.Name == setting.Editor.Name)?.KeepsRight != true;
        using PrefixState? both = along ? PrefixState.Concat([failing, kept!]) : null;
        IReadOnlyList<PatchImage> images = [.. edits.SelectMany(e => e.Samples.Select(i => data.Images[e.Group][i]))];
        Failure failure = along
            ? Failure.OfSeveral(both!, [.. labels, .. said])
            : Failure.OfSeveral(failing, labels) with
            {
                Images = images,
                Accepted =
                [
                    .. edits.SelectMany(e =>
                        Enumerable.Repeat(plan.Benchmark.Groups[e.Group].Accepted, e.Samples.Count)
                    ),
                ],
                Kept = kept is null
                    ? null
                    : new KeptImages(kept, said) { Accepted = [.. right.Select(i => data.Near!.Images[i].Accepted)] },
            };
        Stopwatch clock = Stopwatch.StartNew();
        using EditResult result = setting.Editor.Edit(split, [failure], null, cancellation)[0];
        double seconds = Math.Round(clock.Elapsed.TotalSeconds, 4);
        ModelDelta delta = result.Patch.Change;
        HashSet<string> seen = [.. own, .. right.Select(i => data.Near!.Images[i].Sha256)];
        Elsewhere elsewhere = data.Measure(delta, seen);
        List<BenchRow> rows = [];
        foreach (BenchEdit edit in edits)
        {
            cancellation.ThrowIfCancellationRequested();
            FailureGroup group = plan.Benchmark.Groups[edit.Group];
            using PrefixState all = data.Group(edit.Group);
            int[] predictions = split.Predict(all, delta);
            rows.Add(
                BenchRun.Row(
                    plan,
                    edit,
                    predictions[edit.Samples.Count > 0 ? edit.Samples[0] : 0],
                    edit.Samples.Count > 0
                        ? GroupMeasurement.Of(predictions, edit.Samples, group.Accepted)
                        : new GroupMeasurement(
                            0,
                            0,
                            predictions.Length,
                            predictions.Count(p => group.Accepted.Contains(p))
                        ),
                    elsewhere,
                    groups,
                    result.Steps,
                    seconds,
                    delta
                )
            );
        }
        return rows;
    }

    PrefixState Failing(IReadOnlyList<BenchEdit> edits)
    {
        List<PrefixState> states = [];
        try
        {
            foreach (BenchEdit edit in edits.Where(e => e.Samples.Count > 0))
                states.Add(data.Group(edit.Group, edit.Samples));
            return PrefixState.Concat(states);
        }
        finally
        {
            states.ForEach(s => s.Dispose());
        }
    }

    // The places of right near images that are not held out.
    int[] Right(HashSet<string> own)
    {
        if (data.Near is not { } near)
            return [];
        return HeldOut
            .Divide(
                Enumerable
                    .Range(0, near.Images.Count)
                    .Where(i =>
                        near.Images[i].Accepted.Contains(near.Predictions[i]) && !own.Contains(near.Images[i].Sha256)
                    ),
                i => near.Images[i].Folder,
                i => near.Images[i].Sha256,
                plan.Options.Holdout,
                plan.Options.Seed,
                HeldOut.Right
            )
            .Kept;
    }
}
