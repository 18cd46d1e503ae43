using Retouch.Benchmarks;
using Retouch.Measurement;

namespace Retouch.Reports;

/// <summary>
/// Runs put together for comparison: subsets, one for each source of groups and one for all, methods, and how they
/// score. Runs on the same groups are one subset, whichever settings each has. Immutable.
/// </summary>
public sealed class BenchComparison
{
    BenchComparison(
        IReadOnlyList<ReportRun> runs,
        ReportOptions options,
        IReadOnlyList<ReportMethod> methods,
        IReadOnlyList<ReportSubset> subsets,
        int duplicates
    )
    {
        (Runs, Options, Methods, Subsets, Duplicates) = (runs, options, methods, subsets, duplicates);
        Together =
            subsets.Count < 2 ? null : ReportSubset.Of(null, [.. subsets.SelectMany(s => s.Rows)], methods, options);
        ReportSubset[] all = [.. subsets, .. Together is null ? (ReportSubset[])[] : [Together]];
        Scores = [.. all.SelectMany(s => s.Methods.Select(m => ScoreOf(s, m, options)).OfType<MethodScore>())];
        AgainstRandom = [.. subsets.SelectMany(s => Differences(s, options))];
    }

    /// <summary>The runs, in the order given.</summary>
    public IReadOnlyList<ReportRun> Runs { get; }

    /// <summary>What methods are compared by.</summary>
    public ReportOptions Options { get; }

    /// <summary>
    /// How each method scores in each subset where LR was measured, and then in all together if there are several.
    /// </summary>
    public IReadOnlyList<MethodScore> Scores { get; }

    /// <summary>Every locator's masks against random ones of the same size.</summary>
    public IReadOnlyList<PairedDifference> AgainstRandom { get; }

    /// <summary>
    /// The rows of each setting over all subsets, the one to show first: by GR among those whose LR reaches the middle
    /// level, then the others by LR.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<BenchRow>> BySetting()
    {
        double level = Options.LocalityLevels[Options.LocalityLevels.Count / 2];
        return
        [
            .. Subsets
                .SelectMany(s => s.Settings)
                .GroupBy(s => s.Name)
                .Select(s => (BenchRow[])[.. s.SelectMany(x => x.Rows)])
                .OrderByDescending(rows =>
                    rows.Average(r => r.Locality) is double locality ? Math.Min(locality, level) : -1
                )
                .ThenByDescending(rows => rows.Average(r => r.Generalization)),
        ];
    }

    internal IReadOnlyList<ReportMethod> Methods { get; }

    internal IReadOnlyList<ReportSubset> Subsets { get; }

    internal ReportSubset? Together { get; }

    /// <summary>The number of rows left out since another run has the same edit.</summary>
    internal int Duplicates { get; }

    /// <summary>Puts runs together.</summary>
    /// <param name="runs">At least one.</param>
    /// <param name="options">What to compare by, or null for the default.</param>
    /// <exception cref="BadInputException">An option is out of range, or the runs are of different models.</exception>
    /// <exception cref="ArgumentException">There is no run.</exception>
    public static BenchComparison Of(IReadOnlyList<ReportRun> runs, ReportOptions? options = null)
    {
        options ??= new ReportOptions();
        options.Validate();
        if (runs.Count == 0)
            throw new ArgumentException("A comparison needs a run.", nameof(runs));
        if (runs.FirstOrDefault(r => r.Manifest.Model != runs[0].Manifest.Model) is { } other)
            throw BadInput.Mismatch(
                null,
                $"The run {other.Name} is of the model {other.Manifest.Model}, but {runs[0].Name} is of "
                    + $"{runs[0].Manifest.Model}; a report compares methods on one model."
            );

        HashSet<object> seen = [];
        int duplicates = 0;
        List<(string Source, BenchRow[] Rows)> parts = [];
        // Of the same edit in two runs, the row that counted near harm says more, and so does one on sensitive images.
        foreach (
            ReportRun run in runs.OrderBy(r => r.Manifest.NearImages is null)
                .ThenBy(r => r.Manifest.SensitiveCandidates is null)
        )
        {
            List<BenchRow> kept = [];
            foreach (BenchRow row in run.Rows)
            {
                if (
                    seen.Add(
                        (
                            run.Manifest.Seed,
                            BenchSetting.Describe(row.Method, row.Settings),
                            row.Group,
                            row.Image,
                            row.Mode,
                            row.Samples,
                            row.Step
                        )
                    )
                )
                    kept.Add(row);
                else
                    duplicates++;
            }
            parts.AddRange(kept.GroupBy(r => r.Group.Split('/')[0]).Select(s => (s.Key, s.ToArray())));
        }
        ReportMethod[] methods = [.. ReportMethod.Of(parts.SelectMany(p => p.Rows))];
        ReportSubset[] subsets = [.. Gather(parts).Select(s => ReportSubset.Of(s.Name, s.Rows, methods, options))];
        return new BenchComparison(runs, options, methods, subsets, duplicates);
    }

