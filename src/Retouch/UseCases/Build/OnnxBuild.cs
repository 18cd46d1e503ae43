using Retouch.Formats;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// An ONNX file whose patches change: some are taken out, others put in, by what the file says of those in it. Owns the
/// weights that change.
/// </summary>
public sealed class OnnxBuild : IDisposable
{
    readonly Dictionary<string, Tensor> _before;
    readonly Dictionary<string, Tensor> _after;
    readonly Dictionary<string, string?> _texts;
    readonly string _served;

    OnnxBuild(
        string served,
        Dictionary<string, Tensor> before,
        Dictionary<string, Tensor> after,
        Dictionary<string, string?> texts,
        IReadOnlyList<LoadedPatch> patches
    ) => (_served, _before, _after, _texts, Patches) = (served, before, after, texts, patches);

    /// <summary>The patches that are in the file in the end. Not owned.</summary>
    public IReadOnlyList<LoadedPatch> Patches { get; }

    /// <summary>The weights of the model that the patches in the file change, by canonical name.</summary>
    public IReadOnlyDictionary<string, Tensor> Edited => _after;

    /// <summary>What an ONNX file says of the patches in it, or null where it says nothing.</summary>
    /// <exception cref="BadInputException">The file cannot be read, or what it says is damaged.</exception>
    public static AppliedPatches? In(string served) => Last(OnnxPatcher.Properties(served, AppliedPatches.Key), served);

    static AppliedPatches? Last(IReadOnlyDictionary<string, string> says, string served) =>
        AppliedPatches.Read(says, served) is [.., var last] ? last : null;

    /// <summary>The patches that stay in an ONNX file when some are taken out.</summary>
    /// <param name="served">The ONNX file.</param>
    /// <param name="removed">The patches to take out.</param>
    /// <exception cref="BadInputException">The file does not say that they are in it.</exception>
    public static IReadOnlyList<AppliedPatch> Remaining(string served, IReadOnlyList<LoadedPatch> removed) =>
        Remaining(In(served), served, removed);

    static IReadOnlyList<AppliedPatch> Remaining(
        AppliedPatches? present,
        string served,
        IReadOnlyList<LoadedPatch> removed
    )
    {
        if (present is null && removed.Count > 0)
            throw BadInput.Unsupported(
                served,
                $"{served} does not say that patches are in it, so none can be taken out: it is unedited, was edited "
                    + "by "
                    + "another program or by an older version, or lost its metadata on the way. Put the patch into the "
                    + "unedited file."
            );
        return present is null ? [] : ModelReversal.Without(present.Patches, removed, served, []);
    }

