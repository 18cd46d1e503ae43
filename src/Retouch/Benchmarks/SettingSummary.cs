using System.Text.Json.Serialization;
using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>The mean of a setting's rows: one line of a run's table. Immutable.</summary>
public sealed record SettingSummary
{
    /// <summary>The method's name.</summary>
    public required string Method { get; init; }

    /// <summary>Its settings.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>What the edits are made on.</summary>
    public required BenchMode Mode { get; init; }

    /// <summary>The number of edit samples, or null if it differs from edit to edit.</summary>
    public required int? Samples { get; init; }

    /// <summary>The number of edits.</summary>
    public required int Edits { get; init; }

    /// <summary>The number of groups that they are of.</summary>
    public required int Groups { get; init; }

    /// <summary>SR: the share of edit samples that are right after their edit.</summary>
    public required Estimate Success { get; init; }

    /// <summary>GR, or null if no edit left another image to its group.</summary>
    public required Estimate? Generalization { get; init; }

    /// <summary>LR, in a sequence the mean over its steps, or null if it was not measured.</summary>
    public required Estimate? Locality { get; init; }

    /// <summary>LR over the sensitive images, or null if it was not measured.</summary>
    public required Estimate? SensitiveLocality { get; init; }

    /// <summary>
    /// LR over the sensitive images that were mined for the run, which is how the paper measures it; null where none
    /// were.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Estimate? MinedLocality { get; init; }

    /// <summary>How many these are: those of an edit of which most count. Null where none were mined.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? MinedImages { get; init; }

    /// <summary>
    /// The share of near images that were right which an edit makes wrong, or null if it was not measured.
    /// </summary>
    public required Estimate? NegativeFlips { get; init; }

    /// <summary>How many more near images are right after an edit, the mean; null if it was not measured.</summary>
    public required double? NetGain { get; init; }

    /// <summary>
    /// The same by the near images' folders, <see cref="NearImage.Folder"/>; null where it was not measured.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, NearRate>? NearByFolder { get; init; }

    /// <summary>
    /// The same by class, whatever the source: by the names of the folders alone; null where it was not measured.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, NearRate>? NearByClass { get; init; }

    /// <summary>
    /// The share of earlier edits of a sequence that are still right, the mean over its steps; null elsewhere.
    /// </summary>
    public required Estimate? EarlierSuccess { get; init; }

    /// <summary>The share of all edits of a sequence that are right at its end; null elsewhere.</summary>
    public required double? FinalSuccess { get; init; }

    /// <summary>LR at a sequence's end; null elsewhere and where it was not measured.</summary>
    public required double? FinalLocality { get; init; }

    /// <summary>Mean number of steps.</summary>
    public required double Steps { get; init; }

    /// <summary>Mean seconds an edit.</summary>
    public required double Seconds { get; init; }

    /// <summary>Mean number of units touched.</summary>
    public required double Units { get; init; }

    /// <summary>
    /// Whether no other setting of the table with this mode and number of samples is better in both GR and LR; false
    /// where either was not measured.
    /// </summary>
    public required bool OnFront { get; init; }

    /// <summary>Where the setting stands, or null if GR or LR was not measured.</summary>
    public OperatingPoint? Point() =>
        Generalization is { } generalization && Locality is { } locality
            ? new OperatingPoint(generalization.Mean, locality.Mean)
            : null;