    /// <summary>
    /// Parts of one source belong together where one's groups are among the other's: an interrupted run has not come
    /// to all groups. Two benchmarks of one source stay apart.
    /// </summary>
    static IEnumerable<(string Name, BenchRow[] Rows)> Gather(List<(string Source, BenchRow[] Rows)> parts)
    {
        foreach (var source in parts.GroupBy(p => p.Source).OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            List<(HashSet<string> Groups, List<BenchRow> Rows)> subsets = [];
            foreach (
                (_, BenchRow[] rows) in source.OrderByDescending(p => p.Rows.Select(r => r.Group).Distinct().Count())
            )
            {
                HashSet<string> groups = [.. rows.Select(r => r.Group)];
                int home = subsets.FindIndex(s => groups.IsSubsetOf(s.Groups));
                if (home < 0)
                    subsets.Add((groups, [.. rows]));
                else
                    subsets[home].Rows.AddRange(rows);
            }
            foreach ((int i, (_, List<BenchRow> rows)) in subsets.Index())
                yield return (subsets.Count == 1 ? source.Key : $"{source.Key} ({i + 1})", [.. rows]);
        }
    }

    static MethodScore? ScoreOf(ReportSubset subset, ReportMethod method, ReportOptions options)
    {
        (ReportSetting Setting, OperatingPoint Point)[] measured =
        [
            .. subset.Of(method).Where(s => s.Summary.Point() is not null).Select(s => (s, s.Summary.Point()!.Value)),
        ];
        if (measured.Length == 0)
            return null;
        LocalityMatch[] matches =
        [
            .. options.LocalityLevels.Select(level =>
            {
                var reaching = measured.Where(m => m.Point.Locality >= level - 1e-12).ToArray();
                ReportSetting? best = reaching.Length == 0 ? null : reaching.MaxBy(m => m.Point.Generalization).Setting;
                return new LocalityMatch(level, best?.Name, best?.Summary.Generalization, best?.Summary.Locality)
                {
                    NegativeFlips = best?.Summary.NegativeFlips,
                    MinedLocality = best?.Summary.MinedLocality,
                };
            }),
        ];
        string? middle = matches[matches.Length / 2].Setting;
        ReportSetting cost = middle is null
            ? measured.MaxBy(m => m.Point.Locality).Setting
            : measured.First(m => m.Setting.Name == middle).Setting;
        return new MethodScore
        {
            Subset = subset.Name,
            Method = method.Name,
            Settings = measured.Length,
            Edits = measured.Min(m => m.Setting.Rows.Count),
            Matches = matches,
            Hypervolume = Hypervolume([.. measured.Select(m => m.Setting)], subset.Groups, options),
            CostSetting = cost.Name,
            Steps = Median(cost.Rows.Select(r => (double)r.Steps)),
            Seconds = Median(cost.Rows.Select(r => r.Seconds)),
            Units = Median(cost.Rows.Select(r => (double)r.Units)),
            Parameters = Median(cost.Rows.Select(r => (double)r.Parameters)),
        };
    }

