using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// Scores a unit by how much it could correct against how much it matters elsewhere: the Euclidean norm of the
/// loss's gradient with respect to its weights over the diagonal Fisher information of ordinary images
/// (<see cref="FisherStatistics"/>), to which a share of its mean is added so that units that ordinary images
/// never use do not win by that alone. Each matrix is scaled to its largest unit. For several images their masks
/// are averaged. Does not own the statistics.
/// </summary>
/// <param name="fisher">
/// What <see cref="FisherStatistics"/>, or anything else that knows units' Fisher information, prepared.
/// </param>
/// <param name="damping">The share of the matrix's mean Fisher information, above 0.</param>
public sealed class FisherLocator(Preparation fisher, double damping = 0.1) : ILocator
{
    /// <inheritdoc/>
    public string Name => "fisher";

    /// <inheritdoc/>
    public Mask Locate(SplitVit split, Failure failure)
    {
        fisher.Require(split);
        return Mask.MeanOver(failure, (image, label) => Locate(split, image, label));
    }

    Mask Locate(SplitVit split, PrefixState image, int label)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor norms = UnitGradients.Norms(split, image, [label])[0];
        Tensor information = fisher
            .Shaped(FisherStatistics.Tensor, split.Space.Matrices, split.Space.Hidden)
            .to(norms.device); // [matrices,H]
        Tensor scores =
            norms / information.Plus(information.mean([1], true) * Held(damping)).clamp_min(Held(float.Epsilon));
        return Mask.FromTensor(split.Space, scores / scores.amax([1], true).clamp_min(Held(float.Epsilon)));
    }
}
