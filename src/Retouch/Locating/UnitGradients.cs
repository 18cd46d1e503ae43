using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Locating;

/// <summary>How strongly a correction pulls at each hidden unit.</summary>
static class UnitGradients
{
    /// <summary>
    /// The Euclidean norm of the gradient of each image's cross-entropy to its class, with respect to each unit's
    /// weights.
    /// </summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="images">The images' prefix.</param>
    /// <param name="labels">The class that each should have.</param>
    /// <returns><c>[B,matrices,H]</c>; the caller disposes it.</returns>
    public static Tensor Norms(SplitVit split, PrefixState images, long[] labels)
    {
        using DisposeScope scope = NewDisposeScope();
        using EditSession session = new(
            split,
            images,
            [.. Enumerable.Repeat(UnitSelection.All(split.Space), images.Images)]
        );
        Tensor logits = session.Logits();
        Tensor target = tensor(labels, ScalarType.Int64, logits.device);
        Tensor[] gradients = session.Gradients(softmax(logits, 1) - one_hot(target, logits.shape[1]));
        return stack([.. gradients.Select(g => g.norm(2))], 1).MoveToOuterDisposeScope();
    }
}
