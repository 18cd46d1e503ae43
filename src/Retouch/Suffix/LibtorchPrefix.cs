using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>The pass up to the first editable FFN as the model itself computes it.</summary>
sealed class LibtorchPrefix(SplitVit split) : IPrefixPass
{
    readonly VitModel _model = split.Model;
    readonly int _first = split.Space.FirstBlock;

    public (Tensor Residual, Tensor Output) Run(Tensor x)
    {
        if (_first < 0)
            return (x, x.clone());
        for (int i = 0; i < _first; i++)
            x = FeedForward(_model.Blocks[i], Attention(_model.Blocks[i], x));
        Tensor residual = Attention(_model.Blocks[_first], x);
        return (residual, FeedForward(residual));
    }

    public Tensor FeedForward(Tensor residual) => FeedForward(_model.Blocks[_first], residual);

    public void Dispose() { }

    Tensor Attention(BlockWeights block, Tensor x) => x.Plus(_model.Attention(block, _model.Norm1(block, x)));

    Tensor FeedForward(BlockWeights block, Tensor x) => x.Plus(_model.FeedForward(block, _model.Norm2(block, x)));
}
