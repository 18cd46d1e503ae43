using System.Globalization;
using System.Text.Json;
using Parquet;
using Parquet.Schema;

namespace Retouch.Images;

/// <summary>
/// The images of a Parquet file as Hugging Face's datasets write them: a column of structures with <c>bytes</c> and
/// <c>path</c>, or of bytes alone, and a column <c>label</c>, whose classes' names are in the file's metadata. A row
/// without bytes is of the file that its path names, as a list's is. The row group that was read last stays in memory.
/// </summary>
sealed class ParquetImages : ImageArchive
{
    const int MostRows = 50_000_000;
    const int MostGroupRows = 5_000_000;
    const long MostGroupBytes = 2L << 30;
    const int LongestLabel = 200;

    static readonly string[] s_labelColumns = ["label", "labels", "class", "fine_label"];

    readonly Lock _gate = new();
    readonly Dictionary<string, (int Group, int Row)> _places = new(StringComparer.Ordinal);
    readonly ParquetReader _reader;
    readonly DataField _bytes;
    readonly DataField? _paths;
    int _group = -1;
    byte[]?[] _rows = [];
    string?[] _elsewhere = []; // of the same rows; none where all have bytes

    public ParquetImages(string path)
        : base(path)
    {
        _reader = Guarded(() => ParquetReader.CreateAsync(path).GetAwaiter().GetResult());
        DataField[] fields = _reader.Schema.DataFields;
        _bytes =
            fields.FirstOrDefault(f => IsBytes(f) && f.Name == "bytes")
            ?? fields.FirstOrDefault(f => IsBytes(f) && f.Name is "image" or "img" or "jpg" or "png")
            ?? throw BadInput.Mismatch(
                path,
                $"{path} has no column of images, which would hold bytes and be called image or image.bytes; it has "
                    + string.Join(", ", fields.Take(20).Select(f => f.Path.ToString()))
                    + "."
            );
        if (_bytes.MaxRepetitionLevel > 0)
            throw BadInput.Unsupported(path, $"{path} has lists of images in its rows, which are not read.");
        _paths = fields.FirstOrDefault(f => IsText(f) && f.Name == "path" && f.MaxRepetitionLevel == 0);
        DataField? labels = s_labelColumns
            .Select(l => fields.FirstOrDefault(f => f.Path.ToString() == l && f.MaxRepetitionLevel == 0))
            .FirstOrDefault(f => f is not null);
        IReadOnlyList<string>? classes = labels is null ? null : Classes(labels.Name);
        long rows = 0;
        HashSet<string> used = new(StringComparer.Ordinal);
        for (int g = 0; g < _reader.RowGroupCount; g++)
        {
            using ParquetRowGroupReader group = Group(g);
            int count = (int)group.RowCount;
            if ((rows += count) > MostRows)
                throw BadInput.TooLarge(path, $"{path} has more than {MostRows} rows: split it.");
            string?[] given = _paths is null ? new string?[count] : Texts(group, _paths, count);
            string?[] of = labels is null ? new string?[count] : Labels(group, labels, classes, count);
            for (int row = 0; row < count; row++)
            {
                long number = rows - count + row;
                string file = System.IO.Path.GetFileName((given[row] ?? "").Replace('\\', '/'));
                if (!IsPlain(file) || !used.Add($"{of[row]}/{file}"))
                    file = string.Create(CultureInfo.InvariantCulture, $"{number:D8}.png");
                string shown = of[row] is string label ? $"{label}/{file}" : file;
                if (_places.TryAdd(shown, (g, row)))
                    List(shown);
            }
        }
    }

    public override bool Has(string name) => _places.ContainsKey(name);

    public override long Length(string name) => Read(name).Length;

    public override byte[] Read(string name)
    {
        if (!_places.TryGetValue(name, out (int Group, int Row) place))
            throw Lacks(name);
        lock (_gate)
        {
            if (_group != place.Group)
            {
                (_group, _rows, _elsewhere) = (-1, [], []);
                using ParquetRowGroupReader group = Group(place.Group);
                ReadOnlyMemory<byte>?[] read = Values<ReadOnlyMemory<byte>>(group, _bytes, (int)group.RowCount);
                byte[]?[] rows = [.. read.Select(r => r?.ToArray())];
                if (_paths is not null && rows.Contains(null))
                    _elsewhere = Texts(group, _paths, rows.Length);
                (_group, _rows) = (place.Group, rows);
            }
            byte[] bytes = _rows[place.Row] ?? Elsewhere(name, place.Row);
            return bytes.LongLength > ImageDecoder.MaxFileBytes ? throw TooLarge(name) : bytes;
        }
    }

