using Retouch.Benchmarks;

namespace Retouch.Reports;

/// <summary>Groups that methods are compared on: those of one source, or of all.</summary>
/// <param name="Name">The source, or null for all together.</param>
/// <param name="Groups">The groups' names, in order.</param>
/// <param name="Rows">All rows on them.</param>
/// <param name="Settings">The settings under which every group was edited, by one image an edit.</param>
/// <param name="Partial">Settings that some group lacks, which would be compared on other images than the rest.</param>
sealed record ReportSubset(
    string? Name,
    IReadOnlyList<string> Groups,
    IReadOnlyList<BenchRow> Rows,
    IReadOnlyList<ReportSetting> Settings,
    IReadOnlyList<ReportSetting> Partial
)
{
    public string Title => Name?.Replace('_', ' ') ?? "all subsets together";

    /// <summary>Whether some setting's negative flips among near images were counted.</summary>
    public bool HasNear => Settings.Any(s => s.Summary.NegativeFlips is not null);

    /// <summary>How many sensitive images were mined for some setting's runs; null where none were.</summary>
    public int? MinedImages => Settings.Max(s => s.Summary.MinedImages);

    /// <summary>The methods that have a complete setting, in the report's order.</summary>
    public IReadOnlyList<ReportMethod> Methods => [.. Settings.Select(s => s.Method).Distinct()];

    public IReadOnlyList<ReportSetting> Of(ReportMethod method) => [.. Settings.Where(s => s.Method == method)];

    /// <summary>Makes a subset of rows.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="methods">The report's methods.</param>
    /// <param name="options">How intervals are drawn.</param>
    public static ReportSubset Of(
        string? name,
        IReadOnlyList<BenchRow> rows,
        IReadOnlyList<ReportMethod> methods,
        ReportOptions options
    )
    {
        string[] groups = [.. rows.Select(r => r.Group).Distinct().Order(StringComparer.Ordinal)];
        Dictionary<string, ReportMethod> byKey = methods.ToDictionary(m => m.Key);
        BenchRow[] single = [.. rows.Where(IsPublishedProtocol)];
        ILookup<string, BenchRow> bySetting = single.ToLookup(r => BenchSetting.Describe(r.Method, r.Settings));
        HashSet<string> complete =
        [
            .. bySetting.Where(s => s.Select(r => r.Group).Distinct().Count() == groups.Length).Select(s => s.Key),
        ];
        return new ReportSubset(name, groups, rows, Settings(complete.Contains), Settings(s => !complete.Contains(s)));

        // The front is that of the complete ones, so the two kinds are summarized apart.
        ReportSetting[] Settings(Func<string, bool> which) =>
            [
                .. SettingSummary
                    .Of(
                        [.. single.Where(r => which(BenchSetting.Describe(r.Method, r.Settings)))],
                        options.Resamples,
                        options.Seed
                    )
                    .Select(s => (Summary: s, Name: BenchSetting.Describe(s.Method, s.Settings)))
                    .Select(s => new ReportSetting(
                        byKey[ReportMethod.KeyOf(bySetting[s.Name].First())],
                        s.Name,
                        s.Summary,
                        [.. bySetting[s.Name]]
                    ))
                    .OrderBy(s => methods.Index().First(m => m.Item == s.Method).Index)
                    .ThenByDescending(s => s.Number("keep") ?? 0)
                    .ThenBy(s => s.Name, StringComparer.Ordinal),
            ];
    }

    /// <summary>Whether a row is an edit on one image from the unedited model: what methods are compared by.</summary>
    public static bool IsPublishedProtocol(BenchRow row) => row.Mode == BenchMode.Single && row.Samples == 1;
}
