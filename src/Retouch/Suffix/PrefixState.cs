using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// What no edit of an <see cref="EditSpace"/> can change about some images: the tokens on both sides of
/// the first editable FFN under the unedited model. Computed once an image by <see cref="SplitVit.Prefix"/>
/// and kept for every pass of every edit. Owns its tensors.
/// </summary>
public sealed class PrefixState : IDisposable
{
    internal PrefixState(EditSpace space, Tensor residual, Tensor output)
    {
        Space = space;
        Residual = residual.DetachFromDisposeScope();
        Output = output.DetachFromDisposeScope();
    }

    /// <summary>The space whose first FFN the state stands before.</summary>
    public EditSpace Space { get; }

    /// <summary>The tokens after the first editable block's attention, before its FFN's norm: <c>[N,T,D]</c>.</summary>
    public Tensor Residual { get; }

    /// <summary>The tokens after the first editable block under the unedited model: <c>[N,T,D]</c>.</summary>
    public Tensor Output { get; }

    /// <summary>The number of images, N.</summary>
    public int Images => (int)Residual.shape[0];

    /// <summary>The states of some of the images, in the order asked for; the caller disposes it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index is not one of an image.</exception>
    public PrefixState Select(IReadOnlyList<int> images)
    {
        foreach (int image in images)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(image, nameof(images));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(image, Images, nameof(images));
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor index = tensor([.. images.Select(i => (long)i)], ScalarType.Int64, Residual.device);
        return new PrefixState(Space, Residual.index_select(0, index), Output.index_select(0, index));
    }

    /// <summary>The states of several groups of images as one; the caller disposes it.</summary>
    /// <exception cref="ArgumentException">There are none, or they are of different spaces.</exception>
    public static PrefixState Concat(IReadOnlyList<PrefixState> states)
    {
        if (states.Count == 0 || states.Any(s => s.Space != states[0].Space))
            throw new ArgumentException("States of one space are needed.", nameof(states));
        return new PrefixState(
            states[0].Space,
            cat([.. states.Select(s => s.Residual)], 0),
            cat([.. states.Select(s => s.Output)], 0)
        );
    }

    /// <summary>Frees the tokens.</summary>
    public void Dispose()
    {
        Residual.Dispose();
        Output.Dispose();
    }
}
