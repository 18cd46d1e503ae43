using Retouch.Formats;
using Retouch.Patches;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// A model with patches, as it will be stored, and what its file will say of them. The same patches make the same
/// bytes, in whatever order they come. Owns the edited tensors and the model.
/// </summary>
public sealed class BuiltModel : IDisposable
{
    readonly ModelFile _file;
    readonly Dictionary<string, Tensor> _values; // what the file's tensors become, by canonical name

    BuiltModel(
        ModelFile file,
        Dictionary<string, Tensor> values,
        IReadOnlyCollection<string> changed,
        VitModel model,
        IReadOnlyList<AppliedPatches> applied
    ) => (_file, _values, Changed, Model, Applied) = (file, values, changed, model, applied);

    /// <summary>The canonical names of the tensors that patches change.</summary>
    public IReadOnlyCollection<string> Changed { get; }

    /// <summary>The model with the patches, rounded to the types of its file.</summary>
    public VitModel Model { get; }

    /// <summary>What the file will say of the patches in it.</summary>
    public IReadOnlyList<AppliedPatches> Applied { get; }

    /// <summary>Puts patches into a model.</summary>
    /// <param name="file">The model; unchanged, and still needed for <see cref="Write"/>. Not owned.</param>
    /// <param name="patches">The patches; none for the model as it is. Not owned.</param>
    /// <exception cref="BadInputException">
    /// A patch belongs to another model, or the file's metadata are damaged.
    /// </exception>
    public static BuiltModel Of(ModelFile file, IReadOnlyList<LoadedPatch> patches) =>
        Of(file, file.Model, AppliedPatches.Read(file.Metadata, file.Path), patches, []);

    /// <summary>The same on a base that is not the file's own model but has its shapes and types.</summary>
    /// <param name="file">The file whose names and types the result has.</param>
    /// <param name="model">The base. Not owned.</param>
    /// <param name="before">What the base's file would say.</param>
    /// <param name="patches">The patches.</param>
    /// <param name="others">Names of tensors in which the file differs from the base.</param>
    internal static BuiltModel Of(
        ModelFile file,
        VitModel model,
        IReadOnlyList<AppliedPatches> before,
        IReadOnlyList<LoadedPatch> patches,
        IEnumerable<string> others
    )
    {
        Dictionary<string, Tensor> edited =
            patches.Count == 0 ? [] : PatchLedger.Edited(model, [.. patches.Select(p => p.Patch)]);
        string[] changed = [.. edited.Keys];
        foreach (string name in others.Except(changed))
            edited[name] = model.Tensors[name].alias().DetachFromDisposeScope();
        VitModel? stored = null;
        try
        {
            stored = file.With(edited);
            IReadOnlyList<AppliedPatches> applied =
                patches.Count == 0
                    ? before
                    :
                    [
                        .. before,
                        Describe(
                            model,
                            stored,
                            changed,
                            patches,
                            changed.All(file.HoldsAll) && !IsWider(model, stored) ? file.AsStored : null
                        ),
                    ];
            return new BuiltModel(file, edited, changed, stored, applied);
        }
        catch
        {
            stored?.Dispose();
            foreach (Tensor tensor in edited.Values)
                tensor.Dispose();
            throw;
        }
    }

    /// <summary>What a file in float32 says of patches in it, such as an export's.</summary>
    /// <param name="file">The unedited model.</param>
    /// <param name="edited">The model with the patches.</param>
    /// <param name="patches">The patches; none where the model is as it was.</param>
    /// <exception cref="BadInputException">The file's metadata are damaged.</exception>
    public static IReadOnlyList<AppliedPatches> Describe(
        ModelFile file,
        VitModel edited,
        IReadOnlyList<LoadedPatch> patches
    )
    {
        IReadOnlyList<AppliedPatches> before = AppliedPatches.Read(file.Metadata, file.Path);
        string[] changed = [.. patches.SelectMany(p => p.Patch.Change.Names).Distinct()];
        return patches.Count == 0
            ? before
            :
            [
                .. before,
                Describe(
                    file.Model,
                    edited,
                    changed,
                    patches,
                    IsWider(file.Model, edited) ? null : (_, t) => t.alias()
                ),
            ];
    }

    /// <summary>Writes the model's file with the patches in it, under the names and types that it came in.</summary>
    /// <param name="output">The file to write, atomically.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">
    /// As <see cref="ModelFile.WriteWith(string, IReadOnlyDictionary{string, Tensor}, bool)"/>.
    /// </exception>
    public void Write(string output, bool overwrite) =>
        _file.WriteWith(
            output,
            _values,
            new Dictionary<string, string?> { [AppliedPatches.Key] = AppliedPatches.Text(Applied) },
            overwrite
        );

    // What a subtraction loses is kept of weights that keep their places.
    static bool IsWider(VitModel model, VitModel edited) => edited.Config.MlpWidth != model.Config.MlpWidth;

    /// <summary>Frees the tensors and the model.</summary>
    public void Dispose()
    {
        Model.Dispose();
        foreach (Tensor tensor in _values.Values)
            tensor.Dispose();
    }

    /// <summary>What a file says of patches in it.</summary>
    /// <param name="model">The model without them.</param>
    /// <param name="edited">The model with them.</param>
    /// <param name="changed">The tensors that they change.</param>
    /// <param name="patches">The patches.</param>
    /// <param name="round">
    /// Rounds a weight to the file's type; null to keep nothing for a subtraction.
    /// </param>
    internal static AppliedPatches Describe(
        VitModel model,
        VitModel edited,
        IReadOnlyList<string> changed,
        IReadOnlyList<LoadedPatch> patches,
        Func<string, Tensor, Tensor>? round
    )
    {
        IReadOnlyList<LoadedPatch> ordered =
        [
            .. patches.OrderBy(p => p.Change, StringComparer.Ordinal).ThenBy(p => p.Sha256, StringComparer.Ordinal),
        ];
        return new AppliedPatches(
            model.Fingerprint,
            edited.Fingerprint,
            [.. ordered.Select(AppliedPatch.Of)],
            round is null
                ? null
                : UndoBits.Of(
                    changed.ToDictionary(n => n, n => model.Tensors[n]),
                    changed.ToDictionary(n => n, n => edited.Tensors[n]),
                    [.. ordered.Select(p => p.Patch)],
                    round
                )
        );
    }
}
