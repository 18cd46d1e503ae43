using System.Globalization;
using System.Runtime.InteropServices;
using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// The metric tr(Γ·Δ·C·Δᵀ) of changes Δ <c>[out,in]</c> of the matrices of an edit space, damped, for the rows of
/// one session: the steepest descent in it is −Γ⁻¹·∇·C⁻¹. A matrix has a side of width D, fc1's input and fc2's
/// output, and a side of units, which a mask restricts: a change that is zero outside the units U costs
/// tr(Γ·Δ_U·C_UU·Δ_Uᵀ), so that it is the restricted moment that is inverted, not the inverse that is restricted.
/// Owns its tensors.
/// </summary>
sealed class KfacMetric : IDisposable
{
    readonly Tensor?[] _units; // a matrix [B,u,u] or, shared by all edits, [1,u,u]; null for the identity
    readonly Tensor?[] _widths; // a matrix [D,D]; null for the identity. They belong to the preparations.

    /// <summary>Inverts what the rows of a session need.</summary>
    /// <param name="inputs">The inputs' moments C.</param>
    /// <param name="damping">What is added to their diagonal, relative to its mean.</param>
    /// <param name="outputs">The output gradients' moments Γ; null for the identity.</param>
    /// <param name="outputDamping">What is added to their diagonal, relative to its mean.</param>
    /// <param name="space">The edit space.</param>
    /// <param name="session">Whose rows are meant.</param>
    public KfacMetric(
        Preparation inputs,
        double damping,
        Preparation? outputs,
        double outputDamping,
        EditSpace space,
        EditSession session
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        _units = new Tensor?[space.Matrices];
        _widths = new Tensor?[space.Matrices];
        Tensor[] rows = [.. session.RowUnits];
        Tensor?[] masks = [.. session.RowMasks];
        for (int m = 0; m < space.Matrices; m++)
        {
            bool fc1 = !space.Matrix(m).HasColumns;
            string name = space.MatrixName(m);
            (Preparation? widths, double widthDamping) = fc1 ? (inputs, damping) : (outputs, outputDamping);
            (Preparation? units, double unitDamping) = fc1 ? (outputs, outputDamping) : (inputs, damping);
            _widths[m] = widths is null ? null : Inverse(widths, name, space.Width, widthDamping, rows[m].device);
            if (units is null)
                continue;
            _units[m] =
                masks[m] is null && rows[m].shape[1] == space.Hidden
                    ? Inverse(units, name, space.Hidden, unitDamping, rows[m].device)
                        .unsqueeze(0)
                        .DetachFromDisposeScope()
                    : Restricted(units, name, space.Hidden, unitDamping, rows[m], masks[m]).DetachFromDisposeScope();
        }
    }

    /// <summary>
    /// The steepest descent of a loss, not scaled: for each matrix <c>[B,u,D]</c>, zero on rows that are not selected;
    /// in the caller's dispose scope.
    /// </summary>
    /// <param name="gradients">For each matrix <c>[B,u,D]</c>, zero on rows that are not selected.</param>
    public Tensor[] Descent(IReadOnlyList<Tensor> gradients) =>
        [
            .. gradients.Select(
                (gradient, m) =>
                {
                    Tensor direction = _widths[m] is Tensor width ? matmul(gradient, width) : gradient;
                    return -(_units[m] is Tensor unit ? matmul(unit, direction) : direction);
                }
            ),
        ];

    public void Dispose()
    {
        foreach (Tensor? unit in _units)
            unit?.Dispose();
    }

    // (M + damping·mean(diag M)·I), [d,d] float64; in the caller's dispose scope.
    static Tensor Damped(Preparation moments, string name, long size, double damping)
    {
        Tensor moment = moments.Derived("moment " + name, () => PackedMoment.Unpack(moments, name, size)).clone();
        moment.diagonal().Plus_(moment.diagonal().mean() * Held(damping));
        return moment;
    }

    // Of all units or of the width: the same for every edit, so computed once.
    static Tensor Inverse(Preparation moments, string name, long size, double damping, Device device) =>
        moments.Derived(
            string.Create(CultureInfo.InvariantCulture, $"inverse {name} {damping} {device}"),
            () =>
            {
                using DisposeScope scope = NewDisposeScope();
                return Inverse(Damped(moments, name, size, damping), name, damping)
                    .to(device)
                    .MoveToOuterDisposeScope();
            }
        );

    // Rows that are not selected are cut off from the others, so that the inverse of the rest is as if they were not
    // there.
    static Tensor Restricted(Preparation moments, string name, long size, double damping, Tensor rows, Tensor? mask)
    {
        Tensor damped = Damped(moments, name, size, damping);
        Tensor units = rows.cpu();
        Tensor some = stack([
            .. Enumerable
                .Range(0, (int)units.shape[0])
                .Select(e => damped.index_select(0, units[e]).index_select(1, units[e])),
        ]); // [B,u,u]
        if (mask is not null)
        {
            Tensor selected = mask.cpu().to(ScalarType.Float64); // [B,u,1]
            some = (some * selected * selected.transpose(1, 2)).Plus(diag_embed(Held(1) - selected.squeeze(2)));
        }
        return Inverse(some, name, damping).to(rows.device);
    }

    static Tensor Inverse(Tensor damped, string name, double damping)
    {
        try
        {
            // Of a moment, symmetric and positive definite: by its Cholesky factor, which says so where it is not.
            Tensor inverse = cholesky_solve(
                eye(damped.shape[^1], dtype: ScalarType.Float64).expand_as(damped),
                linalg.cholesky(damped)
            );
            return inverse.to(ScalarType.Float32);
        }
        catch (ExternalException e)
        {
            throw BadInput.OutOfRange(
                name,
                $"The moments of {name} cannot be inverted with a damping of "
                    + $"{SettingCheck.Text(damping)}; use a larger one.",
                cause: e
            );
        }
    }
}
