using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>The pass from the first editable FFN on, forward alone, under one delta or none.</summary>
interface ISuffixPass : IDisposable
{
    /// <summary>
    /// Tokens after the last block, <c>[N,M,D]</c> or <c>[N,T,D]</c>; in the caller's dispose scope.
    /// </summary>
    /// <param name="residual">The images' <see cref="PrefixState.Residual"/>.</param>
    /// <param name="output">Their <see cref="PrefixState.Output"/>.</param>
    Tensor LastTokens(Tensor residual, Tensor output);
}
