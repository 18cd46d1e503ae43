using Retouch.Kernels;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Suffix;

/// <summary>
/// The suffix of B independent edits as one batch, forward and backward. Each edit has its own weights on
/// its own units and the same number of images, S; everything frozen is one shared product over all
/// B·S·T rows. Gradients are computed for selected units alone: rows of fc1 and columns of fc2, gathered.
/// Not safe for use from several threads. Owns its tensors.
/// </summary>
/// <remarks>
/// An FFN does not depend on the order of its hidden units, so each edit's units are put at the end, where
/// weights and gradients are plain slices: first those selected in fc2 alone, then in both matrices, then in fc1
/// alone, each of the three padded to the most that an edit of the batch has. *Rows* below means one row of D weights
/// for each of the u units of one matrix; u is another for fc1 than for fc2. In the first editable block the other
/// units' contribution is constant and only these remain. The derivative is written out, not autograd's.
/// </remarks>
public sealed class EditSession : IDisposable
{
    readonly SplitVit _split;
    readonly EditedUnits[] _units;
    readonly IRecordingEngine? _engine; // where the processor has kernels of ours; else all products are libtorch's
    readonly Ffn[] _ffns;      // without an engine
    readonly Tensor? _normed;  // [B,S·M,D]: the first FFN's input without an engine; M tokens an image, T or [CLS] alone
    readonly Tensor _constant; // [B,S·M,D]: the first block's output less the contribution of the units at the end
    readonly int _tokens;      // M of the first editable block
    readonly Tape _tape = new();
    readonly Tensor[] _gradients;  // of the last backward pass, one a matrix; the caller's
    bool _onlyClass;               // whether those are of [CLS] alone

    /// <summary>Starts a batch of edits with all deltas zero.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="state">The prefix of B·S images, edit by edit.</param>
    /// <param name="selections">The units of each of the B edits.</param>
    /// <exception cref="ArgumentException">The images do not divide among the edits, or something is of another space.</exception>
    public EditSession(SplitVit split, PrefixState state, IReadOnlyList<UnitSelection> selections)
    {
        split.Require(state.Space);
        foreach (UnitSelection selection in selections)
            split.Require(selection.Space);
        if (selections.Count == 0 || state.Images % selections.Count != 0)
            throw new ArgumentException($"{state.Images} images do not divide among {selections.Count} edits.", nameof(selections));

        _split = split;
        Edits = selections.Count;
        _gradients = new Tensor[split.Space.Matrices];
        ImagesPerEdit = state.Images / Edits;
        EditSpace space = split.Space;
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        _units = [.. Enumerable.Range(0, space.Blocks).Select(j => new EditedUnits(split, j, selections))];
        _engine = Engines.Recording(split.Model, split.Precision, state.Images, Edits, space.FirstBlock);
        _ffns = _engine is null ? [.. _units.Select(u => new Ffn(split, u))] : [];

        bool onlyClass = space.FirstBlock == split.Model.Config.Depth - 1 && split.Model.Config.ReadsClassAlone;
        Tensor residual = onlyClass ? state.Residual.narrow(1, 0, 1) : state.Residual;
        Tensor output = onlyClass ? state.Output.narrow(1, 0, 1) : state.Output;
        _tokens = (int)residual.shape[1];
        Tensor contribution;
        if (_engine is not null)
        {
            foreach (EditedUnits units in _units)
                units.Give(_engine, split);
            contribution = _engine.Contribution(residual);
        }
        else
        {
            _normed = PerEdit(split.Norm2(NarrowBlocks.Block(split.Model, space.FirstBlock, split.Precision), residual)).contiguous().DetachFromDisposeScope();
            contribution = _ffns[0].Contribution(_normed);
        }
        _constant = (PerEdit(output) - VitModel.Scaled(PerEdit(contribution), split.Model.Blocks[space.FirstBlock].Scale2)).DetachFromDisposeScope();
    }

    /// <summary>The number of edits, B.</summary>
    public int Edits { get; }

