using Retouch.Optimizers;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Locating;

/// <summary>
/// Finds where a model is best edited so that it sees in a spoilt image what it sees in the original
/// ("Learning Where to Edit Vision Transformers", NeurIPS 2024, section 3.3): the masks that a
/// <see cref="Hypernetwork"/> then learns to predict. First order, one optimization a sample, any number of
/// samples at once. Safe to use from several threads.
/// </summary>
public sealed class TargetMaskSolver
{
    readonly SplitVit _split;
    readonly TargetMaskSettings _settings;
    readonly DiagonalFisher? _fisher; // null if all units pay alike

    /// <summary>Creates a solver for one model.</summary>
    /// <param name="split">The model.</param>
    /// <param name="settings">The settings, or null for the published ones.</param>
    /// <param name="fisher">What ordinary images need, for a Fisher power above 0; stays the caller's.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    /// <exception cref="ArgumentException">There is a Fisher power but no Fisher information of this space.</exception>
    public TargetMaskSolver(SplitVit split, TargetMaskSettings? settings = null, DiagonalFisher? fisher = null)
    {
        (_split, _settings) = (split, settings ?? new());
        _settings.Validate();
        _fisher = _settings.FisherPower > 0 ? fisher : null;
        if (_settings.FisherPower > 0 && fisher?.Space != split.Space)
            throw new ArgumentException(
                "A Fisher power needs the Fisher information of the model's edit space.",
                nameof(fisher)
            );
    }

