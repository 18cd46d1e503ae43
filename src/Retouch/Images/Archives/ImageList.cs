using System.Globalization;
using System.Text;
using System.Text.Json;
using Sylvan.Data.Csv;

namespace Retouch.Images;

/// <summary>
/// Reads lists of images: tables (CSV, TSV), and JSON of objects, in an array or one a line. A list may come from a
/// stranger: no row is longer than <see cref="LongestRow"/>, and only what is called an image is opened.
/// </summary>
static class ImageList
{
    /// <summary>The most characters of a row.</summary>
    public const int LongestRow = 1 << 16;

    const int MaxLength = 1 << 28;
    const int MostColumns = 10_000;
    const int Shown = 20;
    const string Example = "{\"path\": \"photos/7.jpg\", \"class\": \"tench\"}";

    static readonly string[] s_extensions = [".csv", ".tsv", ".json", ".jsonl", ".ndjson"];

    // What columns are called, without spaces, hyphens and underscores; of several that are there the first one counts.
    static readonly string[] s_pathWords =
    [
        "path",
        "filepath",
        "imagepath",
        "imgpath",
        "file",
        "filename",
        "image",
        "imagefile",
        "imagename",
        "img",
        "imgfile",
        "imgname",
    ];
    static readonly string[] s_classWords =
    [
        "class",
        "label",
        "classname",
        "labelname",
        "category",
        "target",
        "wnid",
        "wordnetid",
        "synset",
        "classid",
        "labelid",
        "classindex",
        "classidx",
        "labelindex",
        "labelidx",
    ];

    /// <summary>Whether a path is of a list of images, perhaps with its columns, and there is such a file.</summary>
    /// <param name="path">The path: <c>photos.csv</c>, or <c>photos.csv:path=file,label=species</c>.</param>
    public static bool Is(string path)
    {
        string file = Split(path).File;
        return s_extensions.Contains(Path.GetExtension(file).ToLowerInvariant()) && File.Exists(file);
    }

    /// <summary>A list's file, and the columns that its path or the usual choice name.</summary>
    /// <param name="path">The path.</param>
    public static (string File, ListColumns Columns) Split(string path)
    {
        foreach (string extension in s_extensions)
        {
            int at = path.LastIndexOf($"{extension}:", StringComparison.OrdinalIgnoreCase);
            if (at >= 0 && ListColumns.TryParse(path[(at + extension.Length + 1)..], out ListColumns columns))
                return (path[..(at + extension.Length)], columns);
        }
        return (path, ListColumns.Usual);
    }

    /// <summary>The path by which a list is found again with the same columns.</summary>
    /// <param name="path">The path.</param>
    public static string Whole(string path)
    {
        (string file, ListColumns columns) = Split(path);
        return columns.ToString() is { Length: > 0 } chosen ? $"{file}:{chosen}" : file;
    }

    /// <summary>
    /// Whether a text begins with an object of JSON that is a row of a list, if perhaps one that lacks what is needed,
    /// and not with something larger, such as a benchmark.
    /// </summary>
    /// <param name="file">The file, whose name counts where the text cannot be read.</param>
    /// <param name="text">The file's text, or its beginning.</param>
    public static bool BeginsRow(string file, ReadOnlySpan<byte> text)
    {
        try
        {
            Utf8JsonReader reader = new(text, new JsonReaderOptions { AllowMultipleValues = true });
            if (!JsonDocument.TryParseValue(ref reader, out JsonDocument? json))
                return IsOfLines();
            using (json)
                return json.RootElement is { ValueKind: JsonValueKind.Object } row
                    && (Member(row, null, s_pathWords) is not null || !row.TryGetProperty("format", out _));
        }
        // Characters that are no UTF-8 are told otherwise.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return IsOfLines();
        }

