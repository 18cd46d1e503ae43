using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// K-FAC's other half: the second moments Γ = E[g·gᵀ] of the gradient with respect to what each matrix of the
/// edit space gives, over all tokens of ordinary images: of fc1 <c>[H,H]</c>, of fc2 <c>[D,D]</c>. The gradient is
/// that of the log-likelihood of a class which the model itself draws, so that no labels are needed. Kept as
/// <see cref="PackedMoment"/>s.
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
/// <param name="seed">The seed of the drawn classes.</param>
public sealed class OutputStatistics(int most = 300, int seed = 0) : IPreparation
{
    const int Purpose = 11;

    /// <summary>The preparation's name.</summary>
    public const string Kind = "outputs";

    /// <inheritdoc/>
    public string Name => Kind;

    /// <inheritdoc/>
    public Preparation Prepare(
        SplitVit split,
        PreparationImages images,
        string? checkpoint = null,
        IProgress<PreparationProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        using DisposeScope scope = NewDisposeScope();
        EditSpace space = split.Space;
        Dictionary<string, string> settings = InputStatistics.Describe(images, most);
        settings["seed"] = seed.ToString(CultureInfo.InvariantCulture);
        MatrixProbe probe = new(space);
        AutogradSuffix suffix = new(split, visit: probe.Visit);
        using MomentSums gathered = MomentSums.Gather(
            Name,
            settings,
            split,
            images,
            most,
            (sums, state) =>
            {
                Tensor likely = log_softmax(suffix.Logits(state), 1);
                Tensor classes = DrawnClasses
                    .Of(likely.exp(), StableRandom.For(seed, Purpose, sums.Images))
                    .unsqueeze(1);
                IList<Tensor> gradients = probe.Gradients(likely.gather(1, classes).sum());
                for (int m = 0; m < space.Matrices; m++)
                    sums.Add(space.MatrixName(m), gradients[m].reshape(-1, gradients[m].shape[2]));
            },
            checkpoint,
            progress,
            cancellation
        );
        return InputStatistics.Packed(Name, split, settings, gathered);
    }
}
