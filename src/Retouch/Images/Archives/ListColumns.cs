using System.Globalization;

namespace Retouch.Images;

/// <summary>
/// Which columns of a list of images hold their paths and classes, by name or by number from 1. Immutable.
/// </summary>
/// <param name="Path">The column of paths; null for the one that is usually called so.</param>
/// <param name="Class">The column of classes; null for the one that is usually called so.</param>
public sealed record ListColumns(string? Path, string? Class)
{
    static readonly string[] s_pathKeys = ["path", "image", "file"];
    static readonly string[] s_classKeys = ["label", "class"];

    /// <summary>
    /// Those of lists that do not say theirs by <c>photos.csv:path=file,label=species</c>; one for the whole process.
    /// </summary>
    public static ListColumns Usual { get; set; } = new(null, null);

    /// <summary>Reads a choice: <c>path=file,label=species</c>, one or both, by name or by number from 1.</summary>
    /// <param name="text">The choice.</param>
    /// <param name="columns">The columns.</param>
    /// <returns>Whether it is one.</returns>
    public static bool TryParse(string text, out ListColumns columns)
    {
        columns = new ListColumns(null, null);
        // An image of a list, not the list.
        if (text.Contains("!/", StringComparison.Ordinal) || text.Contains("!\\", StringComparison.Ordinal))
            return false;
        foreach (string part in text.Split(','))
        {
            if (part.Split('=', 2, StringSplitOptions.TrimEntries) is not [string key, { Length: > 0 } column])
                return false;
            if (s_pathKeys.Contains(key) && columns.Path is null)
                columns = columns with { Path = column };
            else if (s_classKeys.Contains(key) && columns.Class is null)
                columns = columns with { Class = column };
            else
                return false;
        }
        return true;
    }

    /// <summary>The number, from 0 on, of a column that is named by its own from 1 on; null where it is none.</summary>
    /// <param name="column">The column.</param>
    internal static int? Number(string column) =>
        int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? number - 1
            : null;

    /// <summary>The choice as it is written.</summary>
    public override string ToString() =>
        string.Join(
            ',',
            new[] { Path is null ? null : $"path={Path}", Class is null ? null : $"label={Class}" }.OfType<string>()
        );
}
