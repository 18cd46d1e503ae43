using Retouch.Formats;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// Takes patches out of a model that this tool built. Its file names the patches in it, so that what it was without
/// them can be found, to the bit: the changes are subtracted, and what a subtraction loses the file keeps. That the
/// result is right is not believed but checked, by the fingerprint of the base, before anything is written.
/// </summary>
public static class ModelReversal
{
    /// <summary>The patches in a file that are taken out last: those that it names, without the ones given.</summary>
    /// <param name="file">The model.</param>
    /// <param name="removed">The patches to take out.</param>
    /// <exception cref="BadInputException">
    /// The file names no patches, its weights are not those that it names, or it does not have one of them.
    /// </exception>
    public static IReadOnlyList<AppliedPatch> Remaining(ModelFile file, IReadOnlyList<LoadedPatch> removed)
    {
        IReadOnlyList<AppliedPatches> layers = Layers(file);
        return Without(layers[^1].Patches, removed, file.Path, layers);
    }

    /// <summary>Takes patches out; the caller disposes the result.</summary>
    /// <param name="file">The model with the patches; unchanged, and needed to write the result. Not owned.</param>
    /// <param name="removed">The patches to take out. Not owned.</param>
    /// <param name="others">Patches among which those are that stay in. Not owned.</param>
    /// <exception cref="BadInputException">
    /// As <see cref="Remaining"/>, or a patch that stays is not among <paramref name="others"/>, or the weights that
    /// were there cannot be found from the file alone.
    /// </exception>
    public static BuiltModel Of(ModelFile file, IReadOnlyList<LoadedPatch> removed, IReadOnlyList<LoadedPatch> others)
    {
        IReadOnlyList<AppliedPatches> layers = Layers(file);
        AppliedPatches top = layers[^1];
        IReadOnlyList<LoadedPatch> kept = Chosen(Without(top.Patches, removed, file.Path, layers), others, file.Path);
        IReadOnlyList<LoadedPatch> all = [.. removed, .. kept];
        string[] changed = [.. all.SelectMany(p => p.Patch.Change.Names).Distinct()];
        if (all.FirstOrDefault(p => p.Patch.Change is TensorDelta { ChangesShapes: true }) is { } wider)
            throw Lost(file.Path, $"{wider.Path} added hidden units to it");
        if (all.FirstOrDefault(p => !p.Patch.Change.Fits(file.Model)) is { } other)
            throw Lost(file.Path, $"its tensors are not those that {other.Path} changes");
        if (top.Undo is null)
            throw Lost(file.Path, "it does not keep the bits that a subtraction loses");
        Dictionary<string, Tensor> found =
            UndoBits.Undo(
                top.Undo,
                changed.ToDictionary(n => n, n => file.Model.Tensors[n]),
                PatchLedger.InOrder([.. all.Select(p => p.Patch)]),
                file.AsStored
            ) ?? throw Lost(file.Path, "what it keeps of them is damaged");
        using VitModel before = Model(file, found);
        if (before.Fingerprint != top.Base)
            throw Lost(
                file.Path,
                $"what a subtraction gives is not the model {top.Base} that its patches were made for"
            );
        return BuiltModel.Of(file, before, [.. layers.SkipLast(1)], kept, changed);
    }

    /// <summary>The same by the model that the patches were made for; the caller disposes the result.</summary>
    /// <param name="file">The model with the patches. Not owned.</param>
    /// <param name="unedited">The model without them; needed to write the result. Not owned.</param>
    /// <param name="removed">The patches to take out. Not owned.</param>
    /// <param name="others">Patches among which those are that stay in. Not owned.</param>
    /// <exception cref="BadInputException">
    /// As <see cref="Remaining"/>, or the model is not the one that the patches were made for, or a patch that stays is
    /// not among <paramref name="others"/>.
    /// </exception>
    public static BuiltModel Of(
        ModelFile file,
        ModelFile unedited,
        IReadOnlyList<LoadedPatch> removed,
        IReadOnlyList<LoadedPatch> others
    )
    {
        IReadOnlyList<AppliedPatches> layers = Layers(file);
        AppliedPatches top = layers[^1];
        if (unedited.Model.Fingerprint != top.Base)
            throw BadInput.Mismatch(
                unedited.Path,
                $"The patches in {file.Path} were made for the model {top.Base}, but {unedited.Path} is "
                    + $"{unedited.Model.Fingerprint}."
            );
        return BuiltModel.Of(unedited, Chosen(Without(top.Patches, removed, file.Path, layers), others, file.Path));
    }

