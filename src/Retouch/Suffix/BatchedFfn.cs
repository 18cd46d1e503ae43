using Retouch.Kernels;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Suffix;

/// <summary>One editable FFN with each edit's own copy of the weights, its units last.</summary>
sealed class BatchedFfn : IDisposable
{
    readonly VitModel _model;
    readonly EditedUnits _units;
    readonly Tensor _fc1, _fc2, _bias; // [B,n,D], [B,n,D] (transposed), [B,n]; n is the units at the end in the first block, else H
    readonly Tensor _rows1, _rows2;    // [B,u,D]: the rows of fc1 and of fc2 in the copies, sharing their memory
    readonly long _first1, _first2;    // the first of them

    public BatchedFfn(SplitVit split, EditedUnits units)
    {
        (_model, _units) = (split.Model, units);
        BlockWeights block = split.Model.Blocks[split.Space.FirstBlock + units.Index];
        ScalarType type = NarrowBlocks.Block(split.Model, split.Space.FirstBlock + units.Index, split.Precision).Type;
        int n = units.Index == 0 ? units.Count : split.Space.Hidden;
        (_first1, _first2) = (n - units.Count + units.First(FfnMatrix.Fc1), n - units.Count + units.First(FfnMatrix.Fc2));
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = units.Last(n, block.Fc1Weight.device);
        _fc1 = Own(SuffixBlock.As(type, EditedUnits.Of(block.Fc1Weight, rows)));
        _fc2 = Own(SuffixBlock.As(type, EditedUnits.Of(block.Fc2Weight.t(), rows)));
        _bias = Own(SuffixBlock.As(type, EditedUnits.Of(block.Fc1Bias, rows).unsqueeze(1)));
        _rows1 = Own(_fc1.narrow(1, _first1, units.Bases[0].shape[1]));
        _rows2 = Own(_fc2.narrow(1, _first2, units.Bases[1].shape[1]));
    }

    public void SetDelta(FfnMatrix matrix, Tensor delta, Tensor? scale)
    {
        Tensor rows = matrix == FfnMatrix.Fc1 ? _rows1 : _rows2;
        Aten.AddScaled(_units.Bases[(int)matrix], delta, scale, rows);
    }

    public Tensor Contribution(Tensor normed) => Times(_model.Activate(Hidden(normed)), _fc2);

    // [B,S·M,D] → [B,S·M,D], without the output's bias and scale: the caller's sum has them. The derivative puts what the row gradients of both
    // matrices are products of; it gives the gradient of the input but for the first block, whose input is constant.
    public (Tensor Output, Func<Tensor, Tensor?> Derivative) Forward(Tensor normed, Tape tape, Action<int, Tensor, Tensor, Tensor?> put)
    {
        Tensor input = tape.Keep(normed.alias()), hidden = tape.Keep(Hidden(normed)), activated = tape.Keep(_model.Activate(hidden));
        return (Times(activated, _fc2), Derivative);

        Tensor? Derivative(Tensor dy)
        {
            put(EditMatrix.IndexOf(_units.Index, FfnMatrix.Fc2), activated.narrow(2, _first2, _rows2.shape[1]), dy, _units.Masks[1]);
            Tensor dHidden = _model.ActivateBackward(Times(dy, _fc2.transpose(1, 2)), hidden);
            put(EditMatrix.IndexOf(_units.Index, FfnMatrix.Fc1), dHidden.narrow(2, _first1, _rows1.shape[1]), input, _units.Masks[0]);
            return _units.Index == 0 ? null : Times(dHidden, _fc1);
        }
    }

    public void Dispose()
    {
        foreach (Tensor tensor in (Tensor[])[_rows1, _rows2, _fc1, _fc2, _bias])
            tensor.Dispose();
    }

    Tensor Hidden(Tensor normed) => _fc1.shape[0] == 1
        ? linear(normed, _fc1[0], _bias[0, 0])
        : bmm(normed, _fc1.transpose(1, 2)).Plus_(_bias);

    public static Tensor Times(Tensor x, Tensor y) => x.shape[0] == 1 ? mm(x[0], y[0]).unsqueeze(0) : bmm(x, y);

    static Tensor Own(Tensor tensor) => tensor.DetachFromDisposeScope();
}