    /// <summary>The number of images of each edit, S.</summary>
    public int ImagesPerEdit { get; }

    /// <summary>
    /// For each matrix of the space the unedited weights of its rows, <c>[B,u,D]</c> (of fc2 the columns,
    /// transposed). They belong to the session.
    /// </summary>
    public IEnumerable<Tensor> BaseRows => _units.SelectMany(f => f.Bases);

    /// <summary>
    /// For each matrix 1 where a row belongs to a selected unit and 0 where it is padding, <c>[B,u,1]</c>; null where
    /// all are selected. They belong to the session.
    /// </summary>
    public IEnumerable<Tensor?> RowMasks => _units.SelectMany(f => f.Masks);

    /// <summary>For each matrix the unit that each row belongs to, <c>[B,u]</c> int64. They belong to the session.</summary>
    public IEnumerable<Tensor> RowUnits => _units.SelectMany(u => u.Rows);

    /// <summary>A new tensor of zeros for each matrix, <c>[B,u,D]</c>: deltas or optimizer state. The caller disposes them.</summary>
    public Tensor[] NewRows() => [.. BaseRows.Select(b => zeros_like(b))];

    /// <summary>Makes the weights of all rows their unedited values plus deltas.</summary>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>; not changed, not kept.</param>
    /// <param name="scales">For each matrix what its deltas are multiplied by, <c>[B,u,1]</c>; null for 1.</param>
    public void SetDeltas(IReadOnlyList<Tensor> deltas, IReadOnlyList<Tensor>? scales = null)
    {
        for (int m = 0; m < deltas.Count; m++)
        {
            EditMatrix matrix = _split.Space.Matrix(m);
            if (_engine is not null)
                Units(matrix).Give(_engine, matrix.Kind, deltas[m], scales?[m]);
            else
                _ffns[matrix.PlaceOfBlock].SetDelta(matrix.Kind, deltas[m], scales?[m]);
        }
    }

    /// <summary>The class logits of all images under their edits, remembering what <see cref="Gradients"/> needs.</summary>
    /// <returns><c>[B·S,C]</c>; the caller disposes it.</returns>
    public Tensor Logits()
    {
        _tape.Clear();
        using DisposeScope scope = NewDisposeScope();
        EditSpace space = _split.Space;
        TapedLayers layers = new(_split, _tape);
        if (_engine is not null)
        {
            _tape.Push(dx =>
            {
                _engine.Backward(dx);
                return null;
            });
            return layers.Classify(_engine.ForwardFromFfn(PerImage(_constant, _tokens))).MoveToOuterDisposeScope();
        }
        BlockWeights block = NarrowBlocks.Block(_split.Model, space.FirstBlock, _split.Precision);
        (Tensor first, Func<Tensor, Tensor?> derivative) = _ffns[0].Forward(_normed!, _tape, Put);
        _tape.Push(dx => derivative(PerEdit(SplitVit.As(block.Type, VitModel.Scaled(dx, block.Scale2)))));
        Tensor x = PerImage(_constant.Plus(VitModel.Scaled(first, block.Scale2)), _tokens);
        for (int i = space.FirstBlock + 1; i < _split.Model.Config.Depth; i++)
        {
            x = layers.Attention(i, x);
            x = i <= space.LastBlock ? Edited(layers, i, x) : layers.FeedForward(i, x);
        }
        return layers.Classify(x).MoveToOuterDisposeScope();
    }

