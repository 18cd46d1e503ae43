using Retouch.Locating;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Gradient descent on the rows of chosen units, any number of independent edits as one batch: cross-entropy
/// to the right class, until the prediction is right and the loss is small. The test comes before the step.
/// </summary>
/// <param name="method">The editor's name.</param>
/// <param name="settings">All of its settings, for the provenance.</param>
/// <param name="maxSteps">Steps at most.</param>
/// <param name="stopLoss">An edit stops when its prediction is right and its loss is at most this.</param>
/// <param name="seed">The seed, for the provenance.</param>
/// <param name="update">Changes the deltas and mean squares of each matrix, <c>[B,u,D]</c>, in place; gets the step, zero-based, and the gradients.</param>
sealed class RowDescent(string method, IReadOnlyDictionary<string, string> settings, int maxSteps, double stopLoss, int seed, Action<int, Tensor, Tensor, Tensor> update)
{
    public IReadOnlyList<EditResult> Run(
        SplitVit split, IReadOnlyList<Failure> failures, IReadOnlyList<UnitSelection> units, IProgress<EditProgress>? progress, CancellationToken cancellation)
    {
        EditResult?[] results = new EditResult?[failures.Count];
        List<float>[] losses = [.. failures.Select(_ => new List<float>())];
        RowBatch? batch = RowBatch.Of(split, failures, units, values: 2); // deltas and mean squares
        try
        {
            for (int step = 0; batch is not null; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                using DisposeScope scope = NewDisposeScope();
                Tensor logits = batch.Session.Logits(); // [B·S,C]
                (float[] loss, bool[] right) = batch.Judge(logits);

                bool last = step == maxSteps;
                List<int> stay = [];
                for (int b = 0; b < batch.Count; b++)
                {
                    int edit = batch.Edits[b];
                    if (!last)
                        losses[edit].Add(loss[b]);
                    if (last || (right[b] && loss[b] <= stopLoss))
                        results[edit] = Edits.Result(split, failures[edit], batch.Delta(b), method, settings, seed, step, losses[edit], right[b]);
                    else
                        stay.Add(b);
                }
                progress?.Report(new EditProgress(step, maxSteps, stay.Count, loss.Average()));
                if (stay.Count > 0)
                {
                    Tensor[] gradients = batch.Gradients(logits);
                    for (int m = 0; m < gradients.Length; m++)
                        update(step, gradients[m], batch[0][m], batch[1][m]);
                    batch.Session.SetDeltas(batch[0]);
                }
                if (stay.Count < batch.Count)
                {
                    RowBatch? smaller = stay.Count > 0 ? batch.Select(stay) : null;
                    batch.Dispose();
                    batch = smaller;
                }
            }
            return results!;
        }
        catch
        {
            foreach (EditResult? result in results)
                result?.Dispose();
            throw;
        }
        finally
        {
            batch?.Dispose();
        }
    }
}
