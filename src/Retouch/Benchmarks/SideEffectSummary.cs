using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>
/// What one edit by a method's default does elsewhere, the mean over some: a line of a table. Immutable.
/// </summary>
public sealed record SideEffectSummary
{
    /// <summary>The method's name.</summary>
    public required string Method { get; init; }

    /// <summary>Its settings.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>The number of edits.</summary>
    public required int Edits { get; init; }

    /// <summary>Clean images, then each kind of corruption.</summary>
    public required IReadOnlyList<SideEffectLine> Lines { get; init; }

    /// <summary>The negative flip rate over all corruptions, their mean; null where no image was right.</summary>
    public required Estimate? CorruptedFlips { get; init; }

    /// <summary>The class whose clean images lose most; null where no image counts.</summary>
    public required WorstClass? Worst { get; init; }

    /// <summary>The same over all corruptions together.</summary>
    public required WorstClass? WorstCorrupted { get; init; }

    /// <summary>Summarizes side effects, setting by setting; nothing of those that are not whole.</summary>
    /// <param name="effects">The side effects.</param>
    /// <param name="resamples">Draws of the confidence intervals.</param>
    /// <param name="seed">Their seed.</param>
    public static IReadOnlyList<SideEffectSummary> Of(SideEffects effects, int resamples = 2000, int seed = 0)
    {
        if (!effects.IsWhole)
            return [];
        return
        [
            .. effects
                .Edits.Index()
                .GroupBy(e => e.Item.Setting)
                .Select(setting =>
                {
                    (int Place, string Group)[] edits = [.. setting.Select(e => (e.Index, e.Item.Group))];
                    SideEffectMeasurement[] spoilt = [.. effects.Measured.Where(m => !m.Corruption.IsClean)];
                    SideEffectMeasurement[] clean = [.. effects.Measured.Where(m => m.Corruption.IsClean)];
                    return new SideEffectSummary
                    {
                        Method = setting.First().Item.Method,
                        Settings = setting.First().Item.Settings,
                        Edits = edits.Length,
                        Lines =
                        [
                            .. effects
                                .Measured.GroupBy(m => m.Corruption.Shift)
                                .Select(shift => new SideEffectLine(
                                    shift.Key,
                                    shift.Average(m => Accuracy(Flips.Sum(m.Unedited.Values))),
                                    Mean(edits, e => Rate(shift, e, Change)),
                                    Mean(edits, e => Rate(shift, e, f => f.NegativeFlipRate))
                                )),
                        ],
                        CorruptedFlips = Mean(edits, e => Rate(spoilt, e, f => f.NegativeFlipRate)),
                        Worst = WorstOf(edits, clean),
                        WorstCorrupted = WorstOf(edits, spoilt),
                    };
                }),
        ];

        Estimate? Mean((int Place, string Group)[] edits, Func<int, double?> value)
        {
            double[][] values =
            [
                .. edits.GroupBy(e => e.Group).Select(g => g.Select(e => value(e.Place)).OfType<double>().ToArray()),
            ];
            return values.Sum(v => v.Length) == 0 ? null : Bootstrap.Mean(values, resamples, seed: seed);
        }

        WorstClass? WorstOf((int Place, string Group)[] edits, SideEffectMeasurement[] measured)
        {
            Dictionary<int, (string Class, double Change)> worst = [];
            foreach ((int place, _) in edits)
            {
                if (WorstOfEdit(place, measured) is { } found)
                    worst[place] = found;
            }
            Estimate? change = Mean(edits, e => worst.TryGetValue(e, out var found) ? found.Change : null);
            return change is not { } mean
                ? null
                : new WorstClass(
                    mean,
                    worst
                        .Values.Where(w => w.Change < 0)
                        .GroupBy(w => w.Class)
                        .OrderByDescending(c => c.Count())
                        .ThenBy(c => c.Key, StringComparer.Ordinal)
                        .ToDictionary(c => c.Key, c => c.Count())
                );
        }
    }

    // Strengths weigh the same, however many images of each could be counted.
    static double? Rate(IEnumerable<SideEffectMeasurement> measured, int edit, Func<Flips, double?> rate) =>
        measured.Average(m => rate(Flips.Sum(m.Edited[edit].Values)));

    static (string Class, double Change)? WorstOfEdit(int edit, SideEffectMeasurement[] measured)
    {
        (string Class, double Change)[] classes =
        [
            .. measured
                .SelectMany(m => m.Edited[edit])
                .GroupBy(f => f.Key)
                .Select(c => (c.Key, Flips: Flips.Sum(c.Select(f => f.Value))))
                .Where(c => c.Flips.Images > 0)
                .Select(c => (c.Key, Change(c.Flips)!.Value))
                .OrderBy(c => c.Value)
                .ThenBy(c => c.Key, StringComparer.Ordinal),
        ];
        return classes.Length == 0 ? null : classes[0];
    }

    static double Accuracy(Flips f) => f.Images == 0 ? 0 : (double)f.RightBefore / f.Images;

    static double? Change(Flips f) => f.Images == 0 ? null : (double)f.NetGain / f.Images;
}
