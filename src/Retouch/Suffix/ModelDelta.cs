using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// What an edit changes of a model, as a value: some tensors after the cut of an <see cref="EditSpace"/>,
/// each by a change of its own. The model itself never changes. Either a <see cref="WeightDelta"/>, which
/// touches hidden units, or a <see cref="TensorDelta"/>, which touches any tensors. Owns its tensors; its
/// values never change.
/// </summary>
public abstract class ModelDelta : IDisposable
{
    private protected ModelDelta() { }

    /// <summary>The space before whose first FFN nothing changes.</summary>
    public abstract EditSpace Space { get; }

    /// <summary>The canonical names of the tensors that change.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>How many numbers the delta consists of.</summary>
    public abstract long Parameters { get; }

    /// <summary>Whether none of its numbers is NaN or infinite.</summary>
    public abstract bool IsFinite { get; }

    /// <summary>
    /// One of <see cref="Names"/> as it is after the edit: a new tensor that the caller disposes, float32, or float64
    /// where the one before is.
    /// </summary>
    /// <param name="name">The canonical name.</param>
    /// <param name="weight">The tensor as it is before. Not changed.</param>
    public abstract Tensor Apply(string name, Tensor weight);

    /// <summary>Whether the delta could be one of this model.</summary>
    internal abstract bool Fits(VitModel model);

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private protected abstract void Free();
}
