using Retouch.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>The pass of a batch of edits by kernels of our own. Owns the engine.</summary>
sealed class KernelEdits : IEditPass
{
    readonly EditBatch _batch;
    readonly IRecordingEngine _engine;
    readonly KernelUnits[] _units;
    readonly Tensor _constant; // [B·S,M,D]
    readonly ClassHead? _head; // null for other classifiers than its
    readonly Tape _tape = new();

    /// <summary>Gives an engine the edits' units, with all deltas zero.</summary>
    /// <param name="batch">The edits; stay the caller's.</param>
    /// <param name="engine">For its images.</param>
    /// <param name="residual">Tokens before the first editable FFN, <c>[B·S,M,D]</c>.</param>
    /// <param name="output">Those after it, unedited, <c>[B·S,M,D]</c>.</param>
    public KernelEdits(EditBatch batch, IRecordingEngine engine, Tensor residual, Tensor output)
    {
        _batch = batch;
        _engine = engine;
        _units = [.. batch.Units.Select(u => new KernelUnits(engine, u, batch.Split))];
        using DisposeScope scope = NewDisposeScope();
        Tensor constant = batch.Constant(output, engine.Contribution(residual));
        _constant = batch.PerImage(constant, (int)residual.shape[1]).DetachFromDisposeScope();
        if (PackedHead.Fits(batch.Split.Model.Config))
            _head = new ClassHead(batch.Split.Model, (int)residual.shape[0]);
    }

    public void SetDeltas(IReadOnlyList<Tensor> deltas, IReadOnlyList<Tensor>? scales)
    {
        foreach (EditMatrix matrix in _batch.Split.Space.InOrder)
            Of(matrix).Set(matrix.Kind, deltas[matrix.Index], scales?[matrix.Index]);
    }

    public Tensor Logits()
    {
        _tape.Clear();
        using DisposeScope scope = NewDisposeScope();
        _tape.Push(dx =>
        {
            _engine.Backward(dx);
            return null;
        });
        Tensor tokens = _engine.ForwardFromFfn(_constant);
        return Classify(tokens).MoveToOuterDisposeScope();
    }

    public Tensor[] Gradients(Tensor logitGradient, bool onlyClass) =>
        AfterBackward(logitGradient, m => Of(m).Gradient(m.Kind, onlyClass));

    public void Descend(Tensor logitGradient, IReadOnlyList<Tensor> deltas, double rate, IReadOnlyList<Tensor>? scales)
    {
        using DisposeScope scope = NewDisposeScope();
        _tape.Backward(logitGradient);
        foreach (EditMatrix matrix in _batch.Split.Space.InOrder)
            Of(matrix).Descend(matrix.Kind, deltas[matrix.Index], scales?[matrix.Index], rate);
    }

    public Tensor[] ScaleGradients(Tensor logitGradient, IReadOnlyList<Tensor> deltas) =>
        AfterBackward(logitGradient, m => Of(m).ScaleGradients(m.Kind, deltas[m.Index]));

    public void Dispose()
    {
        _tape.Clear();
        foreach (KernelUnits units in _units)
            units.Dispose();
        _head?.Dispose();
        _engine.Dispose();
        _constant.Dispose();
    }

    Tensor[] AfterBackward(Tensor logitGradient, Func<EditMatrix, Tensor> gradient)
    {
        using DisposeScope scope = NewDisposeScope();
        _tape.Backward(logitGradient);
        return [.. _batch.Split.Space.InOrder.Select(m => gradient(m).MoveToOuterDisposeScope())];
    }

    Tensor Classify(Tensor tokens)
    {
        if (_head is null)
            return new TapedLayers(_batch.Split, _tape).Classify(tokens);
        _tape.Push(_head.Backward);
        return _head.Logits(tokens);
    }

    KernelUnits Of(EditMatrix matrix) => _units[matrix.PlaceOfBlock];
}
