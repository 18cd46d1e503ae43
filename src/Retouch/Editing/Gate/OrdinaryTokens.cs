using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// What the classifier reads of ordinary images, at the last FFN (<see cref="HeadTokens"/>). Owns nothing.
/// </summary>
/// <param name="Residuals">Before its norm, <c>[N,D]</c> or, of some tokens an image, <c>[N,M,D]</c>.</param>
/// <param name="Read">After it, what the FFN reads, of the same shape.</param>
/// <param name="Queries">The same an image, pooled as the classifier does, <c>[N,D]</c>.</param>
/// <param name="Classes">What the model says of the images, <c>[N]</c>.</param>
readonly record struct OrdinaryTokens(Tensor Residuals, Tensor Read, Tensor Queries, Tensor Classes)
{
    /// <summary>Those of another class, <c>[N]</c> booleans; in the caller's scope.</summary>
    public Tensor Others(int label) => Classes.ne(Held(label));

    /// <summary>The share of the images that the model gives a class, in [0,1].</summary>
    public double Share(int label)
    {
        using Tensor alike = Classes.eq(Held(label));
        using Tensor count = alike.sum();
        return (double)count.item<long>() / Classes.shape[0];
    }
}
