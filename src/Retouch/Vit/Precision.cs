namespace Retouch.Vit;

/// <summary>
/// In what the products with frozen weights after the cut are computed. Deltas, optimizer state, losses, the
/// residual stream and the statistics of norms and softmax are float32 in either.
/// </summary>
public enum Precision
{
    /// <summary>Everything in float32.</summary>
    Full,

    /// <summary>
    /// Edits in float32; predictions in bfloat16, and where two classes are close again in float32: the same results
    /// as <see cref="Full"/>.
    /// </summary>
    Checked,

    /// <summary>
    /// Edits, too, with products in bfloat16, that is 8 significant bits and float32 sums: several times as fast where
    /// the processor has them (avx512_bf16 or AMX), many times as slow where it has not.
    /// </summary>
    Mixed,
}
