using System.Text;
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
    const int LongestLine = 1 << 20;

    static readonly string[] PathWords = ["path", "image", "file", "filename", "file_name", "filepath"];
    static readonly string[] ClassWords = ["class", "label", "classname", "labelname", "target"];

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
            roots = [Path.GetDirectoryName(Path.GetFullPath(path))!];
        if (First(path) is not ('{' or '['))
            return Lines(path, roots, () => Rows(path), classes);
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        int start = text.Span.IndexOfAnyExcept(" \n\r\t"u8);
        return text.Span[start] == '{' && !IsRow(text)
            ? Groups(path, roots, text)
            : Lines(path, roots, () => JsonRows(path, text), classes);
    }

    // What the text begins with, which says how it goes on.
    static char First(string path)
    {
        using StreamReader reader = new(InputFile.Open(path));
        int first;
        while ((first = reader.Read()) is ' ' or '\n' or '\r' or '\t') { }
        return first < 0 ? '\0' : (char)first;
    }

    static Labelled[] Groups(string path, IReadOnlyList<string> roots, ReadOnlyMemory<byte> text)
    {
        IReadOnlyList<FailureGroup> groups = IsConfirmed(text)
            ? ConfirmedList.Load(path).Groups
            : BenchmarkFile.Load(path).Groups;
        ImageRoots images = new(roots);
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

    // Twice over rather than kept: there may be millions.
    static IEnumerable<Labelled> Lines(
        string path,
        IReadOnlyList<string> roots,
        Func<IEnumerable<(int Line, string Image, string Class)>> rows,
        ClassFolders classes
    )
    {
        string source = Path.GetFileNameWithoutExtension(path);
        Dictionary<string, IReadOnlyList<int>?> byName = [];
        foreach ((_, _, string name) in rows())
            byName.TryAdd(name, null);
        if (byName.Count == 0)
            throw BadInput.Missing(path, $"{path} names no image.");
        classes.RequireNumbering(byName.Keys);
        foreach ((int line, string image, string name) in rows())
        {
            IReadOnlyList<int> accepted = byName[name] ??= Accepted(name, line);
            if (accepted.Count == 0)
                continue;
            string full =
                roots.Select(r => Path.GetFullPath(image, Path.GetFullPath(r))).FirstOrDefault(ImageFile.Exists)
                ?? throw BadInput.Missing(
                    image,
                    $"Line {line} of {path} names the image {image}, which is not below {string.Join(", ", roots)}.",
                    Remedy.Option(Parameter.ListRoot)
                );
            yield return new Labelled(source, name, accepted, image.Replace('\\', '/'), full);
        }

        // Several classes that count as right have bars between them.
        IReadOnlyList<int> Accepted(string name, int line)
        {
            if (classes.TryAccepted(name, out IReadOnlyList<int> accepted, out Problem? problem))
                return accepted;
            List<int> several = [];
            foreach (string one in name.Split('|', StringSplitOptions.TrimEntries))
            {
                if (!classes.TryAccepted(one, out accepted, out Problem? why))
                    throw BadInput.Mismatch(
                        path,
                        $"Line {line} of {path} names a class that is none: "
                            + (name.Contains('|') ? why.Message : problem.Message),
                        Remedy.Option(Parameter.AcceptedClasses)
                    );
                several.AddRange(accepted);
            }
            return [.. several.Distinct()];
        }
    }

    // An object of JSON that names an image, alone on its line.
    static bool IsRow(ReadOnlyMemory<byte> text)
    {
        try
        {
            Utf8JsonReader reader = new(text.Span);
            return JsonDocument.TryParseValue(ref reader, out JsonDocument? json)
                && json.RootElement is { ValueKind: JsonValueKind.Object } row
                && Member(row, PathWords) is not null;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    static IEnumerable<(int Line, string Image, string Class)> JsonRows(string path, ReadOnlyMemory<byte> text)
    {
        List<JsonElement> rows = [];
        try
        {
            Utf8JsonReader reader = new(text.Span, new JsonReaderOptions { AllowMultipleValues = true });
            while (reader.Read())
            {
                JsonElement value = JsonElement.ParseValue(ref reader);
                rows.AddRange(value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value]);
            }
        }
        // Characters that are no UTF-8 are told otherwise.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw BadInput.Damaged(path, $"{path} is not JSON after {rows.Count} rows: {e.Message}", cause: e);
        }
        return rows.Select(
            (row, i) =>
                row.ValueKind == JsonValueKind.Object
                && Member(row, PathWords) is string image
                && !image.Contains('\0')
                && Member(row, ClassWords) is string label
                    ? (i + 1, image, label)
                    : throw BadInput.Damaged(
                        path,
                        $"Row {i + 1} of {path} does not name an image and its class, such as "
                            + "{\"path\": \"photos/7.jpg\", \"class\": \"tench\"}."
                    )
        );
    }

    static string? Member(JsonElement row, string[] words)
    {
        foreach (JsonProperty member in row.EnumerateObject())
        {
            if (!words.Contains(member.Name.ToLowerInvariant()))
                continue;
            if (member.Value.ValueKind == JsonValueKind.String)
                return member.Value.GetString() is { Length: > 0 } text ? text : null;
            if (member.Value.ValueKind == JsonValueKind.Number && member.Value.TryGetInt64(out long number))
                return number.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        return null;
    }

    static IEnumerable<(int Line, string Image, string Class)> Rows(string path)
    {
        (int image, int label) = (0, 1);
        int number = 0;
        foreach (string line in TextLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            string[] cells =
                LabelTable.Cells(line.TrimEnd(), line.Contains('\t') ? '\t' : ',')
                ?? throw BadInput.Damaged(path, $"Line {number} of {path} has a quotation mark without its second.");
            if (number == 1 && Column(cells, PathWords) is int paths && Column(cells, ClassWords) is int labels)
            {
                (image, label) = (paths, labels);
                continue;
            }
            if (cells.Length <= Math.Max(image, label) || cells[image].Length == 0 || cells[image].Contains('\0'))
                throw BadInput.Damaged(
                    path,
                    $"Line {number} of {path} does not name an image and its class, such as photos/7.jpg,tench; quote "
                        + "names that hold a comma."
                );
            yield return (number, cells[image], cells[label]);
        }
    }

    // As StreamReader has them, but of a bounded length.
    static IEnumerable<string> TextLines(string path)
    {
        using StreamReader reader = new(InputFile.Open(path));
        StringBuilder line = new();
        char[] buffer = new char[1 << 14];
        bool returned = false;
        for (int read; (read = reader.Read(buffer)) > 0; )
        {
            for (int at = 0; at < read; )
            {
                // A line feed after a return ends nothing more.
                if (returned && buffer[at] == '\n')
                    at++;
                returned = false;
                int length = buffer.AsSpan(at, read - at).IndexOfAny('\n', '\r');
                line.Append(buffer, at, length < 0 ? read - at : length);
                if (line.Length > LongestLine)
                    throw BadInput.TooLarge(
                        path,
                        $"A line of {path} has more than {LongestLine} characters, which no list of images has."
                    );
                if (length < 0)
                    break;
                returned = buffer[at + length] == '\r';
                at += length + 1;
                yield return line.ToString();
                line.Clear();
            }
        }
        if (line.Length > 0)
            yield return line.ToString();
    }

    static int? Column(string[] header, string[] words) =>
        Array.FindIndex(header, c => words.Contains(c.Trim().ToLowerInvariant())) is >= 0 and int column
            ? column
            : null;
}