    byte[] Elsewhere(string name, int row)
    {
        if (_elsewhere is [] || _elsewhere[row] is not { Length: > 0 } path)
            throw BadInput.Damaged(
                $"{Path}{ImagePath.Mark}/{name}",
                $"{name} in {Path} has neither bytes nor the path of a file."
            );
        string[] root = [System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!];
        ListRow named = new(new ListPlace(0, row + 1), path, null);
        return ImageFile.ReadAllBytes(ImageList.Find(Path, named, root) ?? throw ImageList.Missing(Path, named, root));
    }

    ParquetRowGroupReader Group(int index)
    {
        ParquetRowGroupReader group = Guarded(() => _reader.OpenRowGroupReader(index));
        if (group.RowCount is < 0 or > MostGroupRows)
            throw BadInput.TooLarge(Path, $"{Path} has a row group of {group.RowCount} rows; write smaller ones.");
        long bytes = group.RowGroup.Columns.Sum(c => Math.Max(c.MetaData?.TotalUncompressedSize ?? 0, 0));
        if (bytes > MostGroupBytes)
            throw BadInput.TooLarge(
                Path,
                $"{Path} has a row group of {bytes >> 20} MiB, more than the {MostGroupBytes >> 20} that are read at "
                    + "once; write smaller ones."
            );
        return group;
    }

    string?[] Texts(ParquetRowGroupReader group, DataField field, int count) =>
        [.. Values<ReadOnlyMemory<char>>(group, field, count).Select(t => t?.ToString())];

    // Where rows may lack a value, only this way of the library's leaves them theirs; another moves the rest up.
    T?[] Values<T>(ParquetRowGroupReader group, DataField field, int count)
        where T : struct =>
        Guarded(() =>
        {
            T?[] some = new T?[count];
            if (field.MaxDefinitionLevel > 0)
            {
                group.ReadAsync(field, some.AsMemory()).AsTask().GetAwaiter().GetResult();
                return some;
            }
            T[] all = new T[count];
            group.ReadAsync(field, all.AsMemory()).AsTask().GetAwaiter().GetResult();
            return [.. all.Select(n => (T?)n)];
        });

    string?[] Labels(ParquetRowGroupReader group, DataField field, IReadOnlyList<string>? classes, int count)
    {
        if (IsText(field))
            return [.. Texts(group, field, count).Select(t => t is null ? null : ArchiveLabel.Of(t, LongestLabel))];
        long?[] numbers =
            field.ClrType == typeof(long) ? Numbers<long>(n => n)
            : field.ClrType == typeof(int) ? Numbers<int>(n => n)
            : field.ClrType == typeof(short) ? Numbers<short>(n => n)
            : field.ClrType == typeof(byte) ? Numbers<byte>(n => n)
            : new long?[count];
        return [.. numbers.Select(Named)];

        long?[] Numbers<T>(Func<T, long> wide)
            where T : struct =>
            [.. Values<T>(group, field, count).Select(n => n is T known ? wide(known) : (long?)null)];

        // -1 is what datasets write where nobody knows.
        string? Named(long? number) =>
            number is not long known || known < 0 ? null
            : classes is not null && known < classes.Count ? ArchiveLabel.Of(classes[(int)known], LongestLabel)
            : known.ToString(CultureInfo.InvariantCulture);
    }

    // What Hugging Face's datasets say of the column.
    IReadOnlyList<string>? Classes(string column)
    {
        if (!_reader.CustomMetadata.TryGetValue("huggingface", out string? text))
            return null;
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            return
                json.RootElement.TryGetProperty("info", out JsonElement info)
                && info.TryGetProperty("features", out JsonElement features)
                && features.TryGetProperty(column, out JsonElement feature)
                && feature.TryGetProperty("names", out JsonElement names)
                && names.ValueKind == JsonValueKind.Array
                ? [.. names.EnumerateArray().Select(n => n.GetString() ?? "")]
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    static bool IsBytes(DataField field) =>
        field.ClrType == typeof(byte[]) || field.ClrType == typeof(ReadOnlyMemory<byte>);

    static bool IsText(DataField field) =>
        field.ClrType == typeof(string) || field.ClrType == typeof(ReadOnlyMemory<char>);

    static bool IsPlain(string file) => ImageNames.IsImage(file) && ImagePath.IsNameable(file, out _);

    // What the library throws at a damaged file is of many kinds.
    T Guarded<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (BadInputException or OutOfMemoryException))
        {
            throw BadInput.Damaged(Path, $"{Path} cannot be read as Parquet: {e.Message}", cause: e);
        }
    }
}
