using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Retouch.Formats;

namespace Retouch.Patches;

/// <summary>
/// What a model's file says of the patches in it, in its metadata: of which model they are, which they are, and what it
/// takes to subtract them again. It names contents alone, no files, times or people, so that the same patches make the
/// same file, whoever applies them and in whatever order. Immutable.
/// </summary>
/// <param name="Base">The fingerprint of the model without them.</param>
/// <param name="Result">The fingerprint of the model with them, as it is stored.</param>
/// <param name="Patches">The patches, in the order of their changes' digests.</param>
/// <param name="Undo">
/// The last bits that a subtraction of the patches loses (<see cref="UndoBits"/>), or null where they are too many or
/// the file's types keep less than was there; the way back then needs the base itself.
/// </param>
public sealed record AppliedPatches(
    string Base,
    string Result,
    IReadOnlyList<AppliedPatch> Patches,
    string? Undo = null
)
{
    /// <summary>The key in the metadata of a safetensors or ONNX file.</summary>
    public const string Key = "retouch_edits";

    const int MostLayers = 64;
    const int MostPatches = 100_000;

    /// <summary>
    /// SHA-256 over the base and the patches' changes, in lower-case hexadecimal: equal to that of a ledger
    /// (<see cref="LedgerState"/>) whose present or earlier state it is.
    /// </summary>
    public string Digest => DigestOf(Base, Patches.Select(p => p.Change));

    /// <summary>The digest of a set of patches of a model.</summary>
    /// <param name="model">The fingerprint of the model without them.</param>
    /// <param name="changes">The digests of what they change, in any order.</param>
    public static string DigestOf(string model, IEnumerable<string> changes)
    {
        string text = string.Join('\n', changes.Order(StringComparer.Ordinal).Prepend(model).Prepend(Key));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>
    /// What a file's metadata say, the patches that were applied last at the end: each further entry is of patches that
    /// were made on what the one before it left. Empty where the file says nothing.
    /// </summary>
    /// <param name="metadata">The metadata.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="BadInputException">The text is none that this tool writes.</exception>
    public static IReadOnlyList<AppliedPatches> Read(IReadOnlyDictionary<string, string> metadata, string path)
    {
        if (!metadata.TryGetValue(Key, out string? text))
            return [];
        AppliedPatches[] layers;
        try
        {
            layers = JsonSerializer.Deserialize(text, PatchJson.Default.AppliedPatchesArray) ?? [];
        }
        catch (JsonException e)
        {
            throw Bad(path, JsonPlace.Describe(e, text));
        }
        if (layers.Length is 0 or > MostLayers || layers.Any(l => l is null || !l.IsSound))
            throw Bad(path, "no model's file says this");
        for (int i = 1; i < layers.Length; i++)
        {
            if (layers[i].Base != layers[i - 1].Result)
                throw Bad(path, "its patches are not made on each other");
        }
        return layers;
    }

    /// <summary>What a model's file says, of which nothing but its table of contents is read.</summary>
    /// <param name="path">A safetensors file, a folder with one that an export wrote, or an ONNX file.</param>
    /// <exception cref="BadInputException">
    /// The file cannot be read, is of another kind, or its text is damaged.
    /// </exception>
    public static IReadOnlyList<AppliedPatches> Of(string path)
    {
        string inside = System.IO.Path.Combine(path, ModelExport.WeightsName);
        string file = Directory.Exists(path) && File.Exists(inside) ? inside : path;
        if (file.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase))
            return Read(OnnxPatcher.Properties(file, Key), file);
        using SafeTensorsFile source = SafeTensorsFile.Open(file);
        return Read(source.Metadata, file);
    }

    /// <summary>The text for a file's metadata; null for nothing, where the key is to be absent.</summary>
    public static string? Text(IReadOnlyList<AppliedPatches> layers) =>
        layers.Count == 0 ? null : JsonSerializer.Serialize([.. layers], PatchJson.Default.AppliedPatchesArray);

    /// <summary>
    /// The text for an ONNX file. Of patches on patches it says the last, to which its own base belongs; nothing is
    /// subtracted there.
    /// </summary>
    /// <param name="layers">What the model's own file would say.</param>
    public static string? OnnxText(IReadOnlyList<AppliedPatches> layers) =>
        Text(layers is [.., var last] ? [last with { Undo = null }] : []);

    internal static bool IsHash(string? text) =>
        text is { Length: 64 } && text.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f'));

    bool IsSound =>
        IsHash(Base)
        && IsHash(Result)
        && Patches.Count is > 0 and <= MostPatches
        && Patches.All(p =>
            p is not null
            && IsHash(p.Change)
            && IsHash(p.Sha256)
            && p.Bytes > 0
            && p.Label >= 0
            && p.Classes is null or > 1
        );

    static BadInputException Bad(string path, string why) =>
        BadInput.Damaged(path, $"What {path} says of the patches in it ({Key} in its metadata) is damaged: {why}.");
}
