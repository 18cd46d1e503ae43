using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Patches;

/// <summary>
/// ΣK·Kᵀ over what one matrix reads on the images of the edits that a model carries, as a factor F <c>[r,H]</c> with
/// FᵀF equal to it. Of many edits r is H, so that a sum stops growing; kept as a factor, directions that no edit used
/// stay clean of the others' rounding. Immutable.
/// </summary>
sealed class KeySum
{
    readonly float[] _rows;
    readonly long _hidden;

    KeySum(float[] rows, long hidden) => (_rows, _hidden) = (rows, hidden);

    /// <summary>F, <c>[r,H]</c> in float32 on the CPU, with r at most H; in the caller's dispose scope.</summary>
    public Tensor Factor => tensor(_rows, [_rows.Length / _hidden, _hidden]);

    /// <summary>The sum with another edit's keys.</summary>
    /// <param name="before">The sum so far, or null for none.</param>
    /// <param name="keys">Kᵀ, a row an image, <c>[S,H]</c>.</param>
    public static KeySum Plus(KeySum? before, Tensor keys)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor rows = keys.cpu().to(ScalarType.Float32);
        if (before is not null)
            rows = cat([before.Factor, rows], 0);
        long hidden = rows.shape[1];
        if (rows.shape[0] > hidden)
            rows = linalg.qr(rows.to(ScalarType.Float64)).R.to(ScalarType.Float32);
        return new KeySum(rows.contiguous().data<float>().ToArray(), hidden);
    }
}
