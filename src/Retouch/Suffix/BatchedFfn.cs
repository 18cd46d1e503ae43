using Retouch.Kernels;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Suffix;

/// <summary>One editable FFN with each edit's own copy of the weights, its units last. Owns the copies.</summary>
sealed class BatchedFfn : IDisposable
{
    readonly VitModel _model;
    readonly EditedUnits _units;
    readonly Tensor _fc1; // [B,n,D]; n is the units at the end in the first block, else H
    readonly Tensor _fc2; // [B,n,D], transposed
    readonly Tensor _bias; // [B,1,n]
    readonly Tensor _rows1; // [B,u,D]: the rows of fc1 in the copy, sharing its memory
    readonly Tensor _rows2; // of fc2
    readonly long _first1; // the first of them
    readonly long _first2;

    /// <summary>Copies the weights.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="units">Of one block; stay the caller's.</param>
    public BatchedFfn(SplitVit split, EditedUnits units)
    {
        (_model, _units) = (split.Model, units);
        BlockWeights block = split.Model.Blocks[split.Space.FirstBlock + units.Index];
        ScalarType type = NarrowBlocks.Block(split.Model, split.Space.FirstBlock + units.Index, split.Precision).Type;
        int n = units.Index == 0 ? units.Count : split.Space.Hidden;
        _first1 = n - units.Count + units.First(FfnMatrix.Fc1);
        _first2 = n - units.Count + units.First(FfnMatrix.Fc2);
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = units.Last(n, block.Fc1Weight.device);
        _fc1 = Own(SuffixBlock.As(type, EditedUnits.Of(block.Fc1Weight, rows)));
        _fc2 = Own(SuffixBlock.As(type, EditedUnits.Of(block.Fc2Weight.t(), rows)));
        _bias = Own(SuffixBlock.As(type, EditedUnits.Of(block.Fc1Bias, rows).unsqueeze(1)));
        _rows1 = Own(_fc1.narrow(1, _first1, units.Bases[0].shape[1]));
        _rows2 = Own(_fc2.narrow(1, _first2, units.Bases[1].shape[1]));
    }

    /// <summary>
    /// Makes one matrix's rows their unedited values plus a delta, <c>[B,u,D]</c>, times a scale, <c>[B,u,1]</c>.
    /// </summary>
    public void SetDelta(FfnMatrix matrix, Tensor delta, Tensor? scale)
    {
        Tensor rows = matrix == FfnMatrix.Fc1 ? _rows1 : _rows2;
        Aten.AddScaled(_units.Bases[(int)matrix], delta, scale, rows);
    }

    /// <summary>What the units give without a tape, <c>[B,S·M,D]</c>, without bias and scale.</summary>
    public Tensor Contribution(Tensor normed) => Times(_model.Activate(Hidden(normed)), _fc2);

    /// <summary>
    /// The output without bias and scale, which the caller's sum has, <c>[B,S·M,D]</c>, and its derivative.
    /// </summary>
    /// <param name="normed"><c>[B,S·M,D]</c>.</param>
    /// <param name="tape">Keeps what the derivative needs.</param>
    /// <param name="put">
    /// Gets for each matrix what its row gradients are products of: the unit's side, the other side, and the rows'
    /// mask.
    /// </param>
    /// <returns>
    /// The derivative gives the gradient of the input but for the first block, whose input is constant.
    /// </returns>
    public (Tensor Output, Func<Tensor, Tensor?> Derivative) Forward(
        Tensor normed,
        Tape tape,
        Action<int, Tensor, Tensor, Tensor?> put
    )
    {
        Tensor input = tape.Keep(normed.alias());
        Tensor hidden = tape.Keep(Hidden(normed));
        Tensor activated = tape.Keep(_model.Activate(hidden));
        return (Times(activated, _fc2), Derivative);

        Tensor? Derivative(Tensor dy)
        {
            Tensor active = activated.narrow(2, _first2, _rows2.shape[1]);
            put(_units.Selections[0].Space.PlaceOf(_units.Index, FfnMatrix.Fc2), active, dy, _units.Masks[1]);
            Tensor dHidden = _model.ActivateBackward(Times(dy, _fc2.transpose(1, 2)), hidden);
            Tensor dRows = dHidden.narrow(2, _first1, _rows1.shape[1]);
            put(_units.Selections[0].Space.PlaceOf(_units.Index, FfnMatrix.Fc1), dRows, input, _units.Masks[0]);
            return _units.Index == 0 ? null : Times(dHidden, _fc1);
        }
    }

    /// <summary>Frees the copies.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in (Tensor[])[_rows1, _rows2, _fc1, _fc2, _bias])
            tensor.Dispose();
    }

    Tensor Hidden(Tensor normed) =>
        _fc1.shape[0] == 1 ? linear(normed, _fc1[0], _bias[0, 0]) : bmm(normed, _fc1.transpose(1, 2)).Plus_(_bias);

    /// <summary>A product of matrices for each edit.</summary>
    public static Tensor Times(Tensor x, Tensor y) => x.shape[0] == 1 ? mm(x[0], y[0]).unsqueeze(0) : bmm(x, y);

    static Tensor Own(Tensor tensor) => tensor.DetachFromDisposeScope();
}
