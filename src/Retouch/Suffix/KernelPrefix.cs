using Retouch.Kernels;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>The pass up to the first editable FFN by kernels of our own. Owns the engine.</summary>
sealed class KernelPrefix(SplitVit split, IEngine engine) : IPrefixPass
{
    readonly int _first = split.Space.FirstBlock;

    public (Tensor Residual, Tensor Output) Run(Tensor x)
    {
        Tensor residual = engine.Attend(_first, _first > 0 ? engine.Forward(0, _first - 1, x) : x);
        return (residual, FeedForward(residual));
    }

    public Tensor FeedForward(Tensor residual) => engine.FeedForward(_first, residual);

    public void Dispose() => engine.Dispose();
}
