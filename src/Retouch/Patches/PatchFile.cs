using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Retouch.Formats;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Patches;

/// <summary>
/// A patch on disk: a safetensors file that holds, for each matrix it touches, the unit indices
/// (<c>NAME.units</c>, int32 <c>[k]</c>) and the rows that are added (<c>NAME.delta</c>, float32
/// <c>[k,D]</c>; of fc2 the columns, transposed), and the provenance as metadata. A patch of whole tensors
/// (<see cref="TensorDelta"/>) says so in its metadata (<c>kind</c>) and holds, for each tensor that it
/// changes, <c>NAME.add</c>, <c>NAME.left</c> and <c>NAME.right</c> (factors of what is added), or
/// <c>NAME.rows</c> or <c>NAME.columns</c> (what is appended). What a changed matrix read on the patch's images is
/// <c>NAME.keys</c>, and what the last FFN gets of them <c>images.tokens</c> (<see cref="Patch.Tokens"/>); files with
/// either are of version 2, all others of version 1. The same patch gives the same bytes.
/// </summary>
public static class PatchFile
{
    const string Format = "retouch-patch";
    const string Version = "1";
    const string VersionWithKeys = "2";
    const string KeysPart = ".keys";
    const string TensorKind = "tensors";
    const string Tokens = "images.tokens";

    // What a change's tensors are called, after the name of the tensor that changes.
    static readonly (TensorChangeKind Kind, string[] Parts, Func<Tensor[], TensorChange> Make)[] Changes =
    [
        (TensorChangeKind.Add, [".add"], t => TensorChange.Add(t[0])),
        (TensorChangeKind.AddProduct, [".left", ".right"], t => TensorChange.AddProduct(t[0], t[1])),
        (TensorChangeKind.AppendRows, [".rows"], t => TensorChange.AppendRows(t[0])),
        (TensorChangeKind.AppendColumns, [".columns"], t => TensorChange.AppendColumns(t[0])),
    ];

    /// <summary>Writes a patch, atomically.</summary>
    /// <exception cref="BadInputException">
    /// The file cannot be written or the delta is not finite; nothing has changed on the disk.
    /// </exception>
    public static void Save(Patch patch, string path, bool overwrite)
    {
        EditSpace space = patch.Change.Space;
        PatchProvenance provenance = patch.Provenance;
        Dictionary<string, string> metadata = new()
        {
            ["format"] = Format,
            ["version"] = patch.Keys.Count == 0 && patch.Tokens is null ? Version : VersionWithKeys,
            ["model"] = provenance.ModelFingerprint,
            ["space"] = JsonSerializer.Serialize(
                new SpaceJson(space.FirstBlock, space.Blocks, space.Hidden, space.Width, space.IsGated ? true : null),
                PatchJson.Default.SpaceJson
            ),
            ["images"] = JsonSerializer.Serialize([.. provenance.Images], PatchJson.Default.PatchImageArray),
            ["label"] = provenance.Label.ToString(CultureInfo.InvariantCulture),
            ["method"] = provenance.Method,
            ["settings"] = JsonSerializer.Serialize(
                new(provenance.Settings.ToDictionary(), StringComparer.Ordinal),
                PatchJson.Default.SortedDictionaryStringString
            ),
            ["seed"] = provenance.Seed.ToString(CultureInfo.InvariantCulture),
        };
        if (provenance.Float16Fingerprint is not null)
            metadata["modelAsFloat16"] = provenance.Float16Fingerprint;
        if (provenance.BFloat16Fingerprint is not null)
            metadata["modelAsBFloat16"] = provenance.BFloat16Fingerprint;
        if (provenance.LabelName is not null)
            metadata["labelName"] = provenance.LabelName;
        if (provenance.Chosen is not null)
            metadata["chosen"] = provenance.Chosen;
        if (provenance.Statistics is not null)
            metadata["statistics"] = provenance.Statistics;
        if (provenance.Preprocessing is not null)
            metadata["preprocessing"] = provenance.Preprocessing;
        if (provenance.Measurements is not null)
            metadata["measurements"] = JsonSerializer.Serialize(
                provenance.Measurements,
                PatchJson.Default.PatchMeasurements
            );

        if (provenance.Codebook.Count > 0)
            metadata["codebook"] = JsonSerializer.Serialize(
                [.. provenance.Codebook],
                PatchJson.Default.CodebookEntryArray
            );
        if (provenance.On.Count > 0)
            metadata["on"] = JsonSerializer.Serialize([.. provenance.On], PatchJson.Default.StringArray);
        if (patch.Change is TensorDelta)
            metadata["kind"] = TensorKind;

        using DisposeScope scope = NewDisposeScope();
        (string Name, Tensor Tensor)[] tensors =
        [
            .. Parts(patch.Change),
            .. patch.Keys.OrderBy(k => k.Key, StringComparer.Ordinal).Select(k => (k.Key + KeysPart, k.Value)),
        ];
        if (patch.Tokens is not null)
            tensors = [.. tensors, (Tokens, patch.Tokens)];
        if (tensors.FirstOrDefault(t => t.Tensor.dtype == ScalarType.Float32 && !IsFinite(t.Tensor)).Name is string bad)
            throw BadInput.Damaged(
                path,
                $"The patch cannot be written to {path}: its delta of {bad[..bad.LastIndexOf('.')]} holds NaN or "
                    + "infinite values; the edit diverged."
            );
        SafeTensorsWriter.Write(path, tensors, metadata, overwrite);
    }

