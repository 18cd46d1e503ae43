using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>What <see cref="TargetMaskSolver"/> found for B samples. Owns the tensor.</summary>
/// <param name="Values">The target masks, in (0,1): <c>[B,matrices,H]</c>.</param>
/// <param name="Before">The divergence from the original's prediction under the unedited model, a sample.</param>
/// <param name="After">The same under the last inner loop's edit, a sample.</param>
/// <param name="Density">The mean of the solver's own mask, sigmoid(scale·s), a sample.</param>
public sealed record TargetMasks(
    Tensor Values,
    IReadOnlyList<float> Before,
    IReadOnlyList<float> After,
    IReadOnlyList<float> Density
) : IDisposable
{
    /// <summary>Frees the tensor.</summary>
    public void Dispose() => Values.Dispose();
}
