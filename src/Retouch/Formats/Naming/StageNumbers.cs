using System.Globalization;
using System.Text.RegularExpressions;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// How a file numbers blocks: all in one row, or stage by stage, where the canonical names go on counting. Immutable.
/// </summary>
sealed class StageNumbers
{
    readonly int[] _starts; // the first block of each stage, and of one after the last

    StageNumbers(int[] starts) => _starts = starts;

    /// <summary>Blocks in one row.</summary>
    public static StageNumbers None { get; } = new([]);

    /// <summary>How a file numbers blocks.</summary>
    /// <param name="scheme">Its scheme.</param>
    /// <param name="names">Its names.</param>
    public static StageNumbers Of(NamingScheme scheme, IEnumerable<string> names)
    {
        Regex[] patterns =
        [
            .. scheme
                .Names.Where(n => n.InFile.Contains("{s}", Ordinal) && n.InFile.Contains("{i}", Ordinal))
                .Select(n => NamingScheme.Pattern(n.InFile)),
        ];
        if (patterns.Length == 0)
            return None;
        SortedDictionary<int, int> depths = [];
        foreach (string name in names)
        {
            if (patterns.Select(p => p.Match(name)).FirstOrDefault(m => m.Success) is not Match match)
                continue;
            (int stage, int block) = (Number(match, "s"), Number(match, "i"));
            depths[stage] = Math.Max(depths.GetValueOrDefault(stage), block + 1);
        }
        if (depths.Count == 0)
            return None;
        List<int> starts = [0];
        for (int stage = 0; stage <= depths.Keys.Max(); stage++)
            starts.Add(starts[^1] + depths.GetValueOrDefault(stage));
        return new([.. starts]);
    }

    /// <summary>The canonical name of a row's with the numbers that were found.</summary>
    public string Canonical(string row, Match match)
    {
        if (!match.Groups["s"].Success)
            return row.Replace("{i}", match.Groups["i"].Value, Ordinal);
        int stage = Number(match, "s");
        int block = match.Groups["i"].Success ? Number(match, "i") : 0;
        return row.Replace("{i}", Text(Start(stage) + block), Ordinal)
            .Replace("{s}", Text(Start(stage)), Ordinal)
            .Replace("{s+1}", Text(Start(stage + 1)), Ordinal);
    }

    /// <summary>Whether a row is one for a canonical tensor.</summary>
    public bool Fits(TensorName row, string canonical) =>
        General(canonical, row.Canonical) == row.Canonical
        && (_starts.Length > 0 && VitNames.BlockOf(canonical) is not null) == row.InFile.Contains("{s}", Ordinal);

    /// <summary>The file's name of a canonical tensor by a row that fits it.</summary>
    public string InFile(TensorName row, string canonical)
    {
        if (VitNames.BlockOf(canonical) is not int block)
            return row.InFile;
        if (_starts.Length == 0)
            return row.InFile.Replace("{i}", Text(block), Ordinal);
        int stage = Array.FindLastIndex(_starts, s => s <= block);
        int named = row.Canonical.Contains("{s+1}", Ordinal) ? stage - 1 : stage;
        return row.InFile.Replace("{s}", Text(named), Ordinal).Replace("{i}", Text(block - _starts[stage]), Ordinal);
    }

    const StringComparison Ordinal = StringComparison.Ordinal;

    // A stage that the file has not begins where the last ends.
    int Start(int stage) => _starts[Math.Min(stage, _starts.Length - 1)];

    static string General(string canonical, string row)
    {
        if (VitNames.BlockOf(canonical) is not int block)
            return canonical;
        string end = canonical[VitNames.Block(block, "").Length..];
        string number =
            row.Contains("{s+1}", Ordinal) ? "{s+1}"
            : row.Contains("{s}", Ordinal) ? "{s}"
            : "{i}";
        return $"blocks.{number}.{end}";
    }

    static int Number(Match match, string group) =>
        int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