    static Estimate Hypervolume(ReportSetting[] settings, IReadOnlyList<string> groups, ReportOptions options)
    {
        (Total Generalization, Total Locality)[][] totals =
        [
            .. settings.Select(setting =>
            {
                ILookup<string, BenchRow> rows = setting.Rows.ToLookup(r => r.Group);
                return groups
                    .Select(g =>
                        (Total.Of(rows[g].Select(r => r.Generalization)), Total.Of(rows[g].Select(r => r.Locality)))
                    )
                    .ToArray();
            }),
        ];
        OperatingPoint reference = new(0, options.ReferenceLocality);
        return Bootstrap.Of(
            groups.Count,
            draw =>
                ParetoFront.Hypervolume(
                    [
                        .. totals.Select(t => new OperatingPoint(
                            Total.Mean(draw, g => t[g].Generalization),
                            Total.Mean(draw, g => t[g].Locality)
                        )),
                    ],
                    reference
                ) / (1 - options.ReferenceLocality),
            options.Resamples,
            seed: options.Seed
        );
    }

    static IEnumerable<PairedDifference> Differences(ReportSubset subset, ReportOptions options)
    {
        Dictionary<string, ReportSetting> random = [];
        foreach (ReportSetting setting in subset.Settings.Where(s => s.Method.IsRandom))
            random[Peers(setting)] = setting;
        foreach (
            ReportSetting setting in subset.Settings.Where(s =>
                s.Summary.Method == ReportMethod.Masked && !s.Method.IsRandom
            )
        )
        {
            if (!random.TryGetValue(Peers(setting), out ReportSetting? baseline))
                continue;
            ILookup<(string, string), BenchRow> partners = baseline.Rows.ToLookup(r => (r.Group, r.Image));
            var pairs = setting
                .Rows.Where(r => partners.Contains((r.Group, r.Image)))
                .Select(r => (Row: r, Other: partners[(r.Group, r.Image)].First()))
                .GroupBy(p => p.Row.Group)
                .ToArray();
            Estimate? generalization = Mean(p => p.Row.Generalization - p.Other.Generalization);
            if (generalization is null)
                continue;
            yield return new PairedDifference
            {
                Subset = subset.Title,
                Method = setting.Method.Name,
                Keep = setting.Summary.Settings.GetValueOrDefault("keep", ""),
                Others = string.Join(
                    ' ',
                    setting
                        .Summary.Settings.Where(s => s.Key is not ("keep" or "locator" or "locatorFile" or "prepared"))
                        .OrderBy(s => s.Key, StringComparer.Ordinal)
                        .Select(s => $"{s.Key}={s.Value}")
                ),
                Pairs = pairs.Sum(p => p.Count()),
                Generalization = generalization.Value,
                Locality = Mean(p => p.Row.Locality - p.Other.Locality),
            };

            Estimate? Mean(Func<(BenchRow Row, BenchRow Other), double?> value)
            {
                double[][] values = [.. pairs.Select(g => g.Select(value).OfType<double>().ToArray())];
                return values.Sum(v => v.Length) == 0
                    ? null
                    : Bootstrap.Mean(values, options.Resamples, seed: options.Seed);
            }
        }

        static string Peers(ReportSetting s) =>
            BenchSetting.Describe(
                "",
                s.Summary.Settings.Where(k => k.Key is not ("locator" or "locatorFile" or "prepared")).ToDictionary()
            );
    }

    internal static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>A sum of values and their number.</summary>
    readonly record struct Total(double Sum, int Count)
    {
        public static Total Of(IEnumerable<double?> values) =>
            values.OfType<double>().Aggregate(new Total(), (t, v) => new Total(t.Sum + v, t.Count + 1));

        /// <summary>The mean over groups that were drawn; 0 of no value.</summary>
        public static double Mean(IReadOnlyList<int> draw, Func<int, Total> of)
        {
            (double sum, int count) = (0, 0);
            foreach (int group in draw)
            {
                Total total = of(group);
                (sum, count) = (sum + total.Sum, count + total.Count);
            }
            return count == 0 ? 0 : sum / count;
        }
    }
}
