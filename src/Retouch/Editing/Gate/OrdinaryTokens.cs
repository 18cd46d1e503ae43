using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>The [CLS] tokens of ordinary images at the last FFN. Owns nothing.</summary>
/// <param name="Residuals">Before its norm, <c>[N,D]</c>.</param>
/// <param name="Queries">After it, what the FFN reads, <c>[N,D]</c>.</param>
/// <param name="Classes">What the model says of the images, <c>[N]</c>.</param>
readonly record struct OrdinaryTokens(Tensor Residuals, Tensor Queries, Tensor Classes)
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
