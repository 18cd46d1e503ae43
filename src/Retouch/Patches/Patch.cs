using Retouch.Vit;

namespace Retouch.Patches;

/// <summary>
/// An edit as a value: what it adds to a model's weights, and its provenance. Never changes; the model that
/// it belongs to never changes either, <see cref="PatchLedger"/> makes a new one. Owns its delta.
/// </summary>
public sealed class Patch(WeightDelta delta, PatchProvenance provenance) : IDisposable
{
    /// <summary>What the edit adds to the weights; it belongs to the patch.</summary>
    public WeightDelta Delta { get; } = delta;

    /// <summary>Where the patch comes from.</summary>
    public PatchProvenance Provenance { get; private init; } = provenance;

    /// <summary>The same patch with another provenance. It takes over the delta: dispose either of the two, once.</summary>
    public Patch With(PatchProvenance provenance) => new(Delta, provenance);

    /// <summary>Checks that the patch belongs to a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">What to call the patch in the message, such as its path.</param>
    /// <exception cref="BadInputException">It belongs to another model; both fingerprints are named.</exception>
    public void RequireModel(VitModel model, string name = "The patch")
    {
        if (model.Fingerprint != Provenance.ModelFingerprint)
        {
            throw new BadInputException(
                $"{name} is for the model {Provenance.ModelFingerprint}, but this model is {model.Fingerprint}; apply it to the model that it was made for.");
        }
        EditSpace space = Delta.Space;
        if (space.Width != model.Config.Width || space.Hidden != model.Config.MlpWidth || space.LastBlock >= model.Config.Depth)
            throw new BadInputException($"{name} names this model but its matrices are not the model's; the file is damaged.");
    }

    /// <summary>Frees the delta.</summary>
    public void Dispose() => Delta.Dispose();
}
