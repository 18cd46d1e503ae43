using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Locating;

/// <summary>What all samples of a target bank have in common. Immutable; equal manifests have equal samples.</summary>
public sealed record TargetBankManifest
{
    /// <summary>The fingerprint of the model, <see cref="VitModel.Fingerprint"/>.</summary>
    public required string Model { get; init; }

    /// <summary>The first editable block, zero-based.</summary>
    public required int FirstBlock { get; init; }

    /// <summary>The number of editable blocks.</summary>
    public required int Blocks { get; init; }

    /// <summary>The window of editable blocks, as <see cref="EditSpace.BlockRange"/>.</summary>
    [JsonIgnore]
    public string BlockRange => EditSpace.Range(FirstBlock, Blocks);

    /// <summary>Hidden units of an FFN, H.</summary>
    public required int Hidden { get; init; }

    /// <summary>Whether the FFNs are gated, so that a block has three matrices to score.</summary>
    // Banks of plain ViTs say nothing of it, as those from before it was known.
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Gated { get; init; }

    /// <summary>Matrices whose units a sample scores.</summary>
    [JsonIgnore]
    public int Matrices => (Gated ? 3 : 2) * Blocks;

    /// <summary>Width of the features, D.</summary>
    public required int Width { get; init; }

    /// <summary>Numbers that the classifier reads of an image; null for the width.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Read { get; init; }

    /// <summary>The number of images that the samples are made of.</summary>
    public required int Images { get; init; }

    /// <summary>The hash of the images, in their order.</summary>
    public required string ImagesSha256 { get; init; }

    /// <summary>How images become pixels.</summary>
    public required string Preprocessing { get; init; }

    /// <summary>The seed of the samples.</summary>
    public required int Seed { get; init; }

    /// <summary>The solver's settings, by name.</summary>
    public required SortedDictionary<string, string> Settings { get; init; }

    /// <summary>SHA-256 of the manifest: what a shard names as its bank.</summary>
    public string Identity() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ToJson())));

    internal string ToJson() => JsonSerializer.Serialize(this, ManifestJson.Default.TargetBankManifest);

    /// <summary>Reads <see cref="ToJson"/>'s text.</summary>
    /// <exception cref="BadInputException">It is not a manifest.</exception>
    internal static TargetBankManifest FromJson(string json, string source)
    {
        try
        {
            TargetBankManifest manifest =
                JsonSerializer.Deserialize(json, ManifestJson.Default.TargetBankManifest)
                ?? throw new JsonException("it is null");
            return
                manifest.Settings.ContainsValue(null!)
                || EditSpace.FromShape(
                    manifest.FirstBlock,
                    manifest.Blocks,
                    manifest.Hidden,
                    manifest.Width,
                    manifest.Gated
                )
                    is null
                || manifest.Images < 1
                || manifest.Read is < 1 or > 1 << 21
                ? throw BadInput.Damaged(
                    source,
                    $"{source} is not the manifest of a target bank: its values are impossible."
                )
                : manifest;
        }
        catch (JsonException e)
        {
            throw BadInput.Mismatch(
                source,
                $"{source} is not the manifest of a target bank: {JsonPlace.Describe(e, json)}.",
                cause: e
            );
        }
    }

    /// <summary>Each difference from another manifest, in words; empty where they are equal.</summary>
    internal IEnumerable<string> Differences(TargetBankManifest other)
    {
        (string, string, string)[] values =
        [
            ("model", Model, other.Model),
            (
                "blocks",
                $"{FirstBlock} to {FirstBlock + Blocks - 1}",
                $"{other.FirstBlock} to {other.FirstBlock + other.Blocks - 1}"
            ),
            ("units of a matrix", $"{Hidden}", $"{other.Hidden}"),
            ("gated", $"{Gated}", $"{other.Gated}"),
            ("width", $"{Width}", $"{other.Width}"),
            ("numbers read of an image", $"{Read ?? Width}", $"{other.Read ?? other.Width}"),
            ("images", $"{Images} (SHA-256 {ImagesSha256})", $"{other.Images} (SHA-256 {other.ImagesSha256})"),
            ("preprocessing", Preprocessing, other.Preprocessing),
            ("seed", $"{Seed}", $"{other.Seed}"),
            .. Settings
                .Keys.Union(other.Settings.Keys)
                .Order(StringComparer.Ordinal)
                .Select(k => (k, Settings.GetValueOrDefault(k, "none"), other.Settings.GetValueOrDefault(k, "none"))),
        ];
        return values.Where(v => v.Item2 != v.Item3).Select(v => $"{v.Item1} {v.Item2}, not {v.Item3}");
    }
}
