using Retouch.Kernels;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// The pass of a batch of edits by libtorch's public kernels, with derivatives written out, not autograd's.
/// </summary>
sealed class LibtorchEdits : IEditPass
{
    readonly EditBatch _batch;
    readonly BatchedFfn[] _ffns;
    readonly Tensor _normed; // [B,S·M,D]: the first FFN's input
    readonly Tensor _constant; // [B,S·M,D]
    readonly int _tokens; // M of the first editable block
    readonly Tape _tape = new();
    readonly Tensor[] _gradients; // of the last backward pass, one a matrix; the caller's
    bool _onlyClass; // whether those are of [CLS] alone

    /// <summary>Copies the weights of the edits' units, with all deltas zero.</summary>
    /// <param name="batch">The edits; stay the caller's.</param>
    /// <param name="residual">Tokens before the first editable FFN, <c>[B·S,M,D]</c>.</param>
    /// <param name="output">Those after it, unedited, <c>[B·S,M,D]</c>.</param>
    public LibtorchEdits(EditBatch batch, Tensor residual, Tensor output)
    {
        SplitVit split = batch.Split;
        _batch = batch;
        _tokens = (int)residual.shape[1];
        _gradients = new Tensor[split.Space.Matrices];
        _ffns = [.. batch.Units.Select(u => new BatchedFfn(split, u))];
        using DisposeScope scope = NewDisposeScope();
        _normed = batch.PerEdit(split.Model.Norm2(First, residual)).contiguous().DetachFromDisposeScope();
        _constant = batch.Constant(output, _ffns[0].Contribution(_normed)).DetachFromDisposeScope();
    }

    BlockWeights First => NarrowBlocks.Block(_batch.Split.Model, _batch.Split.Space.FirstBlock, _batch.Split.Precision);

    public void SetDeltas(IReadOnlyList<Tensor> deltas, IReadOnlyList<Tensor>? scales)
    {
        foreach (EditMatrix matrix in _batch.Split.Space.InOrder)
            _ffns[matrix.PlaceOfBlock].SetDelta(matrix.Kind, deltas[matrix.Index], scales?[matrix.Index]);
    }

    public Tensor Logits()
    {
        _tape.Clear();
        using DisposeScope scope = NewDisposeScope();
        EditSpace space = _batch.Split.Space;
        TapedLayers layers = new(_batch.Split, _tape);
        BlockWeights block = First;
        (Tensor first, Func<Tensor, Tensor?> derivative) = _ffns[0].Forward(_normed, _tape, Put);
        _tape.Push(dx => derivative(_batch.PerEdit(SuffixBlock.As(block.Type, VitModel.Scaled(dx, block.Scale2)))));
        Tensor x = _batch.PerImage(_constant.Plus(VitModel.Scaled(first, block.Scale2)), _tokens);
        for (int i = space.FirstBlock + 1; i < _batch.Split.Model.Config.Depth; i++)
        {
            x = layers.Attention(i, x);
            x = i <= space.LastBlock ? Edited(layers, i, x) : layers.FeedForward(i, x);
        }
        return layers.Classify(x).MoveToOuterDisposeScope();
    }

    public Tensor[] Gradients(Tensor logitGradient, bool onlyClass)
    {
        using DisposeScope scope = NewDisposeScope();
        _onlyClass = onlyClass;
        _tape.Backward(logitGradient);
        foreach (Tensor gradient in _gradients)
            gradient.MoveToOuterDisposeScope();
        return [.. _gradients];
    }

    public void Descend(Tensor logitGradient, IReadOnlyList<Tensor> deltas, double rate, IReadOnlyList<Tensor>? scales)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach ((Tensor delta, Tensor gradient) in deltas.Zip(Gradients(logitGradient, onlyClass: false)))
            delta.add_(gradient, Held(-rate));
        SetDeltas(deltas, scales);
    }

    public Tensor[] ScaleGradients(Tensor logitGradient, IReadOnlyList<Tensor> deltas)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] gradients = Gradients(logitGradient, onlyClass: false);
        return [.. gradients.Zip(deltas, (g, d) => (g * d).sum(2).MoveToOuterDisposeScope())];
    }

    public void Dispose()
    {
        _tape.Clear();
        foreach (BatchedFfn ffn in _ffns)
            ffn.Dispose();
        _normed.Dispose();
        _constant.Dispose();
    }

    // An editable FFN after the first.
    Tensor Edited(TapedLayers layers, int index, Tensor x) =>
        layers.FeedForward(
            index,
            x,
            normed =>
            {
                BatchedFfn ffn = _ffns[index - _batch.Split.Space.FirstBlock];
                int tokens = (int)normed.shape[1];
                (Tensor y, Func<Tensor, Tensor?> derivative) = ffn.Forward(_batch.PerEdit(normed), _tape, Put);
                return (_batch.PerImage(y, tokens), dy => _batch.PerImage(derivative(_batch.PerEdit(dy))!, tokens));
            }
        );

    // The gradient of a matrix's rows, a sum over tokens of products of what its unit's side and its other side have
    // there.
    void Put(int matrix, Tensor units, Tensor widths, Tensor? mask)
    {
        (Tensor left, Tensor right) = _onlyClass ? (Class(units), Class(widths)) : (units, widths);
        Tensor exact = SuffixBlock.As(ScalarType.Float32, BatchedFfn.Times(left.transpose(1, 2), right));
        _gradients[matrix] = (mask is null ? exact : exact.mul_(mask)).MoveToOuterDisposeScope();
    }

    // [B,S·M,n] → [B,S,n]; n may be 0
    Tensor Class(Tensor x)
    {
        int images = _batch.ImagesPerEdit;
        return x.reshape(_batch.Edits, images, x.shape[1] / images, x.shape[2]).select(2, 0);
    }
}
