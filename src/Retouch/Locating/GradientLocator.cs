using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

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
    public Mask Locate(SplitVit split, Failure failure) => Mask.MeanOver(failure.State, image => Locate(split, image, failure.Label));

    static Mask Locate(SplitVit split, PrefixState image, int label)
    {
        using DisposeScope scope = NewDisposeScope();
        using EditSession session = new(split, image, [UnitSelection.All(split.Space)]);
        Tensor logits = session.Logits();
        Tensor target = full(logits.shape[0], label, ScalarType.Int64, logits.device);
        Tensor[] gradients = session.Gradients(softmax(logits, 1) - one_hot(target, logits.shape[1]));
        Tensor norms = stack([.. gradients.Select(g => g[0].norm(1))]); // [matrices,H]
        return Mask.FromTensor(split.Space, norms / norms.amax([1], true).clamp_min(float.Epsilon));
    }
}
