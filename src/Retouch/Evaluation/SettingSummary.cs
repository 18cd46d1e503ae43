namespace Retouch.Evaluation;

/// <summary>The mean of a setting's rows: one line of a run's table. Immutable.</summary>
public sealed record SettingSummary
{
    /// <summary>The method's name.</summary>
    public required string Method { get; init; }

    /// <summary>Its settings.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>The number of edits.</summary>
    public required int Edits { get; init; }

    /// <summary>The number of groups that they are of.</summary>
    public required int Groups { get; init; }

    /// <summary>SR.</summary>
    public required Estimate Success { get; init; }

    /// <summary>GR.</summary>
    public required Estimate Generalization { get; init; }

    /// <summary>LR; null where it was not measured.</summary>
    public required Estimate? Locality { get; init; }

    /// <summary>LR over the sensitive images; null where it was not measured.</summary>
    public required Estimate? SensitiveLocality { get; init; }

    /// <summary>Mean number of steps.</summary>
    public required double Steps { get; init; }

    /// <summary>Mean seconds an edit.</summary>
    public required double Seconds { get; init; }

    /// <summary>Mean number of units touched.</summary>
    public required double Units { get; init; }

    /// <summary>Whether no other setting of the table is better in both GR and LR; false where LR was not measured.</summary>
    public required bool OnFront { get; init; }

    /// <summary>Where the setting stands; null where LR was not measured.</summary>
    public OperatingPoint? Point() => Locality is { } locality ? new OperatingPoint(Generalization.Mean, locality.Mean) : null;

    /// <summary>Summarizes rows, setting by setting in the order of their first rows.</summary>
    /// <param name="rows">The rows; of one run or of several on the same groups.</param>
    /// <param name="resamples">Draws of the confidence intervals.</param>
    /// <param name="seed">Their seed.</param>
    public static IReadOnlyList<SettingSummary> Of(IReadOnlyList<BenchRow> rows, int resamples = 2000, int seed = 0)
    {
        SettingSummary[] summaries = [.. rows.GroupBy(r => BenchSetting.Describe(r.Method, r.Settings)).Select(setting =>
        {
            BenchRow[][] groups = [.. setting.GroupBy(r => r.Group).Select(g => g.ToArray())];
            return new SettingSummary
            {
                Method = setting.First().Method,
                Settings = setting.First().Settings,
                Edits = setting.Count(),
                Groups = groups.Length,
                Success = Mean(groups, r => r.Success ? 1 : 0)!.Value,
                Generalization = Mean(groups, r => r.Generalization)!.Value,
                Locality = Mean(groups, r => r.Locality),
                SensitiveLocality = Mean(groups, r => r.SensitiveLocality),
                Steps = setting.Average(r => r.Steps),
                Seconds = setting.Average(r => r.Seconds),
                Units = setting.Average(r => r.Units),
                OnFront = false,
            };
        })];
        int[] measured = [.. Enumerable.Range(0, summaries.Length).Where(i => summaries[i].Point() is not null)];
        foreach (int i in ParetoFront.Of([.. measured.Select(i => summaries[i].Point()!.Value)]))
            summaries[measured[i]] = summaries[measured[i]] with { OnFront = true };
        return summaries;

        Estimate? Mean(BenchRow[][] groups, Func<BenchRow, double?> value)
        {
            double[][] values = [.. groups.Select(g => g.Select(value).OfType<double>().ToArray())];
            return values.Sum(v => v.Length) == 0 ? null : Bootstrap.Mean(values, resamples, seed: seed);
        }
    }
}
