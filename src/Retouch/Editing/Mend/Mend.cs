using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>MEND: networks turn the gradient of one example into an edit, in one step.</summary>
/// <remarks>
/// Mitchell et al., "Fast Model Editing at Scale", ICLR 2022. A matrix's gradient is a sum over tokens of rank-one
/// terms δ·uᵀ; a network maps each token's [u; δ] to [ũ; δ̃] (equation 2: two residual layers of low rank, shared by
/// matrices of one shape, with a scale and shift a matrix), and W' = W − α·Σ δ̃·ũᵀ with learned α. The networks are
/// meta-trained (<see cref="MendTraining"/>). Open for ViTs: all six matrices, all tokens; the factors are
/// divided by their root mean square instead of being whitened, so that the networks begin as gradient descent;
/// GELU where the paper has ReLU, whose slope at the first value, zero, is none; meta-training on CutMix
/// pseudo-failures, as the hypernetwork that MEND is compared with.
/// </remarks>
public sealed class Mend : IEditor
{
    readonly Preparation _learned;
    readonly MendSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="learned">What <see cref="MendTraining"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public Mend(Preparation learned, MendSettings? settings = null)
    {
        (_learned, _settings) = (learned, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<MendSettings>(
            "mend",
            "networks transform the factors of the gradient",
            "Mitchell et al., Fast Model Editing at Scale, ICLR 2022",
            (settings, resources) => new Mend(resources.Preparation(MendTraining.Kind), settings)
        )
        {
            OneClass = "its network reads the gradient of one class",
            ShortName = "MEND",
            NewPreparation = () => new MendTraining(),
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
        _learned.Require(MendTraining.Kind, split);
        using DisposeScope whole = NewDisposeScope();
        MendTransform transform = MendTransform.Load(_learned, split.Space);
        return GradientTransform.Edit(
            transform,
            _learned,
            split,
            failures,
            Name,
            () => MendSettings.Table.Describe(_settings),
            _settings.Scale,
            cancellation
        );
    }
}
