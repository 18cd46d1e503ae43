using System.Diagnostics;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Suffix;

namespace Retouch.Benchmarks;

/// <summary>
/// The benchmark: each edit of a plan made on the unedited model, or in a sequence on the model that the edits
/// before it left, then measured on its edit samples (SR), on the others of its group (GR) and, against the
/// unedited model, on the locality set (LR), on near images (flips) and on sensitive ones.
/// </summary>
public static class BenchRun
{
    /// <summary>Runs a shard's edits, one batch after the other.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="plan">The run.</param>
    /// <param name="data">The images of the plan's benchmark.</param>
    /// <param name="shard">Which part to run.</param>
    /// <param name="done">Rows of this shard that are there already: as many of its first edits are left out.</param>
    /// <param name="write">Takes the new rows of each batch, in order, of a sequence row by row.</param>
    /// <param name="cancellation">
    /// Stops between steps; the rows of a batch that was not finished are not written, those of a sequence are.
    /// </param>
    /// <exception cref="BadInputException">A setting does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static void Run(
        SplitVit split,
        BenchPlan plan,
        BenchData data,
        Shard shard,
        int done,
        Action<IReadOnlyList<BenchRow>> write,
        CancellationToken cancellation = default
    ) => Run(plan, _ => (split, data), shard, done, write, cancellation);

    /// <summary>The same where settings differ in where the model is cut.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="of">
    /// The unedited model, cut for a setting, and the images of the plan's benchmark under that cut; they stay the
    /// caller's.
    /// </param>
    /// <param name="shard">Which part to run.</param>
    /// <param name="done">Rows of this shard that are there already: as many of its first edits are left out.</param>
    /// <param name="write">Takes the new rows of each batch, in order, of a sequence row by row.</param>
    /// <param name="cancellation">
    /// Stops between steps; the rows of a batch that was not finished are not written, those of a sequence are.
    /// </param>
    /// <exception cref="BadInputException">A setting does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static void Run(
        BenchPlan plan,
        Func<BenchSetting, (SplitVit Split, BenchData Data)> of,
        Shard shard,
        int done,
        Action<IReadOnlyList<BenchRow>> write,
        CancellationToken cancellation = default
    )
    {
        foreach (IReadOnlyList<BenchEdit> batch in plan.Batches(shard))
        {
            // A batch is computed as a whole or not at all, so that its rows are the same on every way.
            int skip = Math.Min(done, batch.Count);
            done -= skip;
            if (skip == batch.Count)
                continue;
            (SplitVit split, BenchData data) = of(plan.Settings[batch[0].Setting]);
            if (plan.Options.Mode == BenchMode.Sequential)
                new BenchSequence(split, plan, data).Run(batch, skip, row => write([row]), cancellation);
            else if (plan.Options.Mode == BenchMode.Folder)
                write([.. new BenchTogether(split, plan, data).Run(batch, cancellation).Skip(skip)]);
            else
                write([.. Rows(split, plan, data, batch, cancellation).Skip(skip)]);
        }
    }

    static List<BenchRow> Rows(
        SplitVit split,
        BenchPlan plan,
        BenchData data,
        IReadOnlyList<BenchEdit> batch,
        CancellationToken cancellation
    )
    {
        BenchSetting setting = plan.Settings[batch[0].Setting];
        List<PrefixState> states = [];
        IReadOnlyList<EditResult> results = [];
        try
        {
            List<Failure> failures = [];
            foreach (BenchEdit edit in batch)
            {
                states.Add(data.Group(edit.Group, edit.Samples));
                failures.Add(
                    new Failure(states[^1], plan.Benchmark.Groups[edit.Group].Label)
                    {
                        Images = [.. edit.Samples.Select(i => data.Images[edit.Group][i])],
                    }
                );
            }
            Stopwatch clock = Stopwatch.StartNew();
            results = setting.Editor.Edit(split, failures, null, cancellation);
            double seconds = Math.Round(clock.Elapsed.TotalSeconds / batch.Count, 4);

            List<BenchRow> rows = [];
            for (int i = 0; i < batch.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                ModelDelta delta = results[i].Patch.Change;
                using PrefixState group = data.Group(batch[i].Group);
                int[] predictions = split.Predict(group, delta);
                rows.Add(
                    Row(
                        plan,
                        batch[i],
                        predictions[batch[i].Samples[0]],
                        GroupMeasurement.Of(
                            predictions,
                            batch[i].Samples,
                            plan.Benchmark.Groups[batch[i].Group].Accepted
                        ),
                        data.Measure(delta, plan.Benchmark.Hashes([batch[i].Group])),
                        [batch[i].Group],
                        results[i].Steps,
                        seconds,
                        delta
                    )
                );
            }
            return rows;
        }
        finally
        {
            states.ForEach(s => s.Dispose());
            foreach (EditResult result in results)
                result.Dispose();
        }
    }

    /// <summary>
    /// The row of an edit that was measured; without a delta it was needless. Locality images that are of the edited
    /// groups do not count, nor do such near and sensitive ones.
    /// </summary>
    internal static BenchRow Row(
        BenchPlan plan,
        BenchEdit edit,
        int predicted,
        GroupMeasurement measured,
        Elsewhere measuredElsewhere,
        IEnumerable<int> edited,
        int steps,
        double seconds,
        ModelDelta? delta
    )
    {
        (BenchSetting setting, FailureGroup group) = (plan.Settings[edit.Setting], plan.Benchmark.Groups[edit.Group]);
        LocalityMeasurement? locality = measuredElsewhere.Locality;
        IReadOnlyList<int> elsewhere = plan.Benchmark.Unrelated(edited);
        int[] sensitive = [.. plan.Benchmark.Sensitive.Intersect(elsewhere)];
        return new BenchRow
        {
            Run = plan.Manifest.Run,
            Edit = edit.Index,
            Method = setting.Editor.Name,
            Settings = setting.Settings,
            Group = group.Name,
            Mode = plan.Options.Mode,
            Image = group.Images[edit.Samples.Count > 0 ? edit.Samples[0] : 0].Path,
            FurtherImages = [.. edit.Samples.Skip(1).Select(i => group.Images[i].Path)],
            Samples = measured.Samples,
            SamplesRight = measured.SamplesRight,
            Label = group.Label,
            Predicted = predicted,
            Success = measured.Success,
            Generalization = measured.GeneralizationRate,
            Others = measured.Others,
            Locality = elsewhere.Count == 0 ? null : locality?.Among(elsewhere).Rate,
            SensitiveLocality = locality is null || sensitive.Length == 0 ? null : locality.Among(sensitive).Rate,
            Steps = steps,
            Seconds = seconds,
            Units = delta is WeightDelta { Units: var units } ? units.Count : 0,
            Parameters = delta?.Parameters ?? 0,
            Near = measuredElsewhere.Near,
            Sensitive = measuredElsewhere.Sensitive,
        };
    }
}
