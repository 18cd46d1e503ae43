using System.Text.Json.Serialization;
using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>
/// One edit and what it did. All but <see cref="Seconds"/> and <see cref="Memory"/> depends on the run alone, not on
/// sharding, interruptions or the time of day. Immutable.
/// </summary>
public sealed record BenchRow
{
    /// <summary>The run that the row belongs to, <see cref="BenchManifest.Run"/>.</summary>
    public required string Run { get; init; }

    /// <summary>The edit's place in the run's plan.</summary>
    public required int Edit { get; init; }

    /// <summary>The method's name.</summary>
    public required string Method { get; init; }

    /// <summary>The method's settings.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>The group's name.</summary>
    public required string Group { get; init; }

    /// <summary>What the edit is made on.</summary>
    public BenchMode Mode { get; init; }

    /// <summary>The (first) edit sample's path.</summary>
    public required string Image { get; init; }

    /// <summary>The paths of the other edit samples; empty of one.</summary>
    public IReadOnlyList<string> FurtherImages
    {
        get => field ?? [];
        init;
    } = [];

    // Of a row that does not say it, from before there could be several, the reader makes 0 and null, not the initial
    // values.
    /// <summary>The number of edit samples, k; in an edit of all groups together none may be of this one.</summary>
    public int Samples
    {
        get => Mode == BenchMode.Folder ? field : Math.Max(field, 1);
        init;
    } = 1;

    /// <summary>
    /// How many of them the edited model gives an accepted class; null in rows from before there were several.
    /// </summary>
    public int? SamplesRight { get; init; }

    /// <summary>The class that the edit aims at.</summary>
    public required int Label { get; init; }

    /// <summary>The (first) edit sample's class under the edited model.</summary>
    public required int Predicted { get; init; }

    /// <summary>Whether the edited model gives every edit sample an accepted class.</summary>
    public required bool Success { get; init; }

    /// <summary>
    /// SR of the edit: the share of edit samples that the edited model gives an accepted class, in [0,1].
    /// </summary>
    [JsonIgnore]
    public double SuccessRate =>
        Samples == 0 ? 1
        : SamplesRight is int right ? (double)right / Samples
        : Success ? 1
        : 0;

    /// <summary>
    /// GR of the edit: the share of the group's other images that the edited model gives an accepted class, in [0,1];
    /// null of no other images.
    /// </summary>
    public required double? Generalization { get; init; }

    /// <summary>The number of the group's other images; in a sequence those that no edit saw so far.</summary>
    public required int Others { get; init; }

    /// <summary>
    /// LR of the edit: the share of locality images that keep the unedited model's class, in [0,1]; null of no images.
    /// </summary>
    public required double? Locality { get; init; }

    /// <summary>The same over the sensitive locality images alone.</summary>
    public required double? SensitiveLocality { get; init; }

    /// <summary>The edit's place in its sequence, from 1, or null if edits are not sequential.</summary>
    public int? Step { get; init; }

    /// <summary>
    /// The share of the sequence's earlier edits whose sample the model still gives an accepted class after this
    /// edit, in [0,1]; null at the first step and where edits are not sequential.
    /// </summary>
    public double? EarlierSuccess { get; init; }

    /// <summary>
    /// What is left of the sequence without some of its edits, each taken back alone; null but at its last step, and
    /// where none were to be taken back.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ForgottenEdit>? Forgotten { get; init; }

    /// <summary>
    /// Optimization steps taken; 0 also of an edit that the earlier ones of its sequence made needless.
    /// </summary>
    public required int Steps { get; init; }

    /// <summary>
    /// Time of the edit without measuring it: its batch's time, divided by the batch's edits; in a sequence with
    /// putting the patch into the model and asking that about the image.
    /// </summary>
    public required double Seconds { get; init; }

    /// <summary>Bytes of memory that the process holds after an edit of a sequence; null elsewhere.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Memory { get; init; }

    /// <summary>Units that the edit touches; 0 of an edit that changes whole tensors.</summary>
    public required int Units { get; init; }

    /// <summary>
    /// Numbers that the edit consists of: the weights of its units, or the values or factors that it adds.
    /// </summary>
    public required long Parameters { get; init; }

    /// <summary>
    /// What the edit fixed and what it broke among the near images, without those of its own group, by
    /// <see cref="NearImage.Folder"/>; null where the run has none.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, Flips>? Near { get; init; }

    /// <summary>The same in all.</summary>
    [JsonIgnore]
    public Flips? NearFlips => Near is null ? null : Flips.Sum(Near.Values);

    /// <summary>
    /// What the edit changed among the sensitive images that were sought for the run, without those of its own group;
    /// null where none were sought.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ChangeCount? Sensitive { get; init; }

    /// <summary>What is wrong with a row that was read, or null if nothing is.</summary>
    internal string? Defect() =>
        Settings.Values.Contains(null) || FurtherImages.Contains(null) ? "a setting or an image is null"
        : Edit < 0 || Label < 0 || Predicted < 0 || Others < 0 || Steps < 0 || Units < 0 || Parameters < 0 || Step < 1
            ? "one of its numbers is negative"
        : Seconds < 0 ? "its seconds are negative"
        : Memory < 0 ? "its bytes of memory are negative"
        : Forgotten?.Any(f => f is null || f.Defect) == true ? "its counts of edits that were taken back cannot be"
        : !((double?[])[Generalization, Locality, SensitiveLocality, EarlierSuccess]).All(share =>
            share is null or (>= 0 and <= 1)
        )
            ? "one of its rates does not lie in [0,1]"
        : Near is not null
        && (Near.Values.Any(f => !f.ArePossible) || Near.Values.Sum(f => (long)f.Images) > int.MaxValue)
            ? "its counts of near images cannot be"
        : Sensitive is { ArePossible: false } ? "its counts of sensitive images cannot be"
        : SamplesRight < 0 || SamplesRight > Samples ? "more of its samples are right than it has"
        : !Enum.IsDefined(Mode) ? "its mode is unknown"
        : null;
}
