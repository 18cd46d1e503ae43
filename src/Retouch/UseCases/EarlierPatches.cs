using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>
/// Patches that a new one is made on top of: it stays one of the unedited model, and is applied together with them.
/// Owns the patches and the model with them.
/// </summary>
sealed class EarlierPatches : IDisposable
{
    readonly VitModel? _edited;

    EarlierPatches(IReadOnlyList<LoadedPatch> patches, VitModel model)
    {
        Patches = patches;
        _edited = patches.Count == 0 ? null : PatchLedger.Apply(model, [.. patches.Select(p => p.Patch)]);
        Model = _edited ?? model;
        KeepPrefix = patches.All(p => p.Patch.Change.Space.FirstBlock == model.Config.Depth - 1);
        Widen = Model.Config.MlpWidth != model.Config.MlpWidth;
    }

    /// <summary>The patches.</summary>
    public IReadOnlyList<LoadedPatch> Patches { get; }

    /// <summary>The model with the patches; without any the unedited one.</summary>
    public VitModel Model { get; }

    /// <summary>Whether the last FFN gets of every image what it gets in the unedited model.</summary>
    public bool KeepPrefix { get; }

    /// <summary>Whether they add hidden units.</summary>
    public bool Widen { get; }

    /// <summary>Reads patches of a model and applies them; the caller disposes the result.</summary>
    /// <param name="paths">Their files; none for the model as it is.</param>
    /// <param name="model">The unedited model. Not owned.</param>
    /// <exception cref="BadInputException">
    /// A file is no patch of this model, or two of them are the same or cancel each other.
    /// </exception>
    public static EarlierPatches Load(IReadOnlyList<string> paths, VitModel model)
    {
        List<LoadedPatch> patches = [];
        try
        {
            foreach (string path in paths)
            {
                LoadedPatch patch = LoadedPatch.Load(path);
                patches.Add(patch);
                patch.Patch.RequireModel(model, path);
            }
            if (PatchLedger.Contradictions([.. patches.Select(p => p.Patch)]) is [var (first, second, _, unit), ..])
                throw BadInput.Mismatch(
                    patches[second].Path,
                    unit is null
                        ? $"{patches[first].Path} and {patches[second].Path} are the same change; name it once."
                        : $"{patches[first].Path} and {patches[second].Path} both rewrite hidden unit {unit}, so that "
                            + "neither does what it did alone; name one of them."
                );
            return new EarlierPatches(patches, model);
        }
        catch
        {
            foreach (LoadedPatch patch in patches)
                patch.Dispose();
            throw;
        }
    }

    /// <summary>The images that they corrected, each once.</summary>
    /// <param name="given">SHA-256 of images that are at hand anyway, and left out.</param>
    public IEnumerable<EarlierImage> Images(IEnumerable<string> given)
    {
        HashSet<string> seen = [.. given];
        foreach (LoadedPatch patch in Patches)
        {
            PatchProvenance provenance = patch.Patch.Provenance;
            for (int i = 0; i < provenance.Images.Count; i++)
                if (seen.Add(provenance.Images[i].Sha256))
                    yield return new EarlierImage(patch, i);
        }
    }

    /// <summary>Says how many of their images are found nowhere.</summary>
    public static void SayLost(int lost, IUseCaseEvents events)
    {
        if (lost > 0)
            events.Warn(
                $"{lost} of the images that earlier patches corrected are not where they were, so that nothing is "
                    + "known of them"
            );
    }

    /// <summary>
    /// What was made on <see cref="Model"/> as a patch of the unedited model, to be applied together with the earlier
    /// ones. It takes over what the given one owns.
    /// </summary>
    /// <param name="made">The patch of <see cref="Model"/>.</param>
    /// <param name="unedited">The unedited model.</param>
    public Patch Rebase(Patch made, VitModel unedited)
    {
        if (Patches.Count == 0)
            return made;
        ModelDelta change = made.Change;
        // Units that are added are added to the unedited model's, whatever others add.
        if (Widen && change is TensorDelta delta)
            change = new TensorDelta(
                new EditSpace(unedited.Config, delta.Space.FirstBlock, delta.Space.Blocks),
                delta.Changes
            );
        return new Patch(
            change,
            made.Provenance with
            {
                ModelFingerprint = unedited.Fingerprint,
                On = [.. Patches.Select(p => p.Change)],
            }
        )
        {
            Keys = made.Keys,
            Tokens = KeepPrefix ? made.Tokens : null,
        };
    }

    /// <summary>Frees the patches and the model with them.</summary>
    public void Dispose()
    {
        _edited?.Dispose();
        foreach (LoadedPatch patch in Patches)
            patch.Dispose();
    }
}
