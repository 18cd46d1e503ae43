using Retouch.Locating;
using Retouch.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// The paper's edit: fine-tuning of the units that a locator names and of nothing else (Yang, Huang, Chen,
/// Ma, Wei, "Learning Where to Edit Vision Transformers", NeurIPS 2024, section 3.1). Cross-entropy to the
/// right class, RMSprop, until the prediction is right and the loss is small.
/// </summary>
public sealed class MaskedFineTuning : IEditor
{
    readonly ILocator _locator;
    readonly MaskedFineTuningSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public MaskedFineTuning(ILocator locator, MaskedFineTuningSettings? settings = null)
    {
        (_locator, _settings) = (locator, settings ?? new());
        _settings.Validate();
    }

    /// <inheritdoc/>
    public string Name => "masked-fine-tuning";

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(SplitVit split, IReadOnlyList<Failure> failures, IProgress<EditProgress>? progress = null, CancellationToken cancellation = default) =>
        Edit(split, failures, [.. failures.Select(f => _locator.Locate(split, f).Keep(_settings.KeepRatio))], progress, cancellation);

    /// <summary>The same on units that are already chosen.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="failures">What is to be corrected, each with the same number of images.</param>
    /// <param name="units">The units to edit for each failure.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>One result a failure, in their order; the caller disposes them.</returns>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split, IReadOnlyList<Failure> failures, IReadOnlyList<UnitSelection> units, IProgress<EditProgress>? progress = null, CancellationToken cancellation = default)
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

                bool last = step == _settings.MaxSteps;
                List<int> stay = [];
                for (int b = 0; b < pending.Length; b++)
                {
                    if (!last)
                        losses[pending[b]].Add(lossValues[b]);
                    if (last || (rightValues[b] && lossValues[b] <= _settings.StopLoss))
                        results[pending[b]] = Finish(split, failures[pending[b]], batch.Delta(b), rightValues[b], step, losses[pending[b]]);
                    else
                        stay.Add(b);
                }
                progress?.Report(new EditProgress(step, _settings.MaxSteps, stay.Count, lossValues.Average()));
                if (stay.Count > 0)
                {
                    Tensor gradient = (softmax(logits, 1) - one_hot(batch.Labels, logits.shape[1])) / batch.Session.ImagesPerEdit;
                    batch.Step(batch.Session.Gradients(gradient), _settings);
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

    EditResult Finish(SplitVit split, Failure failure, WeightDelta delta, bool success, int steps, List<float> losses) => new(
        new Patch(delta, new PatchProvenance
        {
            ModelFingerprint = split.Model.Fingerprint,
            Images = failure.Images,
            Label = failure.Label,
            Method = Name,
            Settings = _settings.Describe(_locator.Name),
            Seed = _settings.Seed,
            Measurements = new PatchMeasurements { Success = success, Steps = steps },
        }),
        losses);

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

        // RMSprop (Hinton, 2012) as PyTorch computes it: no momentum, not centred.
        public void Step(Tensor[] gradients, MaskedFineTuningSettings settings)
        {
            for (int m = 0; m < gradients.Length; m++)
            {
                _squares[m].mul_(settings.Alpha).addcmul_(gradients[m], gradients[m], 1 - settings.Alpha);
                _deltas[m].addcdiv_(gradients[m], _squares[m].sqrt().add_(settings.Epsilon), -settings.LearningRate);
            }
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
