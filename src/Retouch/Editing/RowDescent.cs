using Retouch.Locating;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

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
        int[] pending = [.. Enumerable.Range(0, failures.Count)];
        Batch batch = new(split, failures, units, pending);
        try
        {
            for (int step = 0; pending.Length > 0; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                using DisposeScope scope = NewDisposeScope();
                Tensor logits = batch.Session.Logits(); // [B·S,C]
                Tensor loss = -log_softmax(logits, 1).gather(1, batch.Labels.unsqueeze(1)).view(pending.Length, -1).mean([1]);
                Tensor right = logits.argmax(1).eq(batch.Labels).view(pending.Length, -1).all(1);
                float[] lossValues = loss.cpu().data<float>().ToArray();
                bool[] rightValues = right.cpu().data<bool>().ToArray();

                bool last = step == maxSteps;
                List<int> stay = [];
                for (int b = 0; b < pending.Length; b++)
                {
                    if (!last)
                        losses[pending[b]].Add(lossValues[b]);
                    if (last || (rightValues[b] && lossValues[b] <= stopLoss))
                        results[pending[b]] = Edits.Result(split, failures[pending[b]], batch.Delta(b), method, settings, seed, step, losses[pending[b]], rightValues[b]);
                    else
                        stay.Add(b);
                }
                progress?.Report(new EditProgress(step, maxSteps, stay.Count, lossValues.Average()));
                if (stay.Count > 0)
                {
                    Tensor gradient = (softmax(logits, 1) - one_hot(batch.Labels, logits.shape[1])) / batch.Session.ImagesPerEdit;
                    batch.Step(batch.Session.Gradients(gradient), step, update);
                    if (stay.Count < pending.Length)
                    {
                        pending = [.. stay.Select(b => pending[b])];
                        Batch smaller = new(split, failures, units, pending, batch, stay);
                        batch.Dispose();
                        batch = smaller;
                    }
                }
                else
                {
                    pending = [];
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
            batch.Dispose();
        }
    }

    /// <summary>The pending edits: their session, deltas and optimizer state.</summary>
    sealed class Batch : IDisposable
    {
        readonly Tensor[] _deltas, _squares; // a matrix [B,u,D]

        public Batch(SplitVit split, IReadOnlyList<Failure> failures, IReadOnlyList<UnitSelection> units, int[] pending, Batch? from = null, List<int>? stay = null)
        {
            using DisposeScope scope = NewDisposeScope();
            using PrefixState state = PrefixState.Concat([.. pending.Select(i => failures[i].State)]);
            Session = new EditSession(split, state, [.. pending.Select(i => units[i])]);
            Labels = tensor([.. pending.SelectMany(i => Enumerable.Repeat((long)failures[i].Label, Session.ImagesPerEdit))], ScalarType.Int64, state.Residual.device).DetachFromDisposeScope();
            _deltas = Session.NewRows();
            _squares = Session.NewRows();
            if (from is not null)
            {
                Tensor index = tensor([.. stay!.Select(b => (long)b)], ScalarType.Int64, state.Residual.device);
                for (int m = 0; m < _deltas.Length; m++)
                {
                    // A smaller batch may need less padding, which stands in front.
                    long rows = _deltas[m].shape[1], spare = from._deltas[m].shape[1] - rows;
                    _deltas[m].copy_(from._deltas[m].index_select(0, index).narrow(1, spare, rows));
                    _squares[m].copy_(from._squares[m].index_select(0, index).narrow(1, spare, rows));
                }
                Session.SetDeltas(_deltas);
            }
            foreach (Tensor tensor in _deltas.Concat(_squares))
                tensor.DetachFromDisposeScope();
        }

        public EditSession Session { get; }

        public Tensor Labels { get; } // [B·S]

        public WeightDelta Delta(int edit) => Session.Delta(edit, _deltas);

        public void Step(Tensor[] gradients, int step, Action<int, Tensor, Tensor, Tensor> update)
        {
            for (int m = 0; m < gradients.Length; m++)
                update(step, gradients[m], _deltas[m], _squares[m]);
            Session.SetDeltas(_deltas);
        }

        public void Dispose()
        {
            Session.Dispose();
            Labels.Dispose();
            foreach (Tensor tensor in _deltas.Concat(_squares))
                tensor.Dispose();
        }
    }
}