    /// <summary>Solves B independent samples as published, from their own images alone.</summary>
    /// <param name="spoilt">The prefix of the B spoilt images.</param>
    /// <param name="wanted">The unedited model's logits of their originals, <c>[B,C]</c>.</param>
    /// <param name="start">The mask logits to start from, <c>[B,matrices,H]</c>; published: uniform in (-1,1).</param>
    /// <param name="cancellation">Stops between outer steps.</param>
    /// <returns>The targets; the caller disposes them.</returns>
    /// <exception cref="ArgumentException">
    /// The shapes do not belong together, or the settings need more images.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public TargetMasks Solve(
        PrefixState spoilt,
        Tensor wanted,
        Tensor start,
        CancellationToken cancellation = default
    ) => Solve(new TargetProblem(spoilt, wanted, start), cancellation);

    /// <summary>Solves B independent samples.</summary>
    /// <param name="problem">The samples, with the other views and ordinary images that the settings ask for.</param>
    /// <param name="cancellation">Stops between outer steps.</param>
    /// <returns>The targets; the caller disposes them.</returns>
    /// <exception cref="ArgumentException">The shapes do not belong together, or images are missing.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public TargetMasks Solve(TargetProblem problem, CancellationToken cancellation = default)
    {
        EditSpace space = _split.Space;
        problem.Require(space, _settings);
        using DisposeScope scope = NewDisposeScope();
        UnitSelection[] everything = [.. Enumerable.Repeat(UnitSelection.All(space), problem.Spoilt.Images)];
        using EditSession session = new(_split, problem.Spoilt, everything);
        using EditSession? views = problem.Views is null ? null : new(_split, problem.Views, everything);
        using EditSession? ordinary = problem.Ordinary is null ? null : new(_split, problem.Ordinary, everything);
        Divergence divergence = new(problem.Wanted, _settings.Temperature);
        // The outer loss: whether the sample, or other views of it, see what they should, and ordinary images what they
        // did.
        (EditSession judge, Divergence verdict) = views is null
            ? (session, divergence)
            : (views, new(problem.WantedOfViews!, _settings.Temperature));
        Divergence? disturbance = ordinary is null ? null : new(problem.LogitsOfOrdinary!, _settings.Temperature);
        Tensor logits = problem.Start.detach().clone(); // s
        Tensor square = zeros_like(logits);
        Tensor[] deltas = session.NewRows(); // a matrix [B,H,D]

        Tensor cost = Cost().to(logits.device); // [matrices,H]

        // With delta zero the mask has no say: the first inner gradient is every outer step's.
        Tensor before = session.Logits();
        float[] atStart = views is null ? divergence.Value(before) : PerSample(verdict.Value(views.Logits()));
        float[] atEnd = atStart;
        // the session's memory, which only further gradients would take
        Tensor[] first = session.Gradients(divergence.Gradient(before));
        if (_settings.SignSteps)
            first = [.. first.Select(g => g.sign())];

        for (int outer = 0; outer < _settings.OuterSteps; outer++)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope outerScope = NewDisposeScope();
            Tensor mask = torch.sigmoid(Held(_settings.MaskScale) * logits); // m
            Tensor[] rows = [.. mask.unbind(1).Select(m => m.unsqueeze(2))]; // a matrix [B,H,1]
            for (int m = 0; m < deltas.Length; m++)
                deltas[m].zero_().add_(first[m], Held(-_settings.InnerLearningRate));
            session.SetDeltas(deltas, rows);
            for (int inner = 1; inner < _settings.InnerSteps; inner++)
            {
                using DisposeScope innerScope = NewDisposeScope();
                Tensor gradient = divergence.Gradient(session.Logits());
                if (!_settings.SignSteps)
                {
                    session.Descend(gradient, deltas, _settings.InnerLearningRate, rows);
                    continue;
                }
                foreach ((Tensor delta, Tensor step) in deltas.Zip(session.Gradients(gradient)))
                    delta.add_(step.sign(), Held(-_settings.InnerLearningRate));
                session.SetDeltas(deltas, rows);
            }
            Tensor maskGradient = MaskGradient(judge, verdict, remember: true);
            Tensor price = cost;
            if (ordinary is not null)
            {
                // What all changes together do to ordinary images, unit by unit; a unit that undoes others' harm is
                // free.
                Tensor harm = MaskGradient(ordinary, disturbance!).clamp_min_(Held(0));
                price =
                    price
                    * (
                        harm / harm.mean([1, 2], true).clamp_min(Held(1e-20)) * Held(_settings.Locality)
                        + Held(1 - _settings.Locality)
                    );
            }
            if (_settings.Density is double share)
                price =
                    price
                    * (-maskGradient / price.clamp_min(Held(1e-12)))
                        .flatten(1)
                        .quantile(tensor(1 - (float)share), 1, true)
                        .unsqueeze(2)
                        .clamp_min(Held(0));
            maskGradient.Plus_(price);
            maskGradient.mul_(Held(_settings.MaskScale) * mask * (Held(1) - mask));
            new RmsProp(_settings.Alpha, _settings.Epsilon).Step(
                logits,
                maskGradient,
                square,
                _settings.MaskLearningRate
            );

            // dL/dm of a unit: its weights are W + m·delta with delta held constant.
            Tensor MaskGradient(EditSession of, Divergence loss, bool remember = false)
            {
                if (of != session)
                    of.SetDeltas(deltas, rows);
                Tensor z = of.Logits();
                if (remember)
                    atEnd = PerSample(loss.Value(z));
                return stack(of.ScaleGradients(loss.Gradient(z) / Held(of.ImagesPerEdit), deltas), 1);
            }
        }
        float[] density = torch.sigmoid(Held(_settings.MaskScale) * logits).mean([1, 2]).cpu().data<float>().ToArray();
        return new TargetMasks(
            torch.sigmoid(Held(_settings.TargetScale) * logits).MoveToOuterDisposeScope(),
            atStart,
            atEnd,
            density
        );
    }

    float[] PerSample(float[] values) =>
        _settings.Views == 0 ? values : [.. values.Chunk(_settings.Views).Select(v => v.Average())];

    // What a unit of mask pays: λ/(B·units), more where ordinary images need the unit more.
    Tensor Cost()
    {
        EditSpace space = _split.Space;
        Tensor equal = Filled(
            [space.Matrices, space.Hidden],
            Held(_settings.Sparsity / (_settings.Batch * space.Units))
        );
        if (_fisher is null)
            return equal;
        Tensor logs = stack([.. _fisher.Values.Select(v => v.sum(1))]).clamp_min(Held(float.Epsilon)).log();
        return equal * ((logs - logs.mean()) * Held(_settings.FisherPower)).exp();
    }

    /// <summary>KL(softmax(wanted/T) ‖ softmax(z/T))·T², a sample, and its gradient with respect to z.</summary>
    sealed class Divergence
    {
        readonly double _temperature;
        readonly Tensor _target;
        readonly Tensor _logTarget; // [B,C]

        public Divergence(Tensor wanted, double temperature)
        {
            _temperature = temperature;
            _logTarget = log_softmax(wanted.detach() / Held(temperature), 1);
            _target = _logTarget.exp();
        }

        public float[] Value(Tensor z)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor value =
                (_target * (_logTarget - log_softmax(z / Held(_temperature), 1))).sum(1)
                * Held(_temperature * _temperature);
            return value.cpu().data<float>().ToArray();
        }

        public Tensor Gradient(Tensor z) => softmax(z / Held(_temperature), 1).sub_(_target).mul_(Held(_temperature));
    }
}
