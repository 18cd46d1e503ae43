using System.Text.Json.Serialization;

namespace Retouch.Benchmarks;

/// <summary>
/// What a run is: the file <c>run.json</c> beside its rows. The same run has the same manifest. Immutable.
/// </summary>
public sealed record BenchManifest
{
    /// <summary>The file's name.</summary>
    public const string FileName = "run.json";

    /// <summary>Names the run: a hash of all that its rows depend on, in 16 hexadecimal digits.</summary>
    public required string Run { get; init; }

    /// <summary>The model's fingerprint.</summary>
    public required string Model { get; init; }

    /// <summary>What edits are made on.</summary>
    public BenchMode Mode { get; init; }

    /// <summary>The numbers of edit samples that were tried.</summary>
    public IReadOnlyList<int> Samples
    {
        get => field ?? [1];
        init;
    } = [1];

    /// <summary>The most edits in a sequence, or null for all and if edits are not sequential.</summary>
    public int? Sequence { get; init; }

    /// <summary>The number of edits, and so of rows, over all shards.</summary>
    public required int Edits { get; init; }

    /// <summary>The number of groups.</summary>
    public required int Groups { get; init; }

    /// <summary>The number of locality images.</summary>
    public required int LocalityImages { get; init; }

    /// <summary>The number of sensitive ones among them.</summary>
    public required int SensitiveImages { get; init; }

    /// <summary>The number of near images; null where the run has none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? NearImages { get; init; }

    /// <summary>
    /// The number of images among which sensitive ones are sought; null where that is done in the locality set alone.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? SensitiveCandidates { get; init; }

    /// <summary>Below which margin one of them is sensitive; null where none are sought.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? SensitiveMargin { get; init; }

    /// <summary>The most edits per group, or in batch mode images per edit, or null for all of the group's.</summary>
    public required int? MaxEditsPerGroup { get; init; }

    /// <summary>Edits that run as one batch.</summary>
    public required int Batch { get; init; }

    /// <summary>The seed of everything random.</summary>
    public required int Seed { get; init; }

    /// <summary>The methods under their settings, each in a line.</summary>
    public required IReadOnlyList<string> Settings { get; init; }

    /// <summary>What is wrong with a manifest that was read, or null if nothing is.</summary>
    internal string? Defect() =>
        Edits < 1 ? "it has no edits"
        : Groups < 0
        || LocalityImages < 0
        || SensitiveImages < 0
        || SensitiveImages > LocalityImages
        || NearImages < 1
        || SensitiveCandidates < 1
            ? "its numbers of groups and images cannot be"
        : Batch < 1 || MaxEditsPerGroup < 1 || Sequence < 1 || Samples.Any(k => k < 1) || !Enum.IsDefined(Mode)
            ? "its mode, its batch or its numbers of samples cannot be"
        : SensitiveMargin is not (null or (>= 0 and <= 1)) ? "its sensitive margin does not lie in [0,1]"
        : Settings.Contains(null) ? "one of its settings is null"
        : null;
}
