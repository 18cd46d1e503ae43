using System.Text.Json;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;

namespace Retouch.Benchmarks;

/// <summary>
/// Labelled images that a file names: a benchmark, a list of confirmed images, a table with an image a line, or JSON
/// of such rows.
/// </summary>
static class LabelledList
{
    const int MaxLength = 64 << 20;

    /// <summary>Reads a list.</summary>
    /// <param name="path">
    /// JSON of a benchmark or of confirmed images; a table with commas or tabs of paths and classes, whose header names
    /// the columns (<c>path</c>, <c>class</c>), else they are the first two; or such rows as objects of JSON, in an
    /// array or one a line.
    /// </param>
    /// <param name="roots">The folders from which its paths go on; none for the list's own.</param>
    /// <param name="classes">What the classes' names mean.</param>
    /// <exception cref="BadInputException">It cannot be read, or an image or a class is not there.</exception>
    public static IEnumerable<Labelled> Read(string path, IReadOnlyList<string> roots, ClassFolders classes)
    {
        (string file, ListColumns columns) = ImageList.Split(path);
        if (ImageNames.IsImage(path))
            throw BadInput.Mismatch(
                path,
                $"{path} is an image, which does not say its class: name its folder, or a list of images and classes."
            );
        if (Path.GetExtension(path).ToLowerInvariant() is ".gz" or ".tgz" or ".7z" or ".rar" or ".bz2" or ".xz")
            throw BadInput.Unsupported(
                path,
                $"{path} is a compressed archive, which is not read: unpack it, or make a ZIP or an uncompressed tar "
                    + "archive of it."
            );
        roots = [.. roots.Select(r => ImagePath.Archive(r) is string archive ? $"{archive}{ImagePath.Mark}" : r)];
        if (roots.Count == 0)
            roots = [Path.GetDirectoryName(Path.GetFullPath(file))!];
        return IsGroups(file, columns) ? Groups(file, roots) : Lines(path, file, roots, classes);
    }

    // An object of JSON that is no row.
    static bool IsGroups(string file, ListColumns columns)
    {
        using FileStream stream = InputFile.Open(file);
        int first;
        do first = stream.ReadByte();
        while (first is ' ' or '\n' or '\r' or '\t' or 0xEF or 0xBB or 0xBF);
        if (first != '{')
            return false;
        stream.Position = 0;
        byte[] begin = new byte[Math.Min(stream.Length, ImageList.LongestRow)];
        stream.ReadExactly(begin);
        ReadOnlyMemory<byte> text = begin is [0xEF, 0xBB, 0xBF, ..] ? begin.AsMemory(3) : begin;
        return columns.Path is null && !ImageList.BeginsRow(file, text.Span);
    }

    static Labelled[] Groups(string path, IReadOnlyList<string> roots)
    {
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        IReadOnlyList<FailureGroup> groups = IsConfirmed(text)
            ? ConfirmedList.Load(path).Groups
            : BenchmarkFile.Load(path).Groups;
        ImageRoots images = new(roots);
        images.Require(groups.SelectMany(g => g.Images).Select(i => i.Path));
        return
        [
            .. groups.SelectMany(g =>
                g.Images.Select(i => new Labelled(
                    g.Source,
                    g.Class,
                    g.Accepted,
                    i.Path,
                    Path.GetFullPath(images.Find(i.Path, i.Sha256))
                ))
            ),
        ];
    }

    // What is neither, the benchmark's reader refuses.
    static bool IsConfirmed(ReadOnlyMemory<byte> text)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            return json.RootElement.TryGetProperty("format", out JsonElement format)
                && format.ValueKind == JsonValueKind.String
                && format.ValueEquals(ConfirmedList.Format);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    // Twice over rather than kept, or three times: there may be millions.
    static IEnumerable<Labelled> Lines(string path, string file, IReadOnlyList<string> roots, ClassFolders classes)
    {
        string source = Path.GetFileNameWithoutExtension(file);
        string[] starts = [.. roots.Select(Path.GetFullPath)];
        Dictionary<string, IReadOnlyList<int>?> byName = [];
        bool plain = true;
        foreach (ListRow row in ImageList.Rows(path))
        {
            if (row.Class is not string name)
                throw BadInput.Damaged(
                    file,
                    $"{row.Place.Begin} of {file} does not say its image's class: that is empty, or there is no column "
                        + "that is called class, label, wnid or the like.",
                    Remedy.Option(Parameter.ListColumns)
                );
            byName.TryAdd(name, null);
            plain &= ImageList.IsPlain(row.Image);
        }
        if (byName.Count == 0)
            throw BadInput.Missing(path, $"{path} names no image.");
        classes.RequireNumbering(byName.Keys);
        if (plain)
            return Found().Select(l => l with { Path = ImageList.Plain(l.Path) });
        string common = ImageList.Common(Found().Select(l => l.FullPath));
        return Found().Select(l => l with { Path = ImageList.Below(common, l.FullPath) });

        IEnumerable<Labelled> Found()
        {
            LostRows lost = new(file, roots, Remedy.Option(Parameter.ListRoot));
            foreach (ListRow row in ImageList.Rows(path))
            {
                string name = row.Class!;
                IReadOnlyList<int> accepted = byName[name] ??= Accepted(name, row.Place);
                if (accepted.Count == 0)
                    continue;
                string? full = ImageList.Find(file, row, starts);
                if (lost.Has(row, full))
                    yield return new Labelled(source, name, accepted, row.Image, full) { Listed = (file, row.Place) };
            }
            lost.Refuse();
        }

        IReadOnlyList<int> Accepted(string name, ListPlace place) =>
            classes.TryAccepted(name, out IReadOnlyList<int> accepted, out Problem? problem)
                ? accepted
                : throw BadInput.Mismatch(
                    path,
                    $"{place.Begin} of {path} names a class that is none: {problem.Message}",
                    Remedy.Option(Parameter.AcceptedClasses)
                );
    }
}
