using Retouch.Editing;

namespace Retouch.Evaluation;

/// <summary>A method as a report tells methods apart: masked fine-tuning is one a locator.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Key">What its rows have in common.</param>
/// <param name="Color">Its colour's number, the same in all figures.</param>
sealed record ReportMethod(string Name, string Key, int Color)
{
    public const string Masked = "masked-fine-tuning";
    const int Grey = SvgPlot.Colors - 1;

    static readonly string[] Locators = ["hypernetwork", "gradient", "fisher", "random", "all"];

    static readonly Dictionary<string, string> Names = new()
    {
        ["ft"] = "FT",
        ["ft-l1"] = "FT-ℓ1",
        ["ft-l2"] = "FT-ℓ2",
        ["lora"] = "LoRA",
        ["kn"] = "KN",
        ["rome"] = "ROME",
        ["alphaedit"] = "AlphaEdit",
        ["t-patcher"] = "T-Patcher",
        ["ke"] = "KE",
        ["mend"] = "MEND",
        ["refinevit"] = "RefineViT",
    };

    /// <summary>Whether its masks are drawn at random.</summary>
    public bool IsRandom => Key == $"{Masked} random";

    /// <summary>What it does and where it was published; null for a method that this version does not know.</summary>
    public string? About { get; init; }

    public static string KeyOf(BenchRow row) => row.Method != Masked ? row.Method
        : $"{Masked} {row.Settings.GetValueOrDefault("locator", "?")}{(row.Settings.TryGetValue("locatorFile", out string? file) ? $" {file}" : "")}";

    /// <summary>The methods of some rows, in an order that does not depend on theirs, each with a colour.</summary>
    public static IReadOnlyList<ReportMethod> Of(IEnumerable<BenchRow> rows)
    {
        string[] keys = [.. rows.Select(KeyOf).Distinct().OrderBy(Rank).ThenBy(k => k, StringComparer.Ordinal)];
        int next = 0;
        return [.. keys.Select(key =>
        {
            bool random = key == $"{Masked} random";
            // Grey is for the baseline that knows nothing.
            if (next % SvgPlot.Colors == Grey)
                next++;
            return new ReportMethod(NameOf(key, keys), key, random ? Grey : next++) { About = AboutOf(key) };
        })];
    }

    static int Rank(string key) => key.StartsWith(Masked + " ", StringComparison.Ordinal) && Array.IndexOf(Locators, key.Split(' ')[1]) is >= 0 and var locator ? locator
        : Methods.All.Index().FirstOrDefault(m => m.Item.Name == key) is { Item: not null } known ? Locators.Length + known.Index
        : int.MaxValue;

    static string NameOf(string key, string[] keys)
    {
        if (!key.StartsWith(Masked + " ", StringComparison.Ordinal))
            return Names.GetValueOrDefault(key, key);
        string[] parts = key.Split(' ');
        bool several = keys.Count(k => k.StartsWith($"{Masked} {parts[1]} ", StringComparison.Ordinal)) > 1;
        return parts[1] switch
        {
            "all" => "no mask",
            "hypernetwork" when several && parts.Length > 2 => $"hypernetwork {parts[2][..Math.Min(parts[2].Length, 6)]}",
            "fisher" => "Fisher mask",
            _ => $"{parts[1]} mask",
        };
    }

    static string? AboutOf(string key)
    {
        string name = key.Split(' ')[0];
        MethodInfo? known = Methods.All.FirstOrDefault(m => m.Name == name);
        string? where = name != Masked ? null : key.Split(' ')[1] switch
        {
            "hypernetwork" => "masked fine-tuning of the units that a trained hypernetwork names",
            "gradient" => "masked fine-tuning of the units with the largest gradients",
            "fisher" => "masked fine-tuning of units with large gradients that ordinary images need little",
            "random" => "masked fine-tuning of units drawn at random: the baseline of every mask",
            "all" => "fine-tuning of all units of the window, without a mask",
            _ => null,
        };
        return known is null ? where : $"{where ?? known.Title} ({known.Paper})";
    }
}
