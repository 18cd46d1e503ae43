using TorchSharp;
using static TorchSharp.torch;

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
    readonly EditBatch _batch;
    readonly IEditPass _pass;

    /// <summary>Starts a batch of edits with all deltas zero.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="state">The prefix of B·S images, edit by edit.</param>
    /// <param name="selections">The units of each of the B edits.</param>
    /// <exception cref="ArgumentException">
    /// The images do not divide among the edits, or something is of another space.
    /// </exception>
    public EditSession(SplitVit split, PrefixState state, IReadOnlyList<UnitSelection> selections)
    {
        split.Require(state.Space);
        foreach (UnitSelection selection in selections)
            split.Require(selection.Space);
        if (selections.Count == 0 || state.Images % selections.Count != 0)
            throw new ArgumentException(
                $"{state.Images} images do not divide among {selections.Count} edits.",
                nameof(selections)
            );

        _split = split;
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        _batch = new EditBatch(split, selections, state.Images);
        bool onlyClass = split.Space.FirstBlock == split.Model.Config.Depth - 1 && split.Model.Config.ReadsClassAlone;
        Tensor residual = onlyClass ? state.Residual.narrow(1, 0, 1) : state.Residual;
        Tensor output = onlyClass ? state.Output.narrow(1, 0, 1) : state.Output;
        _pass = Passes.Edits(_batch, residual, output);
    }

    /// <summary>The number of edits, B.</summary>
    public int Edits => _batch.Edits;

    /// <summary>The number of images of each edit, S.</summary>
    public int ImagesPerEdit => _batch.ImagesPerEdit;

    /// <summary>
    /// For each matrix of the space the unedited weights of its rows, <c>[B,u,D]</c> (of fc2 the columns,
    /// transposed). They belong to the session.
    /// </summary>
    public IEnumerable<Tensor> BaseRows => _batch.Units.SelectMany(f => f.Bases);

    /// <summary>
    /// For each matrix 1 where a row belongs to a selected unit and 0 where it is padding, <c>[B,u,1]</c>; null where
    /// all are selected. They belong to the session.
    /// </summary>
    public IEnumerable<Tensor?> RowMasks => _batch.Units.SelectMany(f => f.Masks);

    /// <summary>
    /// For each matrix the unit that each row belongs to, <c>[B,u]</c> int64. They belong to the session.
    /// </summary>
    public IEnumerable<Tensor> RowUnits => _batch.Units.SelectMany(u => u.Rows);

    /// <summary>
    /// A new tensor of zeros for each matrix, <c>[B,u,D]</c>: deltas or optimizer state. The caller disposes them.
    /// </summary>
    public Tensor[] NewRows() => [.. BaseRows.Select(b => zeros_like(b))];

    /// <summary>Makes the weights of all rows their unedited values plus deltas.</summary>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>; not changed, not kept.</param>
    /// <param name="scales">For each matrix what its deltas are multiplied by, <c>[B,u,1]</c>; null for 1.</param>
    public void SetDeltas(IReadOnlyList<Tensor> deltas, IReadOnlyList<Tensor>? scales = null) =>
        _pass.SetDeltas(deltas, scales);

    /// <summary>
    /// The class logits of all images under their edits, remembering what <see cref="Gradients"/> needs.
    /// </summary>
    /// <returns><c>[B·S,C]</c>; the caller disposes it.</returns>
    public Tensor Logits() => _pass.Logits();

    /// <summary>The gradients of a loss with respect to the rows of every matrix, after <see cref="Logits"/>.</summary>
    /// <param name="logitGradient">The loss's gradient with respect to the logits, <c>[B·S,C]</c>.</param>
    /// <param name="onlyClass">
    /// Whether the matrices count where they act on [CLS] alone: as if on all other tokens they could not change.
    /// </param>
    /// <returns>
    /// For each matrix <c>[B,u,D]</c>, zero on rows that are not selected; the caller disposes them. The session's next
    /// gradients may be written over them: clone what is to be kept.
    /// </returns>
    /// <exception cref="InvalidOperationException">No forward pass is pending.</exception>
    /// <exception cref="ArgumentException">
    /// The model's head averages patches, so that [CLS] alone has no gradient of use.
    /// </exception>
    public Tensor[] Gradients(Tensor logitGradient, bool onlyClass = false)
    {
        if (onlyClass && !_split.Model.Config.ReadsClassAlone)
            throw new ArgumentException(
                "The model's head averages its patches; it has no gradient by [CLS] alone.",
                nameof(onlyClass)
            );
        return _pass.Gradients(logitGradient, onlyClass);
    }

    /// <summary>
    /// A step of gradient descent, after <see cref="Logits"/>: adds <see cref="Gradients"/> times the negative rate to
    /// the deltas and sets them, as <see cref="SetDeltas"/> does; where there are kernels, in one pass over memory and
    /// without a gradient's worth of it.
    /// </summary>
    /// <param name="logitGradient">The loss's gradient with respect to the logits, <c>[B·S,C]</c>.</param>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>, contiguous; changed, not kept.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="scales">
    /// For each matrix what its deltas are multiplied by in the weights, <c>[B,u,1]</c>; null for 1. The gradients are
    /// those of the weights.
    /// </param>
    /// <exception cref="InvalidOperationException">No forward pass is pending.</exception>
    public void Descend(
        Tensor logitGradient,
        IReadOnlyList<Tensor> deltas,
        double rate,
        IReadOnlyList<Tensor>? scales = null
    ) => _pass.Descend(logitGradient, deltas, rate, scales);

    /// <summary>
    /// The gradients of a loss with respect to what each row's delta is multiplied by, after <see cref="Logits"/>: the
    /// scalar product of the row's gradient and its delta.
    /// </summary>
    /// <param name="logitGradient">The loss's gradient with respect to the logits, <c>[B·S,C]</c>.</param>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>, contiguous; not changed, not kept.</param>
    /// <returns>For each matrix <c>[B,u]</c>, zero on rows that are not selected; the caller disposes them.</returns>
    /// <exception cref="InvalidOperationException">No forward pass is pending.</exception>
    public Tensor[] ScaleGradients(Tensor logitGradient, IReadOnlyList<Tensor> deltas) =>
        _pass.ScaleGradients(logitGradient, deltas);

    /// <summary>One edit's delta as a value of its own; the caller disposes it.</summary>
    /// <param name="edit">The edit, zero-based.</param>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>.</param>
    public WeightDelta Delta(int edit, IReadOnlyList<Tensor> deltas)
    {
        using DisposeScope scope = NewDisposeScope();
        UnitSelection units = _batch.Units[0].Selections[edit];
        Tensor[] rows = new Tensor[deltas.Count];
        foreach (EditMatrix matrix in _split.Space.InOrder)
            rows[matrix.Index] = deltas[matrix.Index][edit].index_select(0, _batch.Of(matrix).Places(edit, matrix));
        return new WeightDelta(units, rows);
    }

    /// <summary>Frees the session's weights and state.</summary>
    public void Dispose()
    {
        _pass.Dispose();
        _batch.Dispose();
    }
}
