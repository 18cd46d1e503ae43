namespace Retouch.Vit;

/// <summary>
/// In what the products with frozen weights behind the cut are computed. Deltas, optimizer state, losses, the
/// residual stream and the statistics of norms and softmax are float32 in either.
/// </summary>
public enum Precision
{
    /// <summary>Everything in float32.</summary>
    Full,

    /// <summary>
    /// Products in bfloat16, with 8 significant bits and float32 sums: several times as fast where the processor
    /// has them (avx512_bf16 or AMX), many times as slow where it has not.
    /// </summary>
    Mixed,
}