    /// <summary>
    /// SHA-256 over what the patch changes, in lower-case hexadecimal: equal for patches that do the same, wherever
    /// they come from.
    /// </summary>
    internal static string Digest(Patch patch)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using DisposeScope scope = NewDisposeScope();
        foreach ((string name, Tensor tensor) in Parts(patch.Change))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\0[{string.Join(",", tensor.shape)}]\0"));
            hash.AppendData(tensor.cpu().contiguous().bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>
    /// What a patch's file holds of a change: every tensor by its name there, in one order, in the caller's dispose
    /// scope.
    /// </summary>
    internal static IEnumerable<(string Name, Tensor Tensor)> Parts(ModelDelta change)
    {
        if (change is TensorDelta whole)
            return whole.Changes.SelectMany(c =>
                Changes.First(k => k.Kind == c.Value.Kind).Parts.Zip(c.Value.Tensors, (part, t) => (c.Key + part, t))
            );
        WeightDelta delta = (WeightDelta)change;
        return Enumerable
            .Range(0, delta.Space.Matrices)
            .Where(m => delta.Units[m].Length > 0)
            .SelectMany(m =>
                new (string, Tensor)[]
                {
                    (delta.Space.MatrixName(m) + ".units", tensor(delta.Units[m].ToArray(), ScalarType.Int32)),
                    (delta.Space.MatrixName(m) + ".delta", delta.Rows[m]),
                }
            );
    }

    /// <summary>Reads a patch; the caller disposes it.</summary>
    /// <exception cref="BadInputException">The file cannot be read or is not a patch; the message says why.</exception>
    public static Patch Load(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        if (!file.Metadata.TryGetValue("format", out string? format) || format != Format)
            throw BadInput.Mismatch(
                path,
                $"{path} is a safetensors file but not a patch.",
                Remedy.GiveMade(Artifact.Patch)
            );
        if (Text("version") is not (Version or VersionWithKeys))
            throw BadInput.Unsupported(
                path,
                $"{path} is a patch of version {Text("version")}; this Retouch reads versions {Version} and "
                    + $"{VersionWithKeys}."
            );

        using DisposeScope scope = NewDisposeScope();
        SpaceJson shape = Parse("space", PatchJson.Default.SpaceJson);
        EditSpace space =
            EditSpace.FromShape(shape.FirstBlock, shape.Blocks, shape.Hidden, shape.Width, shape.Gated == true)
            ?? throw Bad("the edit space in its metadata is impossible");
        if (
            !int.TryParse(Text("label"), CultureInfo.InvariantCulture, out int label)
            || label < 0
            || !int.TryParse(Text("seed"), CultureInfo.InvariantCulture, out int seed)
        )
            throw Bad("its label or seed is not a number");
        PatchProvenance provenance = new()
        {
            ModelFingerprint = Text("model"),
            Float16Fingerprint = file.Metadata.GetValueOrDefault("modelAsFloat16"),
            BFloat16Fingerprint = file.Metadata.GetValueOrDefault("modelAsBFloat16"),
            Images = Parse("images", PatchJson.Default.PatchImageArray),
            Label = label,
            LabelName = file.Metadata.GetValueOrDefault("labelName"),
            Method = Text("method"),
            Chosen = file.Metadata.GetValueOrDefault("chosen"),
            Statistics = file.Metadata.GetValueOrDefault("statistics"),
            Settings = Parse("settings", PatchJson.Default.SortedDictionaryStringString),
            Seed = seed,
            Preprocessing = file.Metadata.GetValueOrDefault("preprocessing"),
            Codebook = file.Metadata.ContainsKey("codebook")
                ? Parse("codebook", PatchJson.Default.CodebookEntryArray)
                : [],
            On = file.Metadata.ContainsKey("on") ? Parse("on", PatchJson.Default.StringArray) : [],
            Measurements = file.Metadata.ContainsKey("measurements")
                ? Parse("measurements", PatchJson.Default.PatchMeasurements)
                : null,
        };
        // Neither nulls in lists nor numbers beyond a double's range are beneath JSON.
        if (provenance.Images.Contains(null))
            throw Unlike("images");
        if (provenance.On.Contains(null))
            throw Unlike("on");
        if (provenance.Settings.Values.Contains(null))
            throw Unlike("settings");
        if (
            provenance.Measurements is { } measured
            && (
                measured.Steps < 0
                || measured.LocalityRate is not (null or (>= 0 and <= 1))
                || measured.LocalityImages < 0
            )
        )
            throw Unlike("measurements");
        if (
            provenance.Codebook.Any(e =>
                e is null || e.Unit < 0 || e.Unit >= space.Hidden || e.Label < 0 || !(e.Radius > 0)
            )
        )
            throw Unlike("codebook");
        string[] keyed =
            Text("version") == VersionWithKeys
                ? [.. file.Tensors.Keys.Where(n => n.EndsWith(KeysPart, StringComparison.Ordinal))]
                : [];
        bool hasTokens = Text("version") == VersionWithKeys && file.Tensors.ContainsKey(Tokens);
        if (
            hasTokens
            && (
                file.Tensors[Tokens].DType != TensorDType.F16
                || !file.Tensors[Tokens].Shape.SequenceEqual([provenance.Images.Count, space.Width])
            )
        )
            throw Bad("what it keeps of its images does not fit them");
        Tensor? tokens = hasTokens ? file.Read(Tokens) : null;
        if (tokens is not null && !IsFinite(tokens))
            throw Bad("what it keeps of its images holds NaN or infinite values");
        ModelDelta change = file.Metadata.GetValueOrDefault("kind") == TensorKind ? WholeTensors() : Rows();
        return new Patch(change, provenance)
        {
            Keys = keyed.ToDictionary(n => n[..^KeysPart.Length], Keys),
            Tokens = tokens?.DetachFromDisposeScope(),
        };

        WeightDelta Rows()
        {
            int[][] units = new int[space.Matrices][];
            Tensor[] rows = new Tensor[space.Matrices];
            int used = 0;
            for (int m = 0; m < space.Matrices; m++)
            {
                string name = space.MatrixName(m);
                if (
                    !file.Tensors.TryGetValue(name + ".units", out TensorEntry? unitsEntry)
                    | !file.Tensors.TryGetValue(name + ".delta", out TensorEntry? deltaEntry)
                )
                {
                    if (unitsEntry is not null || deltaEntry is not null)
                        throw Bad($"{name} has units without a delta or a delta without units");
                    (units[m], rows[m]) = ([], zeros([0, space.Width]));
                    continue;
                }
                used += 2;
                if (
                    unitsEntry!.DType != TensorDType.I32
                    || deltaEntry!.DType != TensorDType.F32
                    || unitsEntry.Shape.Count != 1
                    || !deltaEntry.Shape.SequenceEqual([unitsEntry.Shape[0], space.Width])
                )
                    throw Bad($"the units and delta of {name} do not fit together");
                units[m] = file.Read(name + ".units").data<int>().ToArray();
                rows[m] = file.Read(name + ".delta");
                if (!IsFinite(rows[m]))
                    throw Bad($"the delta of {name} holds NaN or infinite values");
            }
            if (used + keyed.Length + (hasTokens ? 1 : 0) != file.Tensors.Count)
                throw Bad("it holds tensors that belong to no matrix of its edit space");
            try
            {
                return new WeightDelta(new UnitSelection(space, units), rows);
            }
            catch (ArgumentException)
            {
                throw Bad($"its unit indices do not increase within 0 … {space.Hidden - 1}");
            }
        }

        TensorDelta WholeTensors()
        {
            Dictionary<string, TensorChange> changes = [];
            int used = 0;
            try
            {
                foreach (string part in file.Tensors.Keys.Where(n => n != Tokens))
                {
                    foreach (
                        (_, string[] parts, Func<Tensor[], TensorChange> make) in Changes.Where(c =>
                            part.EndsWith(c.Parts[0], StringComparison.Ordinal)
                        )
                    )
                    {
                        string name = part[..^parts[0].Length];
                        if (
                            parts.Any(p =>
                                !file.Tensors.TryGetValue(name + p, out TensorEntry? entry)
                                || entry.DType != TensorDType.F32
                            )
                        )
                            throw Bad($"its change of {name} is not complete");
                        Tensor[] values = [.. parts.Select(p => file.Read(name + p))];
                        if (!values.All(IsFinite))
                            throw Bad($"the delta of {name} holds NaN or infinite values");
                        changes.Add(name, make(values));
                        used += parts.Length;
                    }
                }
                if (used + keyed.Length + (hasTokens ? 1 : 0) != file.Tensors.Count)
                    throw Bad("it holds tensors that are no change of a tensor");
                return new TensorDelta(space, changes);
            }
            catch (ArgumentException)
            {
                throw Bad("its changes are not those of tensors after its edit space's first attention");
            }
        }

        Tensor Keys(string stored)
        {
            string name = stored[..^KeysPart.Length];
            long read = name.EndsWith("mlp.fc2.weight", StringComparison.Ordinal) ? space.Hidden : space.Width;
            TensorEntry entry = file.Tensors[stored];
            if (
                !change.Names.Contains(name)
                || entry.DType != TensorDType.F32
                || entry.Shape is not [> 0, long each]
                || each != read
            )
                throw Bad($"its keys of {name} are not those of a matrix that it changes");
            Tensor keys = file.Read(stored);
            return IsFinite(keys)
                ? keys.DetachFromDisposeScope()
                : throw Bad($"its keys of {name} hold NaN or infinite values");
        }

        string Text(string key) =>
            file.Metadata.TryGetValue(key, out string? value) ? value : throw Bad($"its metadata lack '{key}'");

        T Parse<T>(string key, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        {
            try
            {
                return JsonSerializer.Deserialize(Text(key), type) ?? throw Bad($"its metadata '{key}' are empty");
            }
            catch (JsonException e)
            {
                throw Bad(
                    $"its metadata '{key}' are not the JSON that a patch has: {JsonPlace.Describe(e, Text(key))}"
                );
            }
        }

        BadInputException Unlike(string key) => Bad($"its metadata '{key}' are not the JSON that a patch has");

        BadInputException Bad(string why) => BadInput.Damaged(path, $"{path} is a damaged patch: {why}.");
    }

    static bool IsFinite(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        return values.isfinite().all().item<bool>();
    }
}
