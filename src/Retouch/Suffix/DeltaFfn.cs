using Retouch.Kernels;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// The FFN of an editable block under one delta, for any number of images. Lies in the dispose scope that it is made
/// in.
/// </summary>
sealed class DeltaFfn
{
    readonly VitModel _model;
    readonly BlockWeights _block;
    readonly Tensor _fc1;
    readonly Tensor _fc2;

    // What the touched units give from now on, less what they gave.
    readonly (Tensor Fc1, Tensor Bias, Tensor Fc2)? _change;

    /// <summary>Adds a delta to the weights of one block.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="delta">The delta.</param>
    /// <param name="block">Which of the space's blocks.</param>
    /// <param name="precision">In what products are computed.</param>
    public DeltaFfn(SplitVit split, WeightDelta delta, int block, Precision precision)
    {
        _model = split.Model;
        _block = NarrowBlocks.Block(_model, split.Space.FirstBlock + block, precision);
        // Rounded after the sum: a delta is smaller than the weights' last bit, but not than their average.
        BlockWeights exact = _model.Blocks[split.Space.FirstBlock + block];
        _fc1 = SuffixBlock.As(_block.Type, delta.AddTo(split.Space.PlaceOf(block, FfnMatrix.Fc1), exact.Fc1Weight));
        _fc2 = SuffixBlock.As(_block.Type, delta.AddTo(split.Space.PlaceOf(block, FfnMatrix.Fc2), exact.Fc2Weight));
        if (block > 0)
            return;
        int[] union = delta.Units.OfBlock(split.Space.FirstBlock);
        // Below half of the units the change of their contribution costs less than the whole FFN.
        if (2 * union.Length >= split.Space.Hidden)
            return;
        Tensor touched = tensor([.. union.Select(u => (long)u)], ScalarType.Int64, _fc1.device);
        Tensor bias = _block.Fc1Bias.index_select(0, touched);
        _change = (
            cat([_fc1.index_select(0, touched), _block.Fc1Weight.index_select(0, touched)]),
            cat([bias, bias]),
            cat([_fc2.index_select(1, touched), -_block.Fc2Weight.index_select(1, touched)], 1)
        );
    }

    /// <summary>The output without bias and scale, <c>[N,M,D]</c>.</summary>
    public Tensor Product(Tensor normed) => _model.FfnProducts(normed, _fc1, _block.Fc1Bias, _fc2);

    /// <summary>Tokens after the space's first FFN, <c>[N,T,D]</c>.</summary>
    /// <param name="residual">Those before it.</param>
    /// <param name="output">Those after it, unedited.</param>
    public Tensor FirstBlock(Tensor residual, Tensor output)
    {
        if (_change is not (Tensor fc1, Tensor bias, Tensor fc2))
            return SuffixBlock.Sum(residual, Product(_model.Norm2(_block, residual)), _block.Fc2Bias, _block.Scale2);
        if (bias.NumberOfElements == 0)
            return output;
        Tensor change = _model.FfnProducts(_model.Norm2(_block, residual), fc1, bias, fc2);
        return SuffixBlock.Sum(output, change, null, _block.Scale2);
    }
}
