using Retouch.Benchmarks;
using Retouch.Reports;

namespace Retouch.Tests.Reports;

/// <summary>Runs made up for reports.</summary>
static class ReportSamples
{
    public const string Model = "00000000000000000000000000000000000000000000000000000000000000aa";

    public static BenchRow Row(
        string group,
        string image,
        string method,
        double gr,
        double? lr,
        params (string Key, string Value)[] settings
    ) =>
        new()
        {
            Run = "0123456789abcdef",
            Edit = 0,
            Method = method,
            Settings = new SortedDictionary<string, string>(
                settings.ToDictionary(s => s.Key, s => s.Value),
                StringComparer.Ordinal
            ),
            Group = group,
            Image = image,
            Label = 1,
            Predicted = 1,
            Success = true,
            Generalization = gr,
            Others = 4,
            Locality = lr,
            SensitiveLocality = lr is null ? null : 0.5,
            Steps = 10,
            Seconds = 0.25,
            Units = 100,
            Parameters = 19200,
        };

    public static BenchRow Masked(string group, string image, string locator, string keep, double gr, double? lr) =>
        Row(
            group,
            image,
            "masked-fine-tuning",
            gr,
            lr,
            ("locator", locator),
            ("keep", keep),
            ("lr", "0.0001"),
            ("steps", "100")
        );

    public static ReportRun Run(
        IReadOnlyList<BenchRow> rows,
        string name = "run",
        int seed = 0,
        int? edits = null,
        string model = Model
    ) =>
        new(
            name,
            new BenchManifest
            {
                Run = "0123456789abcdef",
                Model = model,
                Edits = edits ?? rows.Count,
                Groups = rows.Select(r => r.Group).Distinct().Count(),
                LocalityImages = 300,
                SensitiveImages = 11,
                MaxEditsPerGroup = 5,
                Batch = 12,
                Seed = seed,
                Settings = [.. rows.Select(r => BenchSetting.Describe(r.Method, r.Settings)).Distinct()],
            },
            [.. rows.Select((r, i) => r with { Edit = i })]
        );

    /// <summary>
    /// Two groups, gradient masks of two sizes and random ones of one: means that can be computed in the head.
    /// </summary>
    public static BenchRow[] Paintings() =>
        [
            Masked("art/elephant→51", "a", "gradient", "0.5", 0.9, 0.96),
            Masked("art/elephant→51", "b", "gradient", "0.5", 0.7, 0.98),
            Masked("art/horse→2", "c", "gradient", "0.5", 0.2, 0.97),
            Masked("art/horse→2", "d", "gradient", "0.5", 0.6, 0.97),
            Masked("art/elephant→51", "a", "gradient", "0.1", 0.5, 0.99),
            Masked("art/elephant→51", "b", "gradient", "0.1", 0.3, 0.99),
            Masked("art/horse→2", "c", "gradient", "0.1", 0.2, 0.99),
            Masked("art/horse→2", "d", "gradient", "0.1", 0.2, 0.99),
            Masked("art/elephant→51", "a", "random", "0.1", 0.3, 0.98),
            Masked("art/elephant→51", "b", "random", "0.1", 0.3, 0.98),
            Masked("art/horse→2", "c", "random", "0.1", 0.2, 0.98),
            Masked("art/horse→2", "d", "random", "0.1", 0.0, 0.98),
        ];

    public static BenchRow[] Photos() =>
        [
            .. Paintings()
                .Where(r => r.Settings["keep"] == "0.1")
                .Select(r =>
                    r with
                    {
                        Group = r.Group.Replace("art/", "photo/", StringComparison.Ordinal),
                        Generalization = 1,
                        Locality = 0.995,
                    }
                ),
        ];
}
