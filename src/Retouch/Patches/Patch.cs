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

    /// <summary>
    /// The same patch with what was measured of it. It takes over the delta: dispose either of the two, once.
    /// </summary>
    public Patch WithMeasurements(PatchMeasurements measurements) => With(Provenance with { Measurements = measurements });

    /// <summary>The same patch with another provenance. It takes over the delta: dispose either of the two, once.</summary>
    public Patch With(PatchProvenance provenance) => new(Delta, provenance);

    /// <summary>Checks that the patch belongs to a model.</summary>
    /// <param name="fingerprint">The model's fingerprint.</param>
    /// <param name="name">What to call the patch in the message, such as its path.</param>
    /// <exception cref="BadInputException">It belongs to another model; both fingerprints are named.</exception>
    public void RequireModel(string fingerprint, string name)
    {
        if (!string.Equals(fingerprint, Provenance.ModelFingerprint, StringComparison.Ordinal))
        {
            throw new BadInputException(
                $"{name} is a patch for the model {Short(Provenance.ModelFingerprint)}, but this model is {Short(fingerprint)}; apply it to the model that it was made for.");
        }
    }

    /// <summary>Frees the delta.</summary>
    public void Dispose() => Delta.Dispose();

    static string Short(string fingerprint) => fingerprint.Length > 12 ? fingerprint[..12] : fingerprint;
}
