using Retouch.Benchmarks;
using Retouch.Editing;
using Retouch.Plots;

namespace Retouch.Reports;

/// <summary>A method as a report tells methods apart: masked fine-tuning is one a locator.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Key">What its rows have in common.</param>
/// <param name="Color">Its colour's number, the same in all figures.</param>
sealed record ReportMethod(string Name, string Key, int Color)
{
    public static readonly string Masked = MaskedFineTuning.Definition.Name;
    const int Grey = SvgPlot.Colors - 1;

    /// <summary>Whether its masks are drawn at random.</summary>
    public bool IsRandom => Key == $"{Masked} {Locators.Random}";

    /// <summary>What it does and where it was published, or null for a method unknown to this version.</summary>
    public string? About { get; init; }

    public static string KeyOf(BenchRow row) => KeyOf(row.Method, row.Settings);

    public static string KeyOf(string method, IReadOnlyDictionary<string, string> settings) =>
        method != Masked
            ? method
            : $"{Masked} {settings.GetValueOrDefault("locator", "?")}"
                + (settings.TryGetValue("locatorFile", out string? file) ? $" {file}" : "");

    /// <summary>The methods of some rows, in an order that does not depend on theirs, each with a colour.</summary>
    public static IReadOnlyList<ReportMethod> Of(IEnumerable<BenchRow> rows)
    {
        string[] keys = [.. rows.Select(KeyOf).Distinct().OrderBy(Rank).ThenBy(k => k, StringComparer.Ordinal)];
        int next = 0;
        return
        [
            .. keys.Select(key =>
            {
                bool random = key == $"{Masked} {Locators.Random}";
                // Grey is for the baseline that knows nothing.
                if (next % SvgPlot.Colors == Grey)
                    next++;
                return new ReportMethod(NameOf(key, keys), key, random ? Grey : next++) { About = AboutOf(key) };
            }),
        ];
    }

    static int Rank(string key) =>
        key.StartsWith(Masked + " ", StringComparison.Ordinal)
        && Locators.Names.Index().FirstOrDefault(l => l.Item == key.Split(' ')[1]) is { Item: not null } locator
            ? locator.Index
        : Methods.All.Index().FirstOrDefault(m => m.Item.Name == key) is { Item: not null } known
            ? Locators.Names.Count + known.Index
        : int.MaxValue;

    static string NameOf(string key, string[] keys)
    {
        if (!key.StartsWith(Masked + " ", StringComparison.Ordinal))
            return Methods.All.FirstOrDefault(m => m.Name == key)?.ShortName ?? key;
        string[] parts = key.Split(' ');
        bool several = keys.Count(k => k.StartsWith($"{Masked} {parts[1]} ", StringComparison.Ordinal)) > 1;
        return parts[1] == Locators.Hypernetwork && several && parts.Length > 2
            ? $"{parts[1]} {parts[2][..Math.Min(parts[2].Length, 6)]}"
            : Locators.Known.FirstOrDefault(l => l.Name == parts[1])?.MaskName ?? $"{parts[1]} mask";
    }

    static string? AboutOf(string key)
    {
        string name = key.Split(' ')[0];
        Method? known = Methods.All.FirstOrDefault(m => m.Name == name);
        LocatorInfo? locator = name != Masked ? null : Locators.Known.FirstOrDefault(l => l.Name == key.Split(' ')[1]);
        return known is null ? null
            : locator is null ? $"{known.Title} ({known.Paper})"
            : locator.Name == Locators.All ? $"fine-tuning of {locator.Title} ({known.Paper})"
            : $"masked fine-tuning of {locator.Title} ({known.Paper})";
    }
}
