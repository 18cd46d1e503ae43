using System.Globalization;

namespace Retouch.Cli.Verbs;

/// <summary>Lists in which many lines say the same: a repair has hundreds of images.</summary>
static class LongList
{
    const int Most = 20;

    /// <summary>A line for each item, but for those of which there may be many only for the first of them.</summary>
    /// <param name="items">The items.</param>
    /// <param name="line">An item's line.</param>
    /// <param name="many">Whether an item is of those that may be many; null for all.</param>
    /// <param name="more">The last line where some were left out, from how many.</param>
    public static IEnumerable<string> Lines<T>(
        IReadOnlyList<T> items,
        Func<T, string> line,
        Func<string, string> more,
        Func<T, bool>? many = null
    )
    {
        int count = 0;
        foreach (T item in items)
        {
            if ((many is not null && !many(item)) || ++count <= Most)
                yield return line(item);
        }
        if (count > Most)
            yield return more(string.Create(CultureInfo.InvariantCulture, $"and {count - Most} more"));
    }
}
