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
    public static IReadOnlyList<Labelled> Read(string path, IReadOnlyList<string> roots, ClassFolders classes)
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
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MaxLength);
        roots = [.. roots.Select(r => ImagePath.Archive(r) is string archive ? $"{archive}{ImagePath.Mark}" : r)];
        if (roots.Count == 0)
            roots = [Path.GetDirectoryName(Path.GetFullPath(path))!];
        int start = text.Span.IndexOfAnyExcept(" \n\r\t"u8);
        return (start < 0 ? 0 : (char)text.Span[start]) switch
        {
            '{' when !IsRow(text) => Groups(path, roots, text),
            '{' or '[' => Lines(path, roots, JsonRows(path, text), classes),
            _ => Lines(path, roots, Rows(path, text), classes),
        };
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

    static List<Labelled> Lines(
        string path,
        IReadOnlyList<string> roots,
        IEnumerable<(int Line, string Image, string Class)> found,
        ClassFolders classes
    )
    {
        string source = Path.GetFileNameWithoutExtension(path);
        List<(int Line, string Image, string Class)> rows = [.. found];
        if (rows.Count == 0)
            throw BadInput.Missing(path, $"{path} names no image.");
        classes.RequireNumbering(rows.Select(r => r.Class).Distinct());
        List<Labelled> labelled = [];
        foreach ((int line, string image, string name) in rows)
        {
            IReadOnlyList<int> accepted = Accepted(name, line);
            if (accepted.Count == 0)
                continue;
            string full =
                roots.Select(r => Path.GetFullPath(image, Path.GetFullPath(r))).FirstOrDefault(ImageFile.Exists)
                ?? throw BadInput.Missing(
                    image,
                    $"Line {line} of {path} names the image {image}, which is not below {string.Join(", ", roots)}.",
                    Remedy.Option(Parameter.ListRoot)
                );
            labelled.Add(new Labelled(source, name, accepted, image.Replace('\\', '/'), full));
        }
        return labelled;

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

    static IEnumerable<(int Line, string Image, string Class)> Rows(string path, ReadOnlyMemory<byte> text)
    {
        (int image, int label) = (0, 1);
        using StreamReader reader = new(new MemoryStream(text.ToArray()));
        int number = 0;
        while (reader.ReadLine() is string line)
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

    static int? Column(string[] header, string[] words) =>
        Array.FindIndex(header, c => words.Contains(c.Trim().ToLowerInvariant())) is >= 0 and int column
            ? column
            : null;
}
