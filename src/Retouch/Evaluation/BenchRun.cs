using System.Diagnostics;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Evaluation;

/// <summary>
/// The benchmark: each edit of a plan made alone on the unedited model, then measured on its edit sample
/// (SR), on the others of its group (GR) and on the locality set (LR).
/// </summary>
public static class BenchRun
{
    /// <summary>Runs a shard's edits, one batch after the other.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="plan">The run.</param>
    /// <param name="data">The images of the plan's benchmark.</param>
    /// <param name="shard">Which part to run.</param>
    /// <param name="done">Rows of this shard that are there already: as many of its first edits are left out.</param>
    /// <param name="write">Takes the new rows of each batch, in order.</param>
    /// <param name="cancellation">Stops between steps; the rows of a batch that was not finished are not written.</param>
    /// <exception cref="BadInputException">A setting does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static void Run(SplitVit split, BenchPlan plan, BenchData data, Shard shard, int done, Action<IReadOnlyList<BenchRow>> write, CancellationToken cancellation = default)
    {
        int[] sensitive = [.. plan.Benchmark.Sensitive];
        foreach (IReadOnlyList<BenchEdit> batch in plan.Batches(shard))
        {
            // A batch is computed as a whole or not at all, so that its rows are the same on every way.
            int skip = Math.Min(done, batch.Count);
            done -= skip;
            if (skip < batch.Count)
                write([.. Rows(split, plan, data, sensitive, batch, cancellation).Skip(skip)]);
        }
    }

    static List<BenchRow> Rows(SplitVit split, BenchPlan plan, BenchData data, int[] sensitive, IReadOnlyList<BenchEdit> batch, CancellationToken cancellation)
    {
        BenchSetting setting = plan.Settings[batch[0].Setting];
        List<PrefixState> states = [];
        IReadOnlyList<EditResult> results = [];
        try
        {
            List<Failure> failures = [];
            foreach (BenchEdit edit in batch)
            {
                states.Add(data.Groups[edit.Group].Select([edit.Image]));
                failures.Add(new Failure(states[^1], plan.Benchmark.Groups[edit.Group].Label) { Images = [data.Images[edit.Group][edit.Image]] });
            }
            Stopwatch clock = Stopwatch.StartNew();
            results = setting.Editor.Edit(split, failures, null, cancellation);
            double seconds = Math.Round(clock.Elapsed.TotalSeconds / batch.Count, 4);

            List<BenchRow> rows = [];
            for (int i = 0; i < batch.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                ModelDelta delta = results[i].Patch.Change;
                FailureGroup group = plan.Benchmark.Groups[batch[i].Group];
                int[] predictions = Predict(split, data.Groups[batch[i].Group], delta);
                GroupMeasurement measured = GroupMeasurement.Of(predictions, batch[i].Image, group.Accepted);
                LocalityMeasurement? locality = data.Locality?.Measure(delta);
                rows.Add(new BenchRow
                {
                    Run = plan.Manifest.Run,
                    Edit = batch[i].Index,
                    Method = setting.Editor.Name,
                    Settings = setting.Settings,
                    Group = group.Name,
                    Image = group.Images[batch[i].Image].Path,
                    Label = group.Label,
                    Predicted = predictions[batch[i].Image],
                    Success = measured.Success,
                    Generalization = measured.GeneralizationRate,
                    Others = measured.Others,
                    Locality = locality?.Rate,
                    SensitiveLocality = locality is null || sensitive.Length == 0 ? null : locality.Among(sensitive).Rate,
                    Steps = results[i].Steps,
                    Seconds = seconds,
                    Units = delta is WeightDelta { Units: var units } ? units.Count : 0,
                    Parameters = delta.Parameters,
                });
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

    static int[] Predict(SplitVit split, PrefixState state, ModelDelta delta)
    {
        using DisposeScope scope = NewDisposeScope();
        return [.. split.Logits(state, delta).argmax(1).cpu().data<long>().Select(c => (int)c)];
    }
}
