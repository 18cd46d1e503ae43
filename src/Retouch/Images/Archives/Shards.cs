using System.Globalization;
using System.Text.RegularExpressions;

namespace Retouch.Images;

/// <summary>
/// Several archives as one. An image keeps its folder, which may be its class's; its name begins with its archive's.
/// </summary>
sealed partial class Shards : ImageArchive
{
    const int Most = 1_000_000;

    readonly Dictionary<string, (ImageArchive Archive, string Name)> _places = new(StringComparer.Ordinal);

    public Shards(string path, IReadOnlyList<ImageArchive> archives)
        : base(path)
    {
        foreach (ImageArchive archive in archives)
        {
            string stem = System.IO.Path.GetFileNameWithoutExtension(archive.Path);
            foreach (string name in archive.Names)
            {
                int file = name.LastIndexOf('/') + 1;
                string shown = $"{name[..file]}{stem}-{name[file..]}";
                _places.Add(shown, (archive, name));
                List(shown);
            }
            foreach (string what in archive.LeftOut)
                LeaveOut(what);
        }
    }

    /// <summary>The files that a path names, in their order: itself, or those of a pattern.</summary>
    /// <param name="path">A path, with <c>{000..123}</c>, <c>*</c> or <c>?</c> in the name of the file.</param>
    public static IReadOnlyList<string> Of(string path)
    {
        if (File.Exists(path))
            return [path];
        string folder = System.IO.Path.GetDirectoryName(path) is { Length: > 0 } inner ? inner : ".";
        string name = System.IO.Path.GetFileName(path);
        try
        {
            if (Range().Match(name) is { Success: true } range)
                return Between(folder, name, range);
            return name.AsSpan().ContainsAny('*', '?') && Directory.Exists(folder)
                ? [.. Directory.EnumerateFiles(folder, name).Order(StringComparer.Ordinal)]
                : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Whether a path is meant as a pattern of archives, though nothing may match it.</summary>
    /// <param name="path">The path.</param>
    public static bool IsPattern(string path) =>
        System.IO.Path.GetFileName(path) is string name
        && (name.AsSpan().ContainsAny('*', '?') || Range().IsMatch(name));

    // All of them or none: one that lacks is a mistake, not fewer images.
    static string[] Between(string folder, string name, Match range)
    {
        string from = range.Groups[1].Value;
        if (
            !int.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out int first)
            || !int.TryParse(range.Groups[2].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int last)
            || last < first
            || last - first >= Most
        )
            return [];
        string[] files =
        [
            .. Enumerable
                .Range(first, last - first + 1)
                .Select(i => i.ToString(CultureInfo.InvariantCulture).PadLeft(from.Length, '0'))
                .Select(n =>
                    System.IO.Path.Combine(folder, name[..range.Index] + n + name[(range.Index + range.Length)..])
                ),
        ];
        return files.FirstOrDefault(f => !File.Exists(f)) is string missing
            ? throw BadInput.Missing(missing, $"There is no file {missing}, which {name} names: check the range.")
            : files;
    }

    public override bool Has(string name) => _places.ContainsKey(name);

    public override long Length(string name) =>
        _places.TryGetValue(name, out (ImageArchive Archive, string Name) at)
            ? at.Archive.Length(at.Name)
            : throw Lacks(name);

    public override byte[] Read(string name) =>
        _places.TryGetValue(name, out (ImageArchive Archive, string Name) at)
            ? at.Archive.Read(at.Name)
            : throw Lacks(name);

    [GeneratedRegex(@"\{([0-9]+)\.\.([0-9]+)\}")]
    private static partial Regex Range();
}
