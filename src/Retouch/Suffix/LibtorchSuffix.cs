using Retouch.Kernels;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// The pass from the first editable FFN on by libtorch's public kernels. Its weights lie in the dispose scope that it
/// is made in.
/// </summary>
sealed class LibtorchSuffix : ISuffixPass
{
    readonly SplitVit _split;
    readonly Precision _precision;
    readonly DeltaFfn[] _ffns; // of the space's blocks; none without a delta

    /// <summary>Adds a delta to the weights.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="delta">Null for none.</param>
    /// <param name="precision">In what products are computed.</param>
    public LibtorchSuffix(SplitVit split, WeightDelta? delta, Precision precision)
    {
        _split = split;
        _precision = precision;
        _ffns = delta is null
            ? []
            : [.. Enumerable.Range(0, split.Space.Blocks).Select(j => new DeltaFfn(split, delta, j, precision))];
    }

    public Tensor LastTokens(Tensor residual, Tensor output)
    {
        int first = _split.Space.FirstBlock;
        VitModel model = _split.Model;
        Tensor x = _ffns.Length == 0 ? output : _ffns[0].FirstBlock(residual, output);
        for (int i = first + 1; i < model.Config.Depth; i++)
        {
            BlockWeights block = NarrowBlocks.Block(model, i, _precision);
            x = model.AttentionResidual(block, i, x);
            Tensor normed = model.Norm2(block, x);
            Tensor y =
                i - first < _ffns.Length
                    ? _ffns[i - first].Product(normed)
                    : model.FfnProducts(normed, block.Fc1Weight, block.Fc1Bias, block.Fc2Weight);
            x = SuffixBlock.Sum(x, y, block.Fc2Bias, block.Scale2);
        }
        return x;
    }

    public void Dispose() { }
}
