using Retouch.Suffix;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// The cross-entropy's gradient with respect to each matrix of an edit space, as its factors over the n tokens of
/// all images: ∇W = Δᵀ·U with U <c>[n,in]</c> what the matrix reads and Δ <c>[n,out]</c> the gradient of what it
/// gives; and the images' mean [CLS] feature <c>[D]</c>, their label and the class that the model gives them.
/// </summary>
sealed record EditGradient(
    IReadOnlyList<Tensor> Inputs,
    IReadOnlyList<Tensor> Outputs,
    Tensor Feature,
    int Label,
    int Predicted
)
{
    /// <summary>Computes it under the unedited model; the tensors lie in the caller's dispose scope.</summary>
    public static EditGradient Of(SplitVit split, PrefixState state, int label)
    {
        MatrixProbe probe = new(split.Space);
        AutogradSuffix suffix = new(split, visit: probe.Visit);
        Tensor feature = suffix.ClassFeatures(state.Residual, state.Output);
        Tensor logits = suffix.Classify(feature);
        Tensor loss = -log_softmax(logits, 1).select(1, label).mean();
        IList<Tensor> gradients = probe.Gradients(loss);
        return new EditGradient(
            [.. probe.Inputs.Select(u => u.reshape(-1, u.shape[2]))],
            [.. gradients.Select(g => g.reshape(-1, g.shape[2]))],
            feature.detach().mean([0]),
            label,
            (int)logits.detach().mean([0]).argmax().item<long>()
        );
    }
}