    /// <summary>The gradients of a loss with respect to the rows of every matrix, after <see cref="Logits"/>.</summary>
    /// <param name="logitGradient">The loss's gradient with respect to the logits, <c>[B·S,C]</c>.</param>
    /// <param name="onlyClass">Whether the matrices count where they act on [CLS] alone: as if on all other tokens they could not change.</param>
    /// <returns>
    /// For each matrix <c>[B,u,D]</c>, zero on rows that are not selected; the caller disposes them. The session's next
    /// gradients may be written over them: clone what is to be kept.
    /// </returns>
    /// <exception cref="InvalidOperationException">No forward pass is pending.</exception>
    /// <exception cref="ArgumentException">The model's head averages patches, so that [CLS] alone has no gradient of use.</exception>
    public Tensor[] Gradients(Tensor logitGradient, bool onlyClass = false)
    {
        if (onlyClass && !_split.Model.Config.ReadsClassAlone)
            throw new ArgumentException("The model's head averages its patches; it has no gradient by [CLS] alone.", nameof(onlyClass));
        using DisposeScope scope = NewDisposeScope();
        Backward(logitGradient, onlyClass);
        if (_engine is not null)
        {
            foreach (EditMatrix matrix in _split.Space.InOrder)
                _gradients[matrix.Index] = Units(matrix).Gradient(_engine, matrix.Kind, onlyClass);
        }
        foreach (Tensor gradient in _gradients)
            gradient.MoveToOuterDisposeScope();
        return [.. _gradients];
    }

    /// <summary>
    /// A step of gradient descent, after <see cref="Logits"/>: adds <see cref="Gradients"/> times the negative rate to the
    /// deltas and sets them, as <see cref="SetDeltas"/> does; where there are kernels, in one pass over memory and without
    /// a gradient's worth of it.
    /// </summary>
    /// <param name="logitGradient">The loss's gradient with respect to the logits, <c>[B·S,C]</c>.</param>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>, contiguous; changed, not kept.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="scales">For each matrix what its deltas are multiplied by in the weights, <c>[B,u,1]</c>; null for 1. The gradients are those of the weights.</param>
    /// <exception cref="InvalidOperationException">No forward pass is pending.</exception>
    public void Descend(Tensor logitGradient, IReadOnlyList<Tensor> deltas, double rate, IReadOnlyList<Tensor>? scales = null)
    {
        using DisposeScope scope = NewDisposeScope();
        if (_engine is null)
        {
            foreach ((Tensor delta, Tensor gradient) in deltas.Zip(Gradients(logitGradient)))
                delta.add_(gradient, Held(-rate));
            SetDeltas(deltas, scales);
            return;
        }
        Backward(logitGradient, onlyClass: false);
        foreach (EditMatrix matrix in _split.Space.InOrder)
            Units(matrix).Descend(_engine, matrix.Kind, deltas[matrix.Index], scales?[matrix.Index], rate);
    }

    /// <summary>How the loss changes with what each row's delta is multiplied by, after <see cref="Logits"/>: the scalar product of its gradient and its delta.</summary>
    /// <param name="logitGradient">The loss's gradient with respect to the logits, <c>[B·S,C]</c>.</param>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>, contiguous; not changed, not kept.</param>
    /// <returns>For each matrix <c>[B,u]</c>, zero on rows that are not selected; the caller disposes them.</returns>
    /// <exception cref="InvalidOperationException">No forward pass is pending.</exception>
    public Tensor[] Slopes(Tensor logitGradient, IReadOnlyList<Tensor> deltas)
    {
        using DisposeScope scope = NewDisposeScope();
        if (_engine is null)
            return [.. Gradients(logitGradient).Zip(deltas, (g, d) => (g * d).sum(2).MoveToOuterDisposeScope())];
        Backward(logitGradient, onlyClass: false);
        return [.. _split.Space.InOrder.Select(m => Units(m).Slopes(_engine, m.Kind, deltas[m.Index]).MoveToOuterDisposeScope())];
    }

    /// <summary>One edit's delta as a value of its own; the caller disposes it.</summary>
    /// <param name="edit">The edit, zero-based.</param>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>.</param>
    public WeightDelta Delta(int edit, IReadOnlyList<Tensor> deltas)
    {
        using DisposeScope scope = NewDisposeScope();
        UnitSelection units = _units[0].Selections[edit];
        Tensor[] rows = new Tensor[deltas.Count];
        foreach (EditMatrix matrix in _split.Space.InOrder)
            rows[matrix.Index] = deltas[matrix.Index][edit].index_select(0, Units(matrix).Places(edit, matrix));
        return new WeightDelta(units, rows);
    }