    /// <summary>Works out what changes; the caller disposes it.</summary>
    /// <param name="served">The ONNX file; unchanged.</param>
    /// <param name="file">The model that it was exported from, unedited. Not owned.</param>
    /// <param name="removed">The patches to take out. Not owned.</param>
    /// <param name="added">The patches to put in. Not owned.</param>
    /// <param name="others">Patches among which those are that stay in. Not owned.</param>
    /// <exception cref="BadInputException">
    /// The file is of another model, does not say that a patch to be taken out is in it, has one that is to be put in,
    /// or a patch that stays is not among <paramref name="others"/>.
    /// </exception>
    public static OnnxBuild Of(
        string served,
        ModelFile file,
        IReadOnlyList<LoadedPatch> removed,
        IReadOnlyList<LoadedPatch> added,
        IReadOnlyList<LoadedPatch> others
    )
    {
        VitModel model = file.Model;
        IReadOnlyDictionary<string, string> says = OnnxPatcher.Properties(
            served,
            AppliedPatches.Key,
            OnnxExport.FingerprintKey
        );
        AppliedPatches? present = Last(says, served);
        if (present is not null && present.Base != model.Fingerprint)
            throw BadInput.Mismatch(
                served,
                $"The patches in {served} were made for the model {present.Base}, but {file.Path} is "
                    + $"{model.Fingerprint}."
            );
        IReadOnlyList<LoadedPatch> kept = ModelReversal.Chosen(Remaining(present, served, removed), others, served);
        if (added.FirstOrDefault(a => kept.Any(k => k.Change == a.Change)) is { } twice)
            throw BadInput.Exists(twice.Path, $"{twice.Path} is in {served} already ({AppliedPatch.Of(twice).Title}).");
        // By what the file says of it: where a copy of it was found is no place of the fault.
        if (Wider([.. removed, .. kept]) is { } inside)
            throw BadInput.Unsupported(
                served,
                $"{served} has a patch in it that adds hidden units ({AppliedPatch.Of(inside).Title}), and in a file "
                    + "that exists weights keep their shapes.",
                Remedy.Export("onnx")
            );
        if (Wider(added) is { } wider)
            throw BadInput.Unsupported(
                wider.Path,
                $"{wider.Path} ({AppliedPatch.Of(wider).Title}) adds hidden units, for which {served} has no room: in "
                    + "a file that exists weights keep their shapes.",
                Remedy.Export("onnx")
            );
        IReadOnlyList<LoadedPatch> now = [.. kept, .. added];
        Dictionary<string, Tensor> before = Weights(model, [.. removed, .. kept]);
        Dictionary<string, Tensor> after = Weights(model, now);
        foreach (string name in before.Keys.Union(after.Keys).ToArray())
        {
            before.TryAdd(name, model.Tensors[name].alias().DetachFromDisposeScope());
            after.TryAdd(name, model.Tensors[name].alias().DetachFromDisposeScope());
        }
        RefuseTwins(served, model, before.Keys);
        using VitModel edited = new(
            model.Tensors.ToDictionary(t => t.Key, t => after.GetValueOrDefault(t.Key, t.Value).alias()),
            model.Config.Traits
        );
        // The base is at hand whenever the file is patched again, so that nothing need be kept to subtract.
        IReadOnlyList<AppliedPatches> applied =
            now.Count == 0 ? [] : [BuiltModel.Describe(model, edited, [], now, null)];
        Dictionary<string, string?> texts = new() { [AppliedPatches.Key] = AppliedPatches.Text(applied) };
        if (says.ContainsKey(OnnxExport.FingerprintKey))
            texts[OnnxExport.FingerprintKey] = edited.Fingerprint;
        // A foreign export may have gates and values in one matrix.
        if (before.FirstOrDefault(b => GatedFfns.IsHalf(b.Key, model)) is { Key: string half, Value: Tensor values })
        {
            if (!OnnxPatcher.Has(served, half, values))
                (before, after) = (Packed(before), Packed(after));
        }
        return new OnnxBuild(served, before, after, texts, now);

        Dictionary<string, Tensor> Packed(Dictionary<string, Tensor> some)
        {
            using DisposeScope scope = NewDisposeScope();
            return GatedFfns
                .Packed(some, model)
                .ToDictionary(t => t.Key, t => t.Value.alias().DetachFromDisposeScope());
        }
    }

    /// <summary>Writes the file.</summary>
    /// <param name="output">
    /// The file to write, atomically; in another folder than the served one where that keeps weights in files beside
    /// it.
    /// </param>
    /// <param name="overwrite">Whether existing files may be replaced.</param>
    /// <returns>For each weight what it is called in the file.</returns>
    /// <exception cref="BadInputException">A weight is not found exactly once, or a file cannot be written.</exception>
    public IReadOnlyDictionary<string, string> Write(string output, bool overwrite) =>
        OnnxPatcher.Write(_served, output, _before, _after, _texts, overwrite);

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in _before.Values.Concat(_after.Values))
            tensor.Dispose();
    }

    // Exporters keep equal tensors once, where an edit of one would be one of both.
    static void RefuseTwins(string served, VitModel model, IEnumerable<string> changed)
    {
        foreach (string name in changed)
        {
            Tensor weight = model.Tensors[name];
            string? twin = model
                .Tensors.FirstOrDefault(t =>
                    t.Key != name && t.Value.shape.SequenceEqual(weight.shape) && t.Value.Equals(weight)
                )
                .Key;
            if (twin is not null)
                throw BadInput.Ambiguous(
                    served,
                    $"{name} and {twin} of the model are the same numbers, which an exporter may have stored once in "
                        + $"{served}, so it cannot be told which is meant; nothing was changed.",
                    Remedy.Export("onnx")
                );
        }
    }

    static LoadedPatch? Wider(IReadOnlyList<LoadedPatch> patches) =>
        patches.FirstOrDefault(p => p.Patch.Change is TensorDelta { ChangesShapes: true });

    static Dictionary<string, Tensor> Weights(VitModel model, IReadOnlyList<LoadedPatch> patches) =>
        patches.Count == 0 ? [] : PatchLedger.Edited(model, [.. patches.Select(p => p.Patch)]);
}
