using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// Runs a <see cref="LocatorTraining"/> over target masks, either solved in advance, over and over, or as they
/// are solved, each once, as published. Points of the curves come at fixed numbers of batches, so that a
/// training that was interrupted and resumed has those of one that was not.
/// </summary>
public sealed class LocatorTrainer
{
    readonly VitModel _model;
    readonly LocatorTraining _training;
    readonly int _every;
    readonly Action<LocatorTraining>? _keep;
    readonly IProgress<TrainingProgress>? _progress;

    /// <summary>Creates a trainer.</summary>
    /// <param name="model">The model that the locator is for.</param>
    /// <param name="training">What is trained; stays the caller's.</param>
    /// <param name="every">Batches between two points of the curves.</param>
    /// <param name="keep">
    /// Called with each point and when the training is cancelled: to write a checkpoint, or null for none.
    /// </param>
    /// <param name="progress">Told after each batch, or null to ignore.</param>
    public LocatorTrainer(
        VitModel model,
        LocatorTraining training,
        int every,
        Action<LocatorTraining>? keep = null,
        IProgress<TrainingProgress>? progress = null
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(every);
        (_model, _training, _every, _keep, _progress) = (model, training, every, keep, progress);
    }

    /// <summary>
    /// Trains on solved samples in several epochs, holding the last ones out and considering the weights for the best
    /// at each point.
    /// </summary>
    /// <param name="samples">The samples; stay the caller's.</param>
    /// <param name="epochs">How often each sample is learned.</param>
    /// <param name="heldOut">How many samples are held out, fewer than there are.</param>
    /// <param name="cancellation">Stops after a batch; the training is kept.</param>
    /// <exception cref="BadInputException">There are too few samples.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public void FromBank(TargetSamples samples, int epochs, int heldOut, CancellationToken cancellation = default) =>
        // Products of this size lose on threads, and one thread gives the same weights on any number of cores.
        SingleThreaded.Run(1, 1, _ => Learn(samples, epochs, heldOut, cancellation), cancellation);

    void Learn(TargetSamples samples, int epochs, int heldOut, CancellationToken cancellation)
    {
        LocatorTrainingSettings settings = _training.Settings;
        int learned = samples.Count - heldOut;
        int perEpoch = learned / settings.Batch;
        if (heldOut < 0 || perEpoch < 1)
            throw BadInput.OutOfRange(
                null,
                $"{samples.Count} targets of which {heldOut} are held out make no batch of {settings.Batch}.",
                Remedy.AnyOf(
                    Remedy.Larger(Parameter.Targets),
                    Remedy.Smaller(Parameter.HeldOut),
                    Remedy.Smaller(Parameter.Batch)
                )
            );

        using DisposeScope scope = NewDisposeScope();
        Tensor all = Tokens(samples);
        Tensor features = all.narrow(0, learned, heldOut);
        Tensor targets = samples.Targets.narrow(0, learned, heldOut);
        Tensor? gradients = Gradients(samples);
        Tensor? heldOutGradients = gradients?.narrow(0, learned, heldOut);
        Tensor mean = samples.Targets.narrow(0, 0, learned).mean([0]);
        double? constant = heldOut > 0 ? LocatorTraining.ConstantLoss(targets, mean) : null;
        double[] measures = Means(samples.Measures.narrow(0, 0, learned));
        int total = epochs * perEpoch;
        int[] order = [];
        for (int orderOf = -1; _training.Batches < total; )
        {
            using DisposeScope batchScope = NewDisposeScope();
            StopIf(cancellation);
            int epoch = _training.Batches / perEpoch;
            int place = _training.Batches % perEpoch;
            if (epoch != orderOf)
            {
                order = [.. Enumerable.Range(0, learned)];
                StableRandom.For(settings.Seed, 0, epoch).Shuffle(order);
                orderOf = epoch;
            }
            Tensor index = tensor(
                [.. order.AsSpan(place * settings.Batch, settings.Batch).ToArray().Select(i => (long)i)],
                ScalarType.Int64
            );
            double rate = settings.Rate(_training.Batches);
            _training.Learn(
                all.index_select(0, index),
                samples.Targets.index_select(0, index),
                gradients?.index_select(0, index)
            );
            if (Due(total))
            {
                double? loss = heldOut > 0 ? _training.Loss(features, targets, heldOutGradients) : null;
                if (loss is double held)
                    _training.Consider(held);
                (Tensor f, Tensor t, Tensor? g) =
                    heldOut > 1 ? (features, targets, heldOutGradients) : (all, samples.Targets, gradients);
                Keep(Point(f, t, g, rate, _training.TakeLoss(), loss, constant, measures));
            }
            _progress?.Report(
                new TrainingProgress(_training.Batches, total, _training.Curve.Count > 0 ? _training.Curve[^1] : null)
            );
        }
    }

