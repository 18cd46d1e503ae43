using System.Text.Json;
using System.Text.Json.Serialization;
using Retouch.Patches;

namespace Retouch.Cli.Verbs;

sealed record LedgerImageJson(
    string Sha256,
    string Name,
    int Label,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? LabelName,
    bool Kept
);

sealed record LedgerEntryJson
{
    public required int Number { get; init; }
    public required string Id { get; init; }
    public required IReadOnlyList<string> On { get; init; }

    /// <summary><c>init</c>, <c>add</c> or <c>revert</c>.</summary>
    public required string Entry { get; init; }
    public required string Author { get; init; }
    public required DateTimeOffset Time { get; init; }
    public required string Reason { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required LedgerPatch? Patch { get; init; }

    public required IReadOnlyList<LedgerImageJson> Images { get; init; }
    public required IReadOnlyList<string> Reverts { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required JsonElement? Criteria { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required JsonElement? Check { get; init; }

    /// <summary>Whether its patch is in the present state.</summary>
    public required bool In { get; init; }

    public static LedgerEntryJson Of(Ledger ledger, LedgerEntry entry) =>
        new()
        {
            Number = entry.Number,
            Id = entry.Id,
            On = entry.On,
            Entry = entry.Kind.ToString().ToLowerInvariant(),
            Author = entry.Author,
            Time = entry.Time,
            Reason = entry.Reason,
            Patch = entry.Patch,
            Images = [.. entry.Images.Select(i => new LedgerImageJson(i.Sha256, i.Name, i.Label, i.LabelName, i.Kept))],
            Reverts = entry.Reverts,
            Criteria = entry.Criteria is string criteria ? JsonElement.Parse(criteria) : null,
            Check = entry.Check is string check ? JsonElement.Parse(check) : null,
            In = entry.Patch is { } patch && ledger.Holds(patch),
        };
}

sealed record LedgerJson(
    string Ledger,
    string Base,
    string Digest,
    string History,
    IReadOnlyList<string> Heads,
    IReadOnlyList<LedgerEntryJson> Entries
);

sealed record LedgerBuildJson(
    string Model,
    string Ledger,
    int At,
    string Base,
    string Fingerprint,
    string Digest,
    IReadOnlyList<LedgerPatch> Patches
);

sealed record LedgerPromiseJson(
    int Entry,
    string Patch,
    string Image,
    string Sha256,
    ClassJson Label,
    ClassJson? Predicted,
    double? Probability,
    bool? Right,
    string? Path,
    string? Why
);

sealed record LedgerVerifyJson(
    string Ledger,
    int At,
    string Fingerprint,
    string Digest,
    int Promised,
    int Right,
    int Broken,
    int Missing,
    IReadOnlyList<LedgerPromiseJson> Promises
);

sealed record LedgerDiffJson(
    string First,
    string Second,
    bool SameBase,
    IReadOnlyList<LedgerEntryJson> OnlyInFirst,
    IReadOnlyList<LedgerEntryJson> OnlyInSecond,
    IReadOnlyList<LedgerPatch> PatchesOnlyInFirst,
    IReadOnlyList<LedgerPatch> PatchesOnlyInSecond
);

sealed record EditLayerJson(string Base, string Result, string Digest, IReadOnlyList<AppliedPatch> Patches);

/// <summary>What a model's file says of the patches in it.</summary>
/// <param name="Model">The file.</param>
/// <param name="Edits">The patches that were applied together, the last at the end; empty for none.</param>
/// <param name="Ledger">The ledger that was given.</param>
/// <param name="At">The last of its entries after which these were its patches; null where it never had them.</param>
sealed record ModelEditsJson(string Model, IReadOnlyList<EditLayerJson> Edits, string? Ledger, int? At);
