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
/// a weight times the mean KL(unedited ‖ edited) on ordinary images (<see cref="HeadMemory"/>).
/// </remarks>
public sealed class HeadAlone : IEditor
{
    readonly Preparation _memory;
    readonly HeadAloneSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="memory">What <see cref="HeadMemory"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public HeadAlone(Preparation memory, HeadAloneSettings? settings = null)
    {
        (_memory, _settings) = (memory, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<HeadAloneSettings>(
            "head-alone",
            "the classifier is retrained, close to what it said of ordinary images",
            "Kirichenko, Izmailov, Wilson, Last Layer Re-Training is Sufficient for Robustness to Spurious "
                + "Correlations, ICLR 2023",
            (settings, resources) => new HeadAlone(resources.Preparation(HeadMemory.Kind), settings)
        )
        {
            ShortName = "head alone",
            Window = config => new EditSpace(config, config.Depth - 1, 1),
            NewPreparation = () => new HeadMemory(),
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
        _memory.Require(HeadMemory.Kind, split);
        using DisposeScope scope = NewDisposeScope();
        VitModel model = split.Model;
        Tensor features = _memory
            .Shaped("features", -1, model.Config.Width)
            .to(ScalarType.Float32)
            .to(model.Tensors[VitNames.HeadWeight].device); // [N,D]
        Tensor said = softmax(model.Classify(features), 1); // [N,C]
        return Edits.OneByOne(
            failures,
            failure => Edit(split, features, said, failure, progress, cancellation),
            cancellation
        );
    }

    EditResult Edit(
        SplitVit split,
        Tensor features,
        Tensor said,
        Failure failure,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor weight = split.Model.Tensors[VitNames.HeadWeight];
        Tensor bias = split.Model.Tensors[VitNames.HeadBias];
        Tensor own = split.ClassFeatures(failure.State); // [S,D]
        Tensor newWeight = weight.clone().requires_grad_();
        Tensor newBias = bias.clone().requires_grad_();
        (int steps, List<float> losses) = LeafDescent.Run(
            [newWeight, newBias],
            failure.Label,
            () => (linear(own, newWeight, newBias), Divergence()),
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
            new Dictionary<string, TensorChange>
            {
                [VitNames.HeadWeight] = TensorChange.Add(newWeight.detach() - weight),
                [VitNames.HeadBias] = TensorChange.Add(newBias.detach() - bias),
            }
        );
        return Edits.Result(split, failure, delta, Name, HeadAloneSettings.Table.Describe(_settings), 0, steps, losses);

        // But for what the unedited model says, which has no gradient.
        Tensor? Divergence() =>
            _settings.Weight == 0
                ? null
                : -(said * log_softmax(linear(features, newWeight, newBias), 1)).sum(1).mean() * Held(_settings.Weight);
    }
}
