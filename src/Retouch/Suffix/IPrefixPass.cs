using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>The pass up to the first editable FFN, in float32. All results lie in the caller's dispose scope.</summary>
interface IPrefixPass : IDisposable
{
    /// <summary>
    /// Tokens on both sides of the first editable FFN; of a space that begins before the first block, the embedding
    /// twice.
    /// </summary>
    /// <param name="x">Tokens after the embedding, <c>[N,T,D]</c>.</param>
    /// <returns>Both <c>[N,T,D]</c>.</returns>
    (Tensor Residual, Tensor Output) Run(Tensor x);

    /// <summary>Tokens after the first editable FFN.</summary>
    /// <param name="residual">Those before it, <c>[N,T,D]</c>.</param>
    Tensor FeedForward(Tensor residual);
}