        bool IsOfLines() => Path.GetExtension(file).ToLowerInvariant() is ".jsonl" or ".ndjson";
    }

    /// <summary>The rows of a list.</summary>
    /// <param name="path">The list, perhaps with its columns.</param>
    /// <exception cref="BadInputException">It cannot be read, or a row names no image.</exception>
    public static IEnumerable<ListRow> Rows(string path)
    {
        (string file, ListColumns columns) = Split(path);
        int first;
        using (FileStream stream = Open(file))
        {
            do first = stream.ReadByte();
            while (first is ' ' or '\n' or '\r' or '\t' or 0xEF or 0xBB or 0xBF);
        }
        if (first < 0)
            return [];
        if (first is not ('{' or '['))
            return TableRows(file, columns);
        return JsonRows(file, Text(file), columns);
    }

    /// <summary>The file that a row names.</summary>
    /// <param name="file">The list.</param>
    /// <param name="row">The row.</param>
    /// <param name="roots">The folders from which paths go on, absolute.</param>
    /// <returns>The file; null where there is none.</returns>
    /// <exception cref="BadInputException">It is not called an image, or lies in another list.</exception>
    public static string? Find(string file, ListRow row, IEnumerable<string> roots)
    {
        if (row.Image.Contains("://", StringComparison.Ordinal))
            throw BadInput.Unsupported(
                row.Image,
                $"{row.Place.Begin} of {file} names {Brief(row.Image)}, which lies in the net: download it first."
            );
        if (!ImageNames.IsImage(row.Image) || row.Image.Any(char.IsControl))
            throw BadInput.Mismatch(
                file,
                $"{row.Place.Begin} of {file} names {Brief(row.Image)}, which is not called an image: "
                    + $"{string.Join(", ", ImageNames.Extensions)}."
            );
        foreach (string root in roots)
        {
            string full = Path.GetFullPath(row.Image, root);
            // Which could name itself.
            if (ImagePath.TrySplit(full, out string archive, out _) && Is(archive))
                throw BadInput.Unsupported(
                    file,
                    $"{row.Place.Begin} of {file} names an image by way of a list, {Brief(archive)}: name it by its "
                        + "own path."
                );
            if (ImageFile.Exists(full))
                return full;
        }
        return null;
    }

    /// <summary>Why a row's image is not found.</summary>
    /// <param name="file">The list.</param>
    /// <param name="row">The row.</param>
    /// <param name="roots">The folders from which paths go on.</param>
    /// <param name="remedy">What to do about a path that goes on from them.</param>
    public static BadInputException Missing(
        string file,
        ListRow row,
        IReadOnlyList<string> roots,
        Remedy? remedy = null
    ) =>
        Path.IsPathRooted(row.Image)
            ? BadInput.Missing(row.Image, $"{row.Place.Begin} of {file} names {row.Image}, and there is no such file.")
            : BadInput.Missing(
                row.Image,
                $"{row.Place.Begin} of {file} names the image {row.Image}, which is not below "
                    + $"{string.Join(", ", roots)}.",
                remedy
            );

    /// <summary>
    /// What a list's images are called where names are to be paths below a folder: as the list has them, or, where some
    /// of those are absolute or lead upwards, from the deepest folder that holds all.
    /// </summary>
    /// <param name="images">Each as the list has it, and its file.</param>
    public static string[] Names(IReadOnlyList<(string Image, string File)> images)
    {
        if (images.All(i => IsPlain(i.Image)))
            return [.. images.Select(i => Plain(i.Image))];
        string common = Common(images.Select(i => i.File));
        return [.. images.Select(i => Below(common, i.File))];
    }

    /// <summary>Whether a path of a list is one below a folder.</summary>
    /// <param name="image">The path.</param>
    public static bool IsPlain(string image) => ImagePath.IsNameable(Plain(image), out _);

    /// <summary>Such a path with slashes.</summary>
    /// <param name="image">The path.</param>
    public static string Plain(string image)
    {
        string path = image.Replace('\\', '/');
        return path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path;
    }

    /// <summary>The deepest folder that holds all of some files; empty where there is none.</summary>
    /// <param name="files">Their absolute paths.</param>
    public static string Common(IEnumerable<string> files)
    {
        string? common = null;
        foreach (string file in files)
        {
            common ??= Path.GetDirectoryName(file)!;
            while (!IsIn(file, common))
                common = Path.GetDirectoryName(common)!;
        }
        return common ?? "";
    }

    /// <summary>What a file is called from a folder on, with slashes.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="file">A file in it.</param>
    public static string Below(string folder, string file) => Path.GetRelativePath(folder, file).Replace('\\', '/');

    static bool IsIn(string file, string folder) =>
        file.StartsWith(
            Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar,
            StringComparison.Ordinal
        );

    static IEnumerable<ListRow> TableRows(string file, ListColumns columns)
    {
        bool tabs = Path.GetExtension(file).Equals(".tsv", StringComparison.OrdinalIgnoreCase);
        int line = 1;
        int next = 1;
        CsvDataReader? reader = Guarded(() =>
            CsvDataReader.Create(
                new StreamReader(Open(file), Encoding.UTF8),
                new CsvDataReaderOptions
                {
                    HasHeaders = false,
                    Delimiter = tabs ? '\t' : null,
                    Comment = '\0',
                    BufferSize = 1 << 14,
                    MaxBufferSize = LongestRow,
                }
            )
        );
        using CsvDataReader table = reader;
        int? image = null;
        int? label = null;
        while (Guarded(table.Read))
        {
            line = next;
            next += Lines(table);
            if (table.RowFieldCount > MostColumns)
                throw BadInput.TooLarge(
                    file,
                    $"Line {line} of {file} has {table.RowFieldCount} columns, and a list may have {MostColumns}."
                );
            string[] cells = Guarded(() =>
                (string[])[.. Enumerable.Range(0, table.RowFieldCount).Select(i => Cell(table, i))]
            );
            if (cells.All(c => c.Length == 0))
                continue;
            if (image is null)
            {
                (image, label, bool header) = Columns(file, cells, columns);
                if (header)
                    continue;
            }
            if (image >= cells.Length || cells[image.Value].Length == 0 || cells[image.Value].Contains('\0'))
                throw BadInput.Damaged(
                    file,
                    $"Line {line} of {file} does not name an image and its class, such as photos/7.jpg,tench; quote "
                        + "names that hold a comma."
                );
            yield return new ListRow(
                new ListPlace(line),
                cells[image.Value],
                label < cells.Length && cells[label.Value].Length > 0 ? cells[label.Value] : null
            );
        }

        // What the library throws at a table that is none is of several kinds.
        T Guarded<T>(Func<T> read)
        {
            try
            {
                return read();
            }
            catch (CsvRecordTooLargeException e)
            {
                throw BadInput.TooLarge(
                    file,
                    $"Line {next} of {file} has more than {LongestRow} characters: it is no list, or has a "
                        + "quotation mark without its second.",
                    cause: e
                );
            }
            catch (Exception e) when (e is CsvFormatException or FormatException or ArgumentException)
            {
                throw BadInput.Damaged(
                    file,
                    $"Line {next} of {file} is no row of a table, or has a quotation mark without its second: quote a "
                        + "cell from its first character to its last, and write quotation marks in it twice.",
                    cause: e
                );
            }
        }
    }

    // A quoted cell may hold ends of lines.
    static int Lines(CsvDataReader table)
    {
        ReadOnlySpan<char> row = table.GetRawRecordSpan();
        return row.Count('\n') is > 0 and int lines ? lines : row.Count('\r');
    }

    // Spaces around a cell are no part of it; those within quotation marks are.
    static string Cell(CsvDataReader table, int column)
    {
        ReadOnlySpan<char> cell = table.GetFieldSpan(column);
        ReadOnlySpan<char> row = table.GetRawRecordSpan();
        // One that quotes a quotation mark is no part of the row as it is written.
        bool quoted = !cell.IsEmpty && (!row.Overlaps(cell, out int at) || (at > 0 && row[at - 1] == '"'));
        if (quoted)
            return cell.ToString();
        ReadOnlySpan<char> trimmed = cell.Trim();
        // Quotation marks behind a space, as many write them, the library takes for a part of the cell.
        return trimmed is ['"', .. var inner, '"']
            ? inner.ToString().Replace("\"\"", "\"", StringComparison.Ordinal)
            : trimmed.ToString();
    }

    // A first row of which nothing is called an image is a header.
    static (int Image, int? Label, bool IsHeader) Columns(string file, string[] cells, ListColumns columns)
    {
        bool header = !cells.Any(ImageNames.IsImage);
        int? image =
            columns.Path is string path ? Chosen(path)
            : header ? Column(cells, s_pathWords)
            : 0;
        int? label =
            columns.Class is string chosen ? Chosen(chosen)
            : header ? Column(cells, s_classWords)
            : cells.Length > 1 ? (image == 1 ? 0 : 1)
            : null;
        return (image ?? throw Lacks("of paths"), label, header);

        int Chosen(string column) =>
            header && Array.IndexOf(cells, column) is >= 0 and int named ? named
            : ListColumns.Number(column) is int number && number < cells.Length ? number
            : throw Lacks(column);

        BadInputException Lacks(string column) => NoColumn(file, column, header ? cells : null, cells.Length);
    }

    static BadInputException NoColumn(string file, string column, IReadOnlyList<string>? names, int count)
    {
        string there = names is null ? $"{count} without names, which are chosen by number" : Listed(names);
        return BadInput.Missing(
            file,
            $"{file} has no column {Brief(column)}; there are {there}.",
            Remedy.Option(Parameter.ListColumns)
        );
    }

    static string Listed(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(Shown).Select(Brief))
        + (names.Count > Shown ? $" and {names.Count - Shown} more" : "");

    static int? Column(string[] header, string[] words)
    {
        int[] ranks = [.. header.Select(c => Rank(c, words))];
        int first = ranks.Min();
        return first < words.Length ? Array.IndexOf(ranks, first) : null;
    }

    // The place among the words; their number where it is none.
    static int Rank(string name, string[] words)
    {
        string plain = string.Concat(name.Where(c => c is not ('_' or '-' or ' '))).ToLowerInvariant();
        return Array.IndexOf(words, plain) is >= 0 and int rank ? rank : words.Length;
    }

    static IEnumerable<ListRow> JsonRows(string file, byte[] text, ListColumns columns)
    {
        List<(ListPlace Place, JsonElement Value)> rows = [];
        int line = 1;
        long counted = 0;
        try
        {
            Utf8JsonReader reader = new(text, new JsonReaderOptions { AllowMultipleValues = true });
            while (reader.Read())
            {
                if (reader is { CurrentDepth: 0, TokenType: JsonTokenType.StartArray or JsonTokenType.EndArray })
                    continue;
                line += text.AsSpan((int)counted..(int)reader.TokenStartIndex).Count((byte)'\n');
                counted = reader.TokenStartIndex;
                rows.Add((new ListPlace(line, rows.Count + 1), JsonElement.ParseValue(ref reader)));
            }
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(
                file,
                $"{file} is not JSON after {rows.Count} {(rows.Count == 1 ? "row" : "rows")}: "
                    + $"{JsonPlace.Describe(e, text)}, or what stands before lacks its end. A list is an object a "
                    + $"line, such as {Example}, or an array of them.",
                cause: e
            );
        }
        // The reader's word for characters that are no UTF-8.
        catch (InvalidOperationException e)
        {
            throw BadInput.Damaged(file, $"{file} is not UTF-8 after {rows.Count} rows.", cause: e);
        }
        return rows.Select(row =>
        {
            try
            {
                return new ListRow(row.Place, Image(row.Value, row.Place), Class(row.Value, row.Place));
            }
            catch (InvalidOperationException e)
            {
                throw BadInput.Damaged(file, $"{row.Place.Begin} of {file} is not valid Unicode.", cause: e);
            }
        });

        string Image(JsonElement row, ListPlace place) =>
            row.ValueKind == JsonValueKind.Object
            && Member(row, columns.Path, s_pathWords) is string image
            && !image.Contains('\0')
                ? image
                : throw NoRow(file, place, columns, row);

        string? Class(JsonElement row, ListPlace place) =>
            Member(row, columns.Class, s_classWords)
            ?? (columns.Class is null ? null : throw NoRow(file, place, columns, row));
    }

    static BadInputException NoRow(string file, ListPlace place, ListColumns columns, JsonElement row)
    {
        if (row.ValueKind != JsonValueKind.Object)
            return BadInput.Damaged(
                file,
                $"{place.Begin} of {file} is {Kind(row)}, where an object is expected, such as {Example}."
            );
        string[] there = [.. row.EnumerateObject().Take(Shown + 1).Select(m => m.Name)];
        string members = there.Length > 0 ? Listed(there) : "none";
        Remedy choose = Remedy.Option(Parameter.ListColumns);
        if (
            new[] { columns.Path, columns.Class }.FirstOrDefault(c => c is not null && !there.Contains(c))
            is string lacking
        )
            return BadInput.Missing(
                file,
                $"{file} has no column {Brief(lacking)}"
                    + (ListColumns.Number(lacking) is null ? "" : ", and rows of JSON choose theirs by name alone")
                    + $"; there are {members} in {place}.",
                choose
            );
        string[] known = [.. there.Where(m => Rank(m, s_pathWords) < s_pathWords.Length)];
        bool named = Member(row, columns.Path, s_pathWords) is not null;
        string? unfit = (named ? columns.Class : columns.Path) ?? known.FirstOrDefault();
        if (unfit is null)
            return BadInput.Missing(
                file,
                $"{place.Begin} of {file} names no image: its members are {members}, and none is called path, file, "
                    + "image or the like.",
                choose
            );
        return BadInput.Damaged(
            file,
            $"{place.Begin} of {file} has as {Brief(unfit)} {Kind(row.GetProperty(unfit))}, which is no name, where a "
                + $"row is expected such as {Example}.",
            choose
        );
    }

    static string Kind(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.Array => "an array",
            JsonValueKind.Object => "an object",
            JsonValueKind.Number => $"the number {Brief(value.GetRawText())}",
            JsonValueKind.String => $"the text {Brief(value.GetRawText())}",
            _ => Brief(value.GetRawText()),
        };

    static string? Member(JsonElement row, string? chosen, string[] words)
    {
        (int Rank, string Text)? best = null;
        foreach (JsonProperty member in row.EnumerateObject())
        {
            int rank =
                chosen is null ? Rank(member.Name, words)
                : member.Name == chosen ? 0
                : words.Length;
            if (rank < (best?.Rank ?? words.Length) && Name(member.Value) is string text)
                best = (rank, text);
        }
        return best?.Text;
    }

    // A text, or a class's number.
    static string? Name(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.String => value.GetString() is { Length: > 0 } text ? text : null,
            JsonValueKind.Number when value.TryGetInt64(out long number) => number.ToString(
                CultureInfo.InvariantCulture
            ),
            _ => null,
        };

    static byte[] Text(string file)
    {
        using FileStream stream = Open(file);
        if (stream.Length > MaxLength)
            throw BadInput.TooLarge(
                file,
                $"{file} has {stream.Length} bytes, and a list in JSON may have {MaxLength}: cut it into several, or "
                    + "make it a table."
            );
        byte[] text = new byte[stream.Length];
        stream.ReadExactly(text);
        return text is [0xEF, 0xBB, 0xBF, ..] ? text[3..] : text;
    }

    static FileStream Open(string file)
    {
        try
        {
            FileStream stream = File.OpenRead(file);
            if (stream.CanSeek)
                return stream;
            stream.Dispose();
            // Which would be waited for without end.
            throw BadInput.Mismatch(file, $"{file} is a pipe or a device; give an ordinary file.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(file, $"{file} cannot be read: {SystemMessage.Of(e)}.", cause: e);
        }
    }

    /// <summary>The beginning of a long text.</summary>
    public static string Brief(string text) => text.Length > 100 ? $"{text[..100]}…" : text;
}
