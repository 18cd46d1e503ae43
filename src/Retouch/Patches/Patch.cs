using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Patches;

/// <summary>
/// An edit as a value: what it adds to a model's weights, and its provenance. Never changes; the model that
/// it belongs to never changes either, <see cref="PatchLedger"/> makes a new one. Owns its delta and its keys.
/// </summary>
public sealed class Patch(ModelDelta change, PatchProvenance provenance) : IDisposable
{
    /// <summary>
    /// What the last FFN of the unedited model gets for [CLS] of each editing image, float16 <c>[n,D]</c> in the order
    /// of <see cref="PatchProvenance.Images"/>: by it later patches keep these images right without having them. It
    /// belongs to the patch. Null where it is not known.
    /// </summary>
    public Tensor? Tokens { get; init; }

    /// <summary>What the edit changes, units or whole tensors; it belongs to the patch.</summary>
    public ModelDelta Change { get; } = change;

    /// <summary>
    /// What the matrices that the edit changes read on its images, a row an image, by canonical name (of fc2
    /// <c>[S,H]</c>), for later edits that are to keep away from it; empty where the method has no use for it. They
    /// belong to the patch.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Keys { get; init; } = new Dictionary<string, Tensor>();

    /// <summary><see cref="Change"/> as what is added to hidden units, for patches that touch nothing else.</summary>
    /// <exception cref="InvalidOperationException">The patch changes whole tensors.</exception>
    public WeightDelta Delta =>
        Change as WeightDelta
        ?? throw new InvalidOperationException(
            $"A patch of {Provenance.Method} changes whole tensors, not units; use {nameof(Change)}."
        );

    /// <summary>Where the patch comes from.</summary>
    public PatchProvenance Provenance { get; private init; } = provenance;

    /// <summary>
    /// The same patch with another provenance. It takes over the delta and the keys: dispose either of the two, once.
    /// </summary>
    public Patch With(PatchProvenance provenance) => new(Change, provenance) { Keys = Keys, Tokens = Tokens };

    /// <summary>Checks that the patch belongs to a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">What to call the patch in the message, such as its path.</param>
    /// <exception cref="BadInputException">
    /// It belongs to another model; both fingerprints are named, and whether the two differ in their precision alone.
    /// </exception>
    public void RequireModel(VitModel model, string name = "The patch")
    {
        if (model.Fingerprint != Provenance.ModelFingerprint)
        {
            throw BadInput.Mismatch(
                name,
                $"{name} is for the model {Provenance.ModelFingerprint}, but this model is "
                    + $"{model.Fingerprint}{Twin(model)}; apply it to the model that it was made for."
            );
        }
        if (!Change.Fits(model))
            throw BadInput.Damaged(
                name,
                $"{name} names this model but its tensors are not the model's; the file is damaged."
            );
    }

    string Twin(VitModel model)
    {
        const string rounded = "the same weights, rounded to";
        return Provenance.Float16Fingerprint == model.Fingerprint
                ? $" ({rounded} float16: the half-precision twin of the patch's model)"
            : Provenance.BFloat16Fingerprint == model.Fingerprint
                ? $" ({rounded} bfloat16: the half-precision twin of the patch's model)"
            : model.FingerprintAs(ScalarType.Float16) == Provenance.ModelFingerprint
                ? " (the patch was made on the half-precision twin of this model, whose weights "
                    + "are these, rounded to float16)"
            : model.FingerprintAs(ScalarType.BFloat16) == Provenance.ModelFingerprint
                ? " (the patch was made on the half-precision twin of this model, whose weights "
                    + "are these, rounded to bfloat16)"
            : "";
    }

    /// <summary>Frees the delta and the keys.</summary>
    public void Dispose()
    {
        Change.Dispose();
        foreach (Tensor keys in Keys.Values)
            keys.Dispose();
        Tokens?.Dispose();
    }
}
