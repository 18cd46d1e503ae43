using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Labelled images as a repair sees them: what the classifier reads, before the last FFN. Owns nothing.
/// </summary>
/// <param name="Residuals">
/// Tokens before the last FFN's norm, as <see cref="GateRepair.Residuals"/> gives them: <c>[N,D]</c> or <c>[N,M,D]</c>.
/// </param>
/// <param name="Labels">The class that each is to have.</param>
/// <param name="Accepted">The classes that count as right for each.</param>
public readonly record struct RepairImages(
    Tensor Residuals,
    IReadOnlyList<int> Labels,
    IReadOnlyList<IReadOnlyList<int>> Accepted
)
{
    /// <summary>Images of which one class each is right.</summary>
    /// <param name="residuals">As <see cref="GateRepair.Residuals"/> gives them.</param>
    /// <param name="labels">The class that each is to have.</param>
    public RepairImages(Tensor residuals, IReadOnlyList<int> labels)
        : this(residuals, labels, [.. labels.Select(l => (IReadOnlyList<int>)[l])]) { }

    /// <summary>How many there are.</summary>
    public int Count => Labels.Count;

    /// <summary>These and others; in the caller's dispose scope.</summary>
    /// <param name="others">The others.</param>
    public RepairImages Plus(RepairImages others) =>
        new(
            cat([Residuals, others.Residuals.to(Residuals.device)], 0),
            [.. Labels, .. others.Labels],
            [.. Accepted, .. others.Accepted]
        );

    /// <summary>Some of them; in the caller's dispose scope.</summary>
    /// <param name="places">Which, from 0.</param>
    public RepairImages At(IReadOnlyList<int> places)
    {
        (IReadOnlyList<int> labels, IReadOnlyList<IReadOnlyList<int>> accepted) = (Labels, Accepted);
        return new(
            Residuals.index_select(0, tensor([.. places.Select(p => (long)p)], device: Residuals.device)),
            [.. places.Select(p => labels[p])],
            [.. places.Select(p => accepted[p])]
        );
    }
}
