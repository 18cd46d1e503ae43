using System.Globalization;

namespace Retouch.Benchmarks;

/// <summary>A part of a run that one process does: every n-th batch, from the i-th on.</summary>
/// <param name="Index">i, from 0 to n - 1.</param>
/// <param name="Count">n, from 1 to 10 000.</param>
public readonly record struct Shard(int Index, int Count)
{
    const int Most = 10_000;

    /// <summary>The whole run.</summary>
    public static Shard Whole { get; } = new(0, 1);

    /// <summary>The name of the shard's file of rows.</summary>
    public string FileName => Count == 1 ? "rows.jsonl" : $"rows-{Index}-of-{Count}.jsonl";

    /// <summary>Reads <c>i/n</c>.</summary>
    public static bool TryParse(string text, out Shard shard)
    {
        shard = Whole;
        if (
            text.Split('/') is not [string i, string n]
            || !int.TryParse(i, NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            || !int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            || count is < 1 or > Most
            || index >= count
        )
            return false;
        shard = new Shard(index, count);
        return true;
    }
}
