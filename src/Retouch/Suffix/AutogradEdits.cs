using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// The pass of a batch of edits by autograd, one edit after the other, through blocks of any form: for families whose
/// blocks are not a plain ViT's. Owns its tensors.
/// </summary>
sealed class AutogradEdits : IEditPass
{
    readonly EditBatch _batch;
    readonly Tensor _residual; // [B·S,M,D]
    readonly Tensor _output;
    readonly Tensor[] _rows; // each matrix's, [B,u,D]
    readonly List<(Tensor Logits, MatrixProbe Probe)> _passes = [];

    /// <summary>Starts with all deltas zero.</summary>
    /// <param name="batch">The edits; stay the caller's.</param>
    /// <param name="residual">Tokens before the first editable FFN, <c>[B·S,M,D]</c>.</param>
    /// <param name="output">Those after it, unedited, <c>[B·S,M,D]</c>.</param>
    public AutogradEdits(EditBatch batch, Tensor residual, Tensor output)
    {
        _batch = batch;
        (_residual, _output) = (residual.alias().DetachFromDisposeScope(), output.alias().DetachFromDisposeScope());
        _rows = [.. Space.InOrder.Select(m => Bases(m).clone().DetachFromDisposeScope())];
    }

    EditSpace Space => _batch.Split.Space;

    public void SetDeltas(IReadOnlyList<Tensor> deltas, IReadOnlyList<Tensor>? scales)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        foreach (EditMatrix matrix in Space.InOrder)
        {
            Tensor delta = deltas[matrix.Index];
            _rows[matrix.Index].Dispose();
            _rows[matrix.Index] = Bases(matrix)
                .Plus(scales is null ? delta : delta * scales[matrix.Index])
                .DetachFromDisposeScope();
        }
    }

    public Tensor Logits()
    {
        Forget();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable grad = enable_grad();
        for (int edit = 0; edit < _batch.Edits; edit++)
        {
            MatrixProbe probe = new(Space);
            AutogradSuffix suffix = new(_batch.Split, Weights(edit), probe.Visit);
            Tensor logits = suffix.Classify(suffix.ClassFeatures(Images(_residual, edit), Images(_output, edit)));
            foreach (Tensor tensor in probe.Inputs.Concat(probe.Outputs).Append(logits))
                tensor.DetachFromDisposeScope();
            _passes.Add((logits, probe));
        }
        return cat([.. _passes.Select(p => p.Logits.detach())], 0).MoveToOuterDisposeScope();
    }

    public Tensor[] Gradients(Tensor logitGradient, bool onlyClass)
    {
        if (_passes.Count == 0)
            throw new InvalidOperationException("Gradients are those of the last Logits, once.");
        using DisposeScope scope = NewDisposeScope();
        using IDisposable grad = enable_grad();
        IList<Tensor>[] outputs =
        [
            .. _passes.Select((p, edit) => p.Probe.Gradients((p.Logits * Images(logitGradient, edit)).sum())),
        ];
        using IDisposable noGrad = no_grad();
        Tensor[] gradients =
        [
            .. Space.InOrder.Select(m =>
                Masked(
                        m,
                        stack([.. _passes.Select((p, e) => Rows(m, e, p.Probe.Inputs[m.Index], outputs[e][m.Index]))])
                    )
                    .MoveToOuterDisposeScope()
            ),
        ];
        Forget();
        return gradients;

        // The gradient of an edit's rows: over all tokens, what its units have there times what the other side has.
        Tensor Rows(EditMatrix matrix, int edit, Tensor input, Tensor output)
        {
            (Tensor units, Tensor widths) = matrix.HasColumns ? (input, output) : (output, input);
            if (onlyClass)
                (units, widths) = (units.narrow(1, 0, 1), widths.narrow(1, 0, 1));
            Tensor own = units.index_select(2, Units(matrix, edit));
            return mm(own.flatten(0, 1).t(), widths.flatten(0, 1));
        }

        Tensor Masked(EditMatrix matrix, Tensor rows) =>
            _batch.Of(matrix).Masks[(int)matrix.Kind] is Tensor mask ? rows * mask : rows;
    }

    public void Descend(Tensor logitGradient, IReadOnlyList<Tensor> deltas, double rate, IReadOnlyList<Tensor>? scales)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
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
        Forget();
        foreach (Tensor tensor in (Tensor[])[_residual, _output, .. _rows])
            tensor.Dispose();
    }

    // The model's matrices with an edit's rows in their place.
    Dictionary<string, Tensor> Weights(int edit) =>
        Space.InOrder.ToDictionary(
            m => m.Name,
            m =>
            {
                Tensor weight = _batch.Split.Model.Tensors[m.Name];
                Tensor rows = m.HasColumns ? weight.t() : weight;
                Tensor edited = rows.index_copy(0, Units(m, edit), _rows[m.Index][edit]);
                return m.HasColumns ? edited.t() : edited;
            }
        );

    Tensor Bases(EditMatrix matrix) => _batch.Of(matrix).Bases[(int)matrix.Kind];

    Tensor Units(EditMatrix matrix, int edit) => _batch.Of(matrix).Rows[(int)matrix.Kind][edit];

    Tensor Images(Tensor all, int edit) => all.narrow(0, edit * _batch.ImagesPerEdit, _batch.ImagesPerEdit);

    void Forget()
    {
        foreach ((Tensor logits, MatrixProbe probe) in _passes)
        {
            foreach (Tensor tensor in probe.Inputs.Concat(probe.Outputs).Append(logits))
                tensor.Dispose();
        }
        _passes.Clear();
    }
}