    /// <summary>Of patches that are named, those without the ones that are taken out.</summary>
    internal static IReadOnlyList<AppliedPatch> Without(
        IReadOnlyList<AppliedPatch> present,
        IReadOnlyList<LoadedPatch> removed,
        string path,
        IReadOnlyList<AppliedPatches> layers
    )
    {
        List<AppliedPatch> left = [.. present];
        foreach (LoadedPatch patch in removed)
        {
            if (left.FindIndex(p => p.Change == patch.Change) is >= 0 and int at)
                left.RemoveAt(at);
            else if (present.Any(p => p.Change == patch.Change))
                throw BadInput.Ambiguous(patch.Path, $"{patch.Path} is to be taken out of {path} twice.");
            else if (layers.SkipLast(1).Any(l => l.Patches.Any(p => p.Change == patch.Change)))
                throw BadInput.Unsupported(
                    patch.Path,
                    $"{patch.Path} is in {path}, but others were made on top of it and go first: {Titles(present)}."
                );
            else
                throw BadInput.Missing(
                    patch.Path,
                    $"{patch.Path} ({AppliedPatch.Of(patch).Title}) is not in {path}; in it are: {Titles(present)}."
                );
        }
        return left;
    }

    /// <summary>The files of patches that are named.</summary>
    internal static IReadOnlyList<LoadedPatch> Chosen(
        IReadOnlyList<AppliedPatch> wanted,
        IReadOnlyList<LoadedPatch> from,
        string path
    ) =>
        [
            .. wanted.Select(w =>
                from.FirstOrDefault(p => p.Change == w.Change)
                ?? throw BadInput.Missing(
                    path,
                    $"{path} has another patch in it, which stays and whose file is needed: {w.Title}, {w.Bytes} "
                        + "bytes.",
                    Remedy.Option(Parameter.KeptPatches)
                )
            ),
        ];

    internal static string Titles(IReadOnlyList<AppliedPatch> patches)
    {
        const int most = 5;
        string more = patches.Count > most ? $"; and {patches.Count - most} more" : "";
        return $"{string.Join("; ", patches.Take(most).Select(p => p.Title))}{more}";
    }

    // At least one; the last is what the weights have in them.
    static IReadOnlyList<AppliedPatches> Layers(ModelFile file)
    {
        IReadOnlyList<AppliedPatches> layers = AppliedPatches.Read(file.Metadata, file.Path);
        if (layers is not [.., var top])
            throw BadInput.Unsupported(
                file.Path,
                $"{file.Path} does not say that patches are in it, so none can be taken out: it is unedited, was "
                    + "edited "
                    + "by another program or by an older version, or lost its metadata on the way. Apply the patches "
                    + "that are to stay to the unedited model."
            );
        return file.Model.Fingerprint == top.Result
            ? layers
            : throw BadInput.Mismatch(
                file.Path,
                $"The weights of {file.Path} are not those that its metadata name: {file.Model.Fingerprint}, not "
                    + $"{top.Result}. It was changed after its patches were applied, so none can be taken out."
            );
    }

    static VitModel Model(ModelFile file, Dictionary<string, Tensor> found)
    {
        try
        {
            return new VitModel(
                file.Model.Tensors.ToDictionary(
                    t => t.Key,
                    t => found.TryGetValue(t.Key, out Tensor? f) ? f : t.Value.alias()
                ),
                file.Model.Config.Traits
            );
        }
        // What is no number was never there.
        catch (BadInputException)
        {
            foreach (Tensor tensor in found.Values)
                tensor.Dispose();
            throw Lost(file.Path, "what it keeps of them is damaged");
        }
    }

    static BadInputException Lost(string path, string why) =>
        BadInput.Unsupported(
            path,
            $"The weights that were in {path} before cannot be found from it alone: {why}.",
            Remedy.Option(Parameter.Base)
        );
}
