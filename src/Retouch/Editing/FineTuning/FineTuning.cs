using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Fine-tuning of all six matrices without a mask, and with a penalty on the change: FT, FT-ℓ1 and FT-ℓ2.
/// </summary>
/// <remarks>
/// The baselines of "Learning Where to Edit Vision Transformers" (NeurIPS 2024, section 4.1): cross-entropy to
/// the right class plus strength·‖δ‖₁ or strength·‖δ‖₂², where δ is what is added to the weights. As in its
/// published code the first step is one of plain gradient descent and the others are RMSprop's. The penalty is
/// taken by its proximal map in RMSprop's metric (Parikh, Boyd, "Proximal Algorithms", 2014, section 4.2), not
/// by its gradient: RMSprop makes steps of one size however large a gradient is, so that with a large strength
/// δ would tremble about zero by a step size instead of being zero, and ℓ1 would leave no weight untouched.
/// </remarks>
public sealed class FineTuning : IEditor
{
    readonly FineTuningSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public FineTuning(FineTuningSettings? settings = null)
    {
        _settings = settings ?? new();
        _settings.Validate();
    }

    /// <summary>The method without a penalty.</summary>
    public static Method Plain { get; } =
        new Method<FineTuningSettings>(
            "ft",
            "fine-tuning of all six matrices",
            Methods.WhereToEdit,
            (settings, _) => new FineTuning(settings),
            FineTuningSettings
                .Table.Without("strength")
                .Swept("lr", ["1E-05", "2E-05", "5E-05"], ["5E-06", "1E-05", "2E-05", "5E-05", "0.0001"])
        )
        {
            OneClass = null,
            ShortName = "FT",
        };

    /// <summary>The method with an ℓ1 penalty on the change.</summary>
    public static Method WithL1 { get; } = Penalized("ft-l1", "FT-ℓ1", "an ℓ1", FineTuningPenalty.L1);

    /// <summary>The method with an ℓ2 penalty on the change.</summary>
    public static Method WithL2 { get; } = Penalized("ft-l2", "FT-ℓ2", "an ℓ2", FineTuningPenalty.L2);

    /// <inheritdoc/>
    public string Name =>
        _settings.Penalty switch
        {
            FineTuningPenalty.L1 => WithL1.Name,
            FineTuningPenalty.L2 => WithL2.Name,
            _ => Plain.Name,
        };

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        UnitSelection[] units = [.. failures.Select(_ => UnitSelection.All(split.Space))];
        using DescendingEdits edits = new(
            split,
            failures,
            units,
            Name,
            FineTuningSettings.Table.Describe(_settings),
            seed: 0
        );
        for (int step = 0; ; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            Tensor logits = edits.Logits(); // [B·S,C]
            float loss = edits.Retire(logits, step, _settings.StopLoss, all: step == _settings.MaxSteps);
            progress?.Report(new EditProgress(step, _settings.MaxSteps, edits.Count, loss));
            if (edits.Count == 0)
                return edits.TakeResults();

            Tensor[] gradients = edits.Gradients(logits);
            for (int m = 0; m < gradients.Length; m++)
                Step(step, gradients[m], edits.Deltas[m], edits.Squares[m]);
            edits.Continue();
        }
    }

    static Method<FineTuningSettings> Penalized(
        string name,
        string shortName,
        string which,
        FineTuningPenalty penalty
    ) =>
        new(
            name,
            $"fine-tuning with {which} penalty on the change",
            Methods.WhereToEdit,
            (settings, _) => new FineTuning(settings),
            FineTuningSettings.Table.Swept(
                "strength",
                ["0.001", "0.01", "0.1"],
                ["0", "0.001", "0.005", "0.01", "0.025", "0.05", "0.1"]
            ),
            new() { Penalty = penalty, Strength = 0.01 }
        )
        {
            OneClass = null,
            ShortName = shortName,
        };

    void Step(int step, Tensor gradient, Tensor delta, Tensor square)
    {
        using DisposeScope scope = NewDisposeScope();
        if (step == 0 && _settings.FirstStepPlain)
        {
            delta.add_(gradient, Held(-_settings.LearningRate));
            Shrink(delta, tensor(_settings.LearningRate, ScalarType.Float32));
            return;
        }
        square.mul_(Held(_settings.Alpha)).addcmul_(gradient, gradient, Held(1 - _settings.Alpha));
        // each weight's own
        Tensor rate = square.sqrt().add_(Held(_settings.Epsilon)).reciprocal_().mul_(Held(_settings.LearningRate));
        delta.addcmul_(gradient, rate, Held(-1));
        Shrink(delta, rate);
    }

    // The proximal maps: argmin over d of ‖d − δ‖²/(2·rate) + strength·‖d‖, weight by weight.
    void Shrink(Tensor delta, Tensor rate)
    {
        if (_settings.Strength == 0)
            return;
        if (_settings.Penalty == FineTuningPenalty.L1)
            delta.copy_(delta.sign() * (delta.abs() - rate * Held(_settings.Strength)).clamp_min_(Held(0)));
        else
            delta.div_(Held(1) + rate * Held(2 * _settings.Strength));
    }
}
