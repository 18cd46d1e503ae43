using System.Globalization;

namespace Retouch.Benchmarks;

/// <summary>A part of a run that one process does: every n-th batch, from the i-th on.</summary>
/// <param name="Index">i, from 0 to n - 1.</param>
/// <param name="Count">n, from 1 to 10 000.</param>
public readonly record struct Shard(int Index, int Count)
{
    /// <summary>The most parts of a run.</summary>
    public const int Most = 10_000;

    /// <summary>The whole run.</summary>
    public static Shard Whole { get; } = new(0, 1);

    /// <summary>The name of the shard's file of rows.</summary>
    public string FileName => FileOf("rows.jsonl");

    /// <summary>What the shard calls its part of a file: <c>rows-3-of-8.jsonl</c> of <c>rows.jsonl</c>.</summary>
    /// <param name="path">The whole run's file; where the whole run is one shard, the shard's.</param>
    public string FileOf(string path) =>
        Count == 1
            ? path
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{path[..^Path.GetExtension(path).Length]}-{Index}-of-{Count}{Path.GetExtension(path)}"
            );

    /// <summary>Reads the end of what <see cref="FileOf"/> gives.</summary>
    /// <param name="path">The name of a part's file.</param>
    /// <param name="shard">Which it is.</param>
    /// <returns>Whether it is one.</returns>
    public static bool TryOfFile(string path, out Shard shard)
    {
        shard = Whole;
        return Path.GetFileNameWithoutExtension(path).Split('-') is [_, .., string index, "of", string count]
            && TryParse($"{index}/{count}", out shard);
    }

    /// <summary>Whether a batch is this shard's.</summary>
    /// <param name="batch">The batch's number, from 0 on.</param>
    public bool Has(int batch) => batch % Count == Index;

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

    /// <summary>As <see cref="TryParse"/> reads it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index}/{Count}");
}
