using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>Directions that ordinary keys hardly use.</summary>
static class NullSpace
{
    /// <summary>
    /// The projection <c>[H,H]</c> onto the eigenvectors of least energy; null where there is none. The caller disposes
    /// it.
    /// </summary>
    /// <param name="moment">The keys' second moment, <c>[H,H]</c>.</param>
    /// <param name="within">
    /// Which of the energies, <c>[H]</c> in float64, the least first, are of the null space: booleans <c>[H]</c>.
    /// </param>
    public static Tensor? Projection(Tensor moment, Func<Tensor, Tensor> within)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor energies, Tensor directions) = linalg.eigh(moment.to(ScalarType.Float64)); // least first
        long count = within(energies).sum().item<long>();
        if (count == 0)
            return null;
        Tensor least = directions.narrow(1, 0, count);
        return mm(least, least.t()).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }
}
