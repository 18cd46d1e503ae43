using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>The classifier alone is retrained on the failing image, close to what it said of ordinary ones.</summary>
/// <remarks>
/// Last-layer retraining (Kirichenko, Izmailov, Wilson, "Last Layer Re-Training is Sufficient for Robustness to
/// Spurious Correlations", ICLR 2023) on the failure, with a distillation as in Li and Hoiem, "Learning without
/// Forgetting", ECCV 2016: Adam on the classifier's weight and bias, from those of the model, on the cross-entropy plus
/// a weight times the mean KL(unedited ‖ edited) on ordinary images (<see cref="HeadMemory"/>). A weight of 0 is the
/// default, since it was measured to be the best at both ends: Adam's steps are of one size for each weight however
/// small its gradient is, so that the cross-entropy alone moves the right class against all others alike, and any
/// divergence moves these against each other, by which images that are close change.
/// </remarks>
public sealed class HeadAlone : IEditor
{
    readonly Preparation? _memory;
    readonly HeadAloneSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="memory">
    /// What <see cref="HeadMemory"/> prepared; not owned. Null where the divergence has no weight.
    /// </param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">
    /// A setting is out of range, or the divergence has a weight and there is no memory.
    /// </exception>
    public HeadAlone(Preparation? memory = null, HeadAloneSettings? settings = null)
    {
        (_memory, _settings) = (memory, settings ?? new());
        _settings.Validate();
        if (_settings.Weight > 0 && memory is null)
            throw BadInput.Missing(HeadMemory.Kind, $"{Name} needs the preparation '{HeadMemory.Kind}'.");
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<HeadAloneSettings>(
            "head-alone",
            "the classifier is retrained, close to what it said of ordinary images",
            "Kirichenko, Izmailov, Wilson, Last Layer Re-Training is Sufficient for Robustness to Spurious "
                + "Correlations, ICLR 2023",
            (settings, resources) =>
                new HeadAlone(settings.Weight > 0 ? resources.Preparation(HeadMemory.Kind) : null, settings)
        )
        {
            OneClass = null,
            ShortName = "head alone",
            Window = config => new EditSpace(config, config.Depth - 1, 1),
            NewPreparation = () => new HeadMemory(),
            Reads = settings => settings.Weight > 0 ? HeadMemory.Kind : null,
        };

    /// <inheritdoc/>
    public string Name => Definition.Name;

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor Features, Tensor Said)? memory = _settings.Weight > 0 ? Memory(split) : null;
        return Edits.OneByOne(failures, failure => Edit(split, memory, failure, progress, cancellation), cancellation);
    }

    // What the classifier reads on ordinary images [N,D], and what the model says of them [N,C].
    (Tensor Features, Tensor Said) Memory(SplitVit split)
    {
        _memory!.Require(HeadMemory.Kind, split);
        VitModel model = split.Model;
        Tensor features = _memory
            .Shaped(
                "features",
                model.Config.Pooling == VitPooling.TwoHeads
                    ? [-1, 2, model.Config.Width]
                    : [-1, model.Config.HeadInputs]
            )
            .to(ScalarType.Float32)
            .to(model.Tensors[VitNames.HeadWeight].device);
        return (features, softmax(model.Classify(features), 1));
    }

    EditResult Edit(
        SplitVit split,
        (Tensor Features, Tensor Said)? memory,
        Failure failure,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        VitModel model = split.Model;
        string[] names =
        [
            VitNames.HeadWeight,
            VitNames.HeadBias,
            .. model.Config.Pooling == VitPooling.TwoHeads
                ? (string[])[VitNames.SecondHeadWeight, VitNames.SecondHeadBias]
                : [],
        ];
        Dictionary<string, Tensor> heads = names.ToDictionary(n => n, n => model.Tensors[n].clone().requires_grad_());
        Tensor own = split.ClassFeatures(failure.State); // [S,D]
        (int steps, List<float> losses) = LeafDescent.Run(
            [.. names.Select(n => heads[n])],
            failure.EachLabel,
            () => (Logits(own), Divergence()),
            _settings.LearningRate,
            _settings.MaxSteps,
            _settings.StopLoss,
            null,
            progress,
            cancellation
        );
        using IDisposable noGrad = no_grad();
        TensorDelta delta = new(
            split.Space,
            names.ToDictionary(n => n, n => TensorChange.Add(heads[n].detach() - model.Tensors[n]))
        );
        return Edits.Result(split, failure, delta, Name, HeadAloneSettings.Table.Describe(_settings), 0, steps, losses);

        Tensor Logits(Tensor features) => model.Classify(features, name => heads.GetValueOrDefault(name));

        // But for what the unedited model says, which has no gradient.
        Tensor? Divergence() =>
            memory is (Tensor features, Tensor said)
                ? -(said * log_softmax(Logits(features), 1)).sum(1).mean() * Held(_settings.Weight)
                : null;
    }
}
