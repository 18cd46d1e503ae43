using System.Globalization;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>Says of a file that holds no classifier as Retouch knows them what it holds instead.</summary>
static class UnknownModel
{
    const string Patches = "embeddings.patch_embeddings.projection.weight";
    const string Block = "encoder.layer.0.layernorm_before.weight";
    const int MostNamed = 6;

    static readonly string[] Backbone = ["embeddings.", "encoder.", "layernorm.", "pooler."];

    /// <summary>Why no naming scheme fits a file.</summary>
    /// <param name="source">The file.</param>
    /// <param name="forced">The only scheme that was tried, or null for all.</param>
    public static BadInputException Explain(ITensorSource source, NamingScheme? forced)
    {
        string[] names = [.. source.Tensors.Keys];
        if (forced is not null)
            return BadInput.Unsupported(
                source.Path,
                $"{source.Path} holds no ViT under the names of {forced.Name}: no tensor is called "
                    + $"{forced.Marker}."
            );
        if (ForeignTensors.HasAdapter(names))
            return BadInput.Unsupported(
                source.Path,
                $"{source.Path} is an adapter (LoRA or of its kind) without the model that it belongs to; merge "
                    + "it into its model first, in Python with merge_and_unload(), and save that. It holds "
                    + $"{Listed(source, names)}."
            );
        if (ForeignTensors.Refusal(names) is { } foreign)
            return foreign.At(source.Path);
        if (
            names.FirstOrDefault(n => n.EndsWith(Patches, StringComparison.Ordinal)) is string patches
            && patches[..^Patches.Length] is string root
            && names.Contains(root + Block)
        )
        {
            string[] others =
            [
                .. names.Where(n => !Backbone.Any(part => n.StartsWith(root + part, StringComparison.Ordinal))),
            ];
            return BadInput.Missing(
                source.Path,
                $"{source.Path} has no classifier: it holds transformers' bare "
                    + $"ViTModel{(root.Length == 0 ? "" : $" under {root}")}. {Besides(source, others)}"
            );
        }
        return BadInput.Unsupported(
            source.Path,
            $"{source.Path} holds no ViT under a known naming scheme: none of its "
                + $"{names.Length.ToString(CultureInfo.InvariantCulture)} tensors is called "
                + $"{string.Join(", ", NamingSchemes.All.Select(s => $"{s.Marker} ({s.Name})"))}; its first is "
                + $"{UserText.Quote(names.FirstOrDefault() ?? "")}."
        );
    }

    /// <summary>What stands in a file whose ViT has no classifier.</summary>
    /// <param name="source">The file.</param>
    /// <param name="scheme">Its scheme.</param>
    /// <param name="prefix">Its prefix.</param>
    /// <param name="names">Canonical name to the file's tensors.</param>
    public static BadInputException WithoutClassifier(
        ITensorSource source,
        NamingScheme scheme,
        string prefix,
        IReadOnlyDictionary<string, NamedTensor[]> names
    )
    {
        HashSet<string> own =
        [
            .. names.Where(n => scheme.InFile(n.Key).Length > 0).SelectMany(n => n.Value).Select(n => n.InFile),
        ];
        return BadInput.Missing(
            source.Path,
            $"{source.Path} has no classifier: no tensor is called "
                + $"{scheme.Spelled(VitNames.HeadWeight, names, prefix)}, so that it is a backbone under the names of "
                + $"{scheme.Name}. {Besides(source, [.. source.Tensors.Keys.Where(n => !own.Contains(n))])}"
        );
    }

    static string Besides(ITensorSource source, string[] others) =>
        others.Length == 0
            ? $"All of its {source.Tensors.Count.ToString(CultureInfo.InvariantCulture)} tensors belong to that, from "
                + $"{source.Tensors.Keys.First()} to {source.Tensors.Keys.Last()}."
            : $"Besides, it holds {Listed(source, others)}.";

    static string Listed(ITensorSource source, string[] names)
    {
        IEnumerable<string> named = names
            .Take(MostNamed)
            .Select(n => $"{UserText.Quote(n).Trim('"')} {UserText.Shape(source.Tensors[n].Shape)}");
        int more = names.Length - MostNamed;
        return string.Join(", ", named) + (more > 0 ? $" and {more.ToString(CultureInfo.InvariantCulture)} more" : "");
    }
}
