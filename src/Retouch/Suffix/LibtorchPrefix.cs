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
            x = _model.AfterFeedForward(_model.Blocks[i], _model.AfterAttention(_model.Blocks[i], x));
        Tensor residual = _model.AfterAttention(_model.Blocks[_first], x);
        return (residual, FeedForward(residual));
    }

    public Tensor FeedForward(Tensor residual) => _model.AfterFeedForward(_model.Blocks[_first], residual);

    public void Dispose() { }
}
