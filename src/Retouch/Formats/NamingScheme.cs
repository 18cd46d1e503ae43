using System.Text.RegularExpressions;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// How a family of checkpoints names a ViT's tensors: a table from canonical names to the file's, with
/// <c>{i}</c> for the block's number. A scheme is data; the model knows none of them. Immutable.
/// </summary>
public sealed record NamingScheme
{
    /// <summary>The scheme's name, as it is printed.</summary>
    public required string Name { get; init; }

    /// <summary>Canonical name to the file's name, both with <c>{i}</c> in place of the block's number.</summary>
    public required IReadOnlyDictionary<string, string> Names { get; init; }

    /// <summary>timm's names, which are the canonical ones.</summary>
    public static NamingScheme Timm { get; } = new() { Name = "timm", Names = CanonicalNames().ToDictionary(n => n) };

    /// <summary>Every scheme that a file is tried against.</summary>
    public static IReadOnlyList<NamingScheme> All { get; } = [Timm];

    /// <summary>
    /// The scheme of a file and the prefix that its training script left on the names, recognized by the
    /// patch projection.
    /// </summary>
    /// <param name="fileNames">The names of the file's tensors.</param>
    /// <returns>The scheme and prefix, or null where no scheme fits.</returns>
    public static (NamingScheme Scheme, string Prefix)? Recognize(IEnumerable<string> fileNames)
    {
        string[] names = [.. fileNames];
        foreach (NamingScheme scheme in All)
        {
            string marker = scheme.Names[VitNames.PatchWeight];
            string? found = names.Where(n => n == marker || n.EndsWith("." + marker, StringComparison.Ordinal)).MinBy(n => n.Length);
            if (found is not null)
                return (scheme, found[..^marker.Length]);
        }
        return null;
    }

    /// <summary>
    /// Maps a file's tensors under a prefix to canonical names. A name that the scheme does not know stays
    /// as it is, so that whoever builds the model can refuse it by name.
    /// </summary>
    /// <returns>Canonical name to the file's name.</returns>
    public IReadOnlyDictionary<string, string> Map(IEnumerable<string> fileNames, string prefix)
    {
        (Regex Pattern, string Canonical)[] patterns = [.. Names.Select(n =>
            (new Regex("^" + Regex.Escape(n.Value).Replace(@"\{i}", @"(\d{1,4})", StringComparison.Ordinal) + "$", RegexOptions.CultureInvariant), n.Key))];
        Dictionary<string, string> map = new(StringComparer.Ordinal);
        foreach (string file in fileNames.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)))
        {
            string bare = file[prefix.Length..];
            (Match? match, string canonical) = patterns.Select(p => (p.Pattern.Match(bare), p.Canonical)).FirstOrDefault(m => m.Item1.Success);
            map[match is null ? bare : canonical.Replace("{i}", match.Groups[1].Value, StringComparison.Ordinal)] = file;
        }
        return map;
    }

    static IEnumerable<string> CanonicalNames()
    {
        string[] block =
        [
            "norm1.weight", "norm1.bias", "attn.qkv.weight", "attn.qkv.bias", "attn.proj.weight", "attn.proj.bias",
            "norm2.weight", "norm2.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias",
        ];
        return
        [
            VitNames.ClassToken, VitNames.Positions, VitNames.PatchWeight, VitNames.PatchBias,
            VitNames.NormWeight, VitNames.NormBias, VitNames.HeadWeight, VitNames.HeadBias,
            .. block.Select(t => "blocks.{i}." + t),
        ];
    }
}
