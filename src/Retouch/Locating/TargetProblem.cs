using Retouch.Suffix;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>B independent samples for <see cref="TargetMaskSolver"/>. The tensors stay the caller's.</summary>
/// <param name="Spoilt">The prefix of the B spoilt images.</param>
/// <param name="Wanted">The unedited model's logits of their originals, <c>[B,C]</c>.</param>
/// <param name="Start">The mask logits to start from, <c>[B,matrices,H]</c>; published: uniform in (-1,1).</param>
public sealed record TargetProblem(PrefixState Spoilt, Tensor Wanted, Tensor Start)
{
    /// <summary>
    /// The prefix of each sample's other views, B·V sample by sample, or null if the settings have none.
    /// </summary>
    public PrefixState? Views { get; init; }

    /// <summary>The unedited model's logits of the views' originals, <c>[B·V,C]</c>.</summary>
    public Tensor? WantedOfViews { get; init; }

    /// <summary>
    /// The prefix of each sample's ordinary images, B·L sample by sample, or null if the settings have none.
    /// </summary>
    public PrefixState? Ordinary { get; init; }

    /// <summary>The unedited model's logits of the ordinary images, <c>[B·L,C]</c>.</summary>
    public Tensor? LogitsOfOrdinary { get; init; }

    internal void Require(EditSpace space, TargetMaskSettings settings)
    {
        long batch = Spoilt.Images;
        if (Wanted.shape[0] != batch || !Start.shape.AsSpan().SequenceEqual([batch, space.Matrices, space.Hidden]))
            throw new ArgumentException(
                $"{batch} images, logits of {Wanted.shape[0]} and a start of [{string.Join(", ", Start.shape)}] do "
                    + "not belong together."
            );
        Require(Views, WantedOfViews, batch * settings.Views, "other views");
        Require(Ordinary, LogitsOfOrdinary, batch * settings.OrdinaryImages, "ordinary images");
    }

    static void Require(PrefixState? state, Tensor? logits, long count, string what)
    {
        if ((state?.Images ?? 0) != count || (logits?.shape[0] ?? 0) != count)
            throw new ArgumentException(
                $"The settings need {count} {what}; there are {state?.Images ?? 0}, with logits of "
                    + $"{logits?.shape[0] ?? 0}."
            );
    }
}