    /// <summary>
    /// Trains on samples as they are solved, each batch once, as published; a batch's loss before it is learned is a
    /// held-out one.
    /// </summary>
    /// <param name="filler">What solves them.</param>
    /// <param name="batches">Batches to learn.</param>
    /// <param name="workers">Samples solved at once, or null for one per thread of libtorch.</param>
    /// <param name="cancellation">
    /// Stops within a second or so; the training is kept as it was after the last batch.
    /// </param>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public void Online(
        TargetBankFiller filler,
        int batches,
        int? workers = null,
        CancellationToken cancellation = default
    )
    {
        LocatorTrainingSettings settings = _training.Settings;
        while (_training.Batches < batches)
        {
            using DisposeScope scope = NewDisposeScope();
            StopIf(cancellation);
            TargetSamples batch;
            try
            {
                batch = filler.SolveRange(
                    (long)_training.Batches * settings.Batch,
                    settings.Batch,
                    workers,
                    cancellation
                );
            }
            catch (OperationCanceledException)
            {
                _keep?.Invoke(_training);
                throw;
            }
            using (batch)
            {
                double rate = settings.Rate(_training.Batches);
                Tensor tokens = Tokens(batch);
                SingleThreaded.Run(
                    1,
                    1,
                    _ => _training.Learn(tokens, batch.Targets, Gradients(batch)),
                    CancellationToken.None
                );
                if (Due(batches))
                    Keep(
                        Point(
                            tokens,
                            batch.Targets,
                            Gradients(batch),
                            rate,
                            _training.TakeLoss(),
                            null,
                            null,
                            Means(batch.Measures)
                        )
                    );
            }
            _progress?.Report(
                new TrainingProgress(_training.Batches, batches, _training.Curve.Count > 0 ? _training.Curve[^1] : null)
            );
        }
    }

    Tensor Tokens(TargetSamples samples) =>
        LocatorInputs.Tokens(
            _model,
            _training.Settings.Input,
            samples.Features,
            () => nn.functional.softmax(_model.Classify(LocatorInputs.AsRead(_model, samples.Originals)), 1)
        );

    Tensor? Gradients(TargetSamples samples) =>
        _training.Settings.Input == LocatorInput.FeatureAndGradient ? samples.Gradients : null;

    bool Due(int total) => _training.Batches % _every == 0 || _training.Batches == total;

    void StopIf(CancellationToken cancellation)
    {
        if (!cancellation.IsCancellationRequested)
            return;
        _keep?.Invoke(_training);
        throw new OperationCanceledException(cancellation);
    }

    void Keep(TrainingPoint point)
    {
        _training.Add(point);
        _keep?.Invoke(_training);
    }

    TrainingPoint Point(
        Tensor features,
        Tensor targets,
        Tensor? gradients,
        double rate,
        double loss,
        double? heldOut,
        double? constant,
        double[] measures
    )
    {
        const int most = 256;
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor f = features.narrow(0, 0, Math.Min(most, features.shape[0]));
        Tensor t = targets.narrow(0, 0, Math.Min(most, targets.shape[0]));
        Tensor output = _training.Network.Forward(f, gradients?.narrow(0, 0, f.shape[0]));
        return new TrainingPoint(
            _training.Batches,
            rate,
            loss,
            heldOut,
            constant,
            measures[0],
            measures[1],
            t.mean().item<float>(),
            output.mean().item<float>(),
            Difference(output),
            Difference(t)
        );

        static double Difference(Tensor masks) =>
            masks.shape[0] < 2
                ? 0
                : (masks.narrow(0, 1, masks.shape[0] - 1) - masks.narrow(0, 0, masks.shape[0] - 1))
                    .abs()
                    .mean()
                    .item<float>();
    }

    static double[] Means(Tensor measures) => [.. measures.mean([0]).data<float>().Select(x => (double)x)];
}