    /// <summary>
    /// Summarizes rows, setting by setting (and by mode and number of samples) in the order of their first rows.
    /// </summary>
    /// <param name="rows">The rows; of one run or of several on the same groups.</param>
    /// <param name="resamples">Draws of the confidence intervals.</param>
    /// <param name="seed">Their seed.</param>
    public static IReadOnlyList<SettingSummary> Of(IReadOnlyList<BenchRow> rows, int resamples = 2000, int seed = 0)
    {
        SettingSummary[] summaries =
        [
            .. rows.GroupBy(r =>
                    (
                        BenchSetting.Describe(r.Method, r.Settings),
                        r.Mode,
                        r.Mode is BenchMode.Batch or BenchMode.Folder ? 0 : r.Samples
                    )
                )
                .Select(setting =>
                {
                    BenchRow? last = setting.MaxBy(r => r.Step);
                    int[] samples = [.. setting.Select(r => r.Samples).Distinct()];
                    bool together = setting.Key.Mode == BenchMode.Folder;
                    BenchRow[] edits = [.. setting.DistinctBy(r => r.Run)]; // of all groups together a row of each
                    BenchRow[][] groups = [.. setting.GroupBy(r => r.Group).Select(g => g.ToArray())];
                    return new SettingSummary
                    {
                        Method = setting.First().Method,
                        Settings = setting.First().Settings,
                        Mode = setting.Key.Mode,
                        Samples =
                            together ? setting.Sum(r => r.Samples) / edits.Length
                            : samples.Length == 1 ? samples[0]
                            : null,
                        Edits = together ? edits.Length : setting.Count(),
                        Groups = groups.Length,
                        Success = together
                            ? Share(groups, r => (r.SamplesRight ?? 0, r.Samples))!.Value
                            : Mean(groups, r => r.SuccessRate)!.Value,
                        Generalization = together
                            ? Share(groups, r => ((r.Generalization ?? 0) * r.Others, r.Others))
                            : Mean(groups, r => r.Generalization),
                        Locality = Mean(groups, r => r.Locality),
                        SensitiveLocality = Mean(groups, r => r.SensitiveLocality),
                        MinedLocality = Mean(groups, r => r.Sensitive?.Rate),
                        MinedImages = setting.Max(r => r.Sensitive?.Images),
                        NegativeFlips = together ? Flipped(edits) : Mean(groups, r => r.NearFlips?.NegativeFlipRate),
                        NetGain = setting.Average(r => r.NearFlips?.NetGain),
                        NearByFolder = Near(groups, folder => folder),
                        NearByClass = Near(groups, folder => folder[(folder.LastIndexOf('/') + 1)..]),
                        EarlierSuccess = Mean(groups, r => r.EarlierSuccess),
                        FinalSuccess = last?.Step is int length
                            ? ((last.EarlierSuccess ?? 0) * (length - 1) + last.SuccessRate) / length
                            : null,
                        FinalLocality = last?.Step is null ? null : last.Locality,
                        Steps = setting.Average(r => r.Steps),
                        Seconds = setting.Average(r => r.Seconds),
                        Units = setting.Average(r => r.Units),
                        OnFront = false,
                    };
                }),
        ];
        // More samples are an easier task: only what was given as many competes.
        foreach (
            int[] measured in Enumerable
                .Range(0, summaries.Length)
                .Where(i => summaries[i].Point() is not null)
                .GroupBy(i =>
                    (
                        summaries[i].Mode,
                        summaries[i].Mode is BenchMode.Batch or BenchMode.Folder ? 0 : summaries[i].Samples
                    )
                )
                .Select(g => g.ToArray())
        )
        {
            foreach (int i in ParetoFront.Of([.. measured.Select(i => summaries[i].Point()!.Value)]))
                summaries[measured[i]] = summaries[measured[i]] with { OnFront = true };
        }
        return summaries;

        SortedDictionary<string, NearRate>? Near(BenchRow[][] groups, Func<string, string> nameOf)
        {
            string[] names =
            [
                .. groups
                    .SelectMany(g => g)
                    .SelectMany(r => r.Near?.Keys ?? [])
                    .Select(nameOf)
                    .Distinct()
                    .Order(StringComparer.Ordinal),
            ];
            if (names.Length == 0)
                return null;
            SortedDictionary<string, NearRate> rates = new(StringComparer.Ordinal);
            foreach (string name in names)
            {
                // An edit whose own group is all of a folder has none of it.
                Flips? Of(BenchRow row) =>
                    row.Near?.Where(f => nameOf(f.Key) == name).Select(f => f.Value).ToArray() is { Length: > 0 } flips
                        ? Flips.Sum(flips)
                        : null;
                rates[name] = new NearRate(
                    Mean(groups, r => Of(r)?.NegativeFlipRate),
                    groups.SelectMany(g => g).Average(r => Of(r)?.NetGain) ?? 0,
                    groups.SelectMany(g => g).Max(r => Of(r)?.Images) ?? 0
                );
            }
            return rates;
        }

        // Over images: the interval is over draws of groups, each with all its images.
        Estimate? Share(BenchRow[][] groups, Func<BenchRow, (double Right, int Images)> of) =>
            Ratio([.. groups.Select(g => (g.Sum(r => of(r).Right), g.Sum(r => of(r).Images)))]);

        // Over right near images; the groups are their folders.
        Estimate? Flipped(BenchRow[] edits) =>
            Ratio([
                .. edits
                    .SelectMany(r => r.Near ?? new Dictionary<string, Flips>())
                    .GroupBy(f => f.Key, f => f.Value)
                    .OrderBy(f => f.Key, StringComparer.Ordinal)
                    .Select(f => ((double)f.Sum(x => x.Broken), f.Sum(x => x.RightBefore))),
            ]);

        Estimate? Ratio((double Sum, int Count)[] all)
        {
            (double Sum, int Count)[] some = [.. all.Where(g => g.Count > 0)];
            return some.Length == 0
                ? null
                : Bootstrap.Of(
                    some.Length,
                    draw => draw.Sum(g => some[g].Sum) / draw.Sum(g => some[g].Count),
                    resamples,
                    seed: seed
                );
        }

        Estimate? Mean(BenchRow[][] groups, Func<BenchRow, double?> value)
        {
            double[][] values = [.. groups.Select(g => g.Select(value).OfType<double>().ToArray())];
            return values.Sum(v => v.Length) == 0 ? null : Bootstrap.Mean(values, resamples, seed: seed);
        }
    }
}
