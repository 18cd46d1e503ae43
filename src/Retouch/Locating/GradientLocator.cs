using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// Scores a unit by the Euclidean norm of the loss's gradient with respect to its weights, each matrix
/// scaled to its largest unit. The loss is the cross-entropy to the right class. For several images their masks
/// are averaged.
/// </summary>
public sealed class GradientLocator : ILocator
{
    /// <inheritdoc/>
    public string Name => "gradient";

    /// <inheritdoc/>
    public Mask Locate(SplitVit split, Failure failure) =>
        Mask.MeanOver(failure, (image, label) => Locate(split, image, label));

    static Mask Locate(SplitVit split, PrefixState image, int label)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor norms = UnitGradients.Norms(split, image, [label])[0]; // [matrices,H]
        return Mask.FromTensor(split.Space, norms / norms.amax([1], true).clamp_min(Held(float.Epsilon)));
    }
}