    /// <summary>Frees the session's weights and state.</summary>
    public void Dispose()
    {
        _tape.Clear();
        foreach (IDisposable part in (IDisposable[])[.. _units, .. _ffns])
            part.Dispose();
        _engine?.Dispose();
        _normed?.Dispose();
        _constant.Dispose();
    }

    EditedUnits Units(EditMatrix matrix) => _units[matrix.PlaceOfBlock];

    // In the caller's dispose scope.
    void Backward(Tensor logitGradient, bool onlyClass)
    {
        if (!_tape.Recorded)
            throw new InvalidOperationException("Gradients are those of the last Logits, once.");
        _onlyClass = onlyClass;
        _tape.Backward(logitGradient);
        _tape.Clear();
    }

    // An editable FFN behind the first.
    Tensor Edited(TapedLayers layers, int index, Tensor x) => layers.FeedForward(index, x, normed =>
    {
        Ffn ffn = _ffns[index - _split.Space.FirstBlock];
        int tokens = (int)normed.shape[1];
        (Tensor y, Func<Tensor, Tensor?> derivative) = ffn.Forward(PerEdit(normed), _tape, Put);
        return (PerImage(y, tokens), dy => PerImage(derivative(PerEdit(dy))!, tokens));
    });

    // The gradient of a matrix's rows, a sum over tokens of products of what its unit's side and its other side have there.
    void Put(int matrix, Tensor units, Tensor widths, Tensor? mask)
    {
        (Tensor left, Tensor right) = _onlyClass ? (Class(units), Class(widths)) : (units, widths);
        Tensor exact = SplitVit.As(ScalarType.Float32, Ffn.Times(left.transpose(1, 2), right));
        _gradients[matrix] = (mask is null ? exact : exact.mul_(mask)).MoveToOuterDisposeScope();
    }

    Tensor Class(Tensor x) => x.reshape(Edits, ImagesPerEdit, x.shape[1] / ImagesPerEdit, x.shape[2]).select(2, 0); // [B,S·M,n] → [B,S,n]; n may be 0

    Tensor PerEdit(Tensor x) => x.reshape(Edits, -1, _split.Space.Width);            // [B·S,M,D] → [B,S·M,D]

    Tensor PerImage(Tensor x, int tokens) => x.reshape(-1, tokens, _split.Space.Width); // [B,S·M,D] → [B·S,M,D]

    /// <summary>One editable FFN with each edit's own copy of the weights, its units last.</summary>
    sealed class Ffn : IDisposable
    {
        readonly VitModel _model;
        readonly EditedUnits _units;
        readonly Tensor _fc1, _fc2, _bias; // [B,n,D], [B,n,D] (transposed), [B,n]; n is the units at the end in the first block, else H
        readonly Tensor _rows1, _rows2;    // [B,u,D]: the rows of fc1 and of fc2 in the copies, sharing their memory
        readonly long _first1, _first2;    // the first of them

        public Ffn(SplitVit split, EditedUnits units)
        {
            (_model, _units) = (split.Model, units);
            BlockWeights block = split.Model.Blocks[split.Space.FirstBlock + units.Index];
            ScalarType type = NarrowBlocks.Block(split.Model, split.Space.FirstBlock + units.Index, split.Precision).Type;
            int n = units.Index == 0 ? units.Count : split.Space.Hidden;
            (_first1, _first2) = (n - units.Count + units.First(FfnMatrix.Fc1), n - units.Count + units.First(FfnMatrix.Fc2));
            using DisposeScope scope = NewDisposeScope();
            Tensor rows = units.Last(n, block.Fc1Weight.device);
            _fc1 = Own(SplitVit.As(type, EditedUnits.Of(block.Fc1Weight, rows)));
            _fc2 = Own(SplitVit.As(type, EditedUnits.Of(block.Fc2Weight.t(), rows)));
            _bias = Own(SplitVit.As(type, EditedUnits.Of(block.Fc1Bias, rows).unsqueeze(1)));
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
}
