using System.Formats.Tar;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Retouch.Images;

/// <summary>
/// The images of an uncompressed tar archive. In one of WebDataset's, an image's class is in the file of the same name
/// that ends in <c>.cls</c>, <c>.json</c> or <c>.txt</c>.
/// </summary>
sealed class TarImages : ImageArchive
{
    const int MostLabelBytes = 64 << 10;
    const int LongestLabel = 100;

    static readonly string[] s_labelFiles = [".cls", ".json", ".txt"];
    static readonly string[] s_labelWords = ["cls", "label", "class", "label_name", "class_name"];

    readonly SafeFileHandle _file;
    readonly Dictionary<string, (long Offset, long Length)> _places = new(StringComparer.Ordinal);

    public TarImages(string path)
        : base(path)
    {
        List<(string Name, long Offset, long Length)> images = [];
        Dictionary<string, (int Rank, string Label)> labels = new(StringComparer.Ordinal);
        long size;
        using (FileStream stream = File.OpenRead(path))
        {
            size = stream.Length;
            using TarReader reader = new(stream);
            while (reader.GetNextEntry() is TarEntry entry)
            {
                if (
                    entry.EntryType
                    is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile)
                )
                    continue;
                string name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
                if (IsImage(name))
                    images.Add((name, entry.DataOffset, entry.Length));
                else if (
                    Array.IndexOf(s_labelFiles, System.IO.Path.GetExtension(name).ToLowerInvariant())
                        is >= 0
                            and int rank
                    && entry.Length <= MostLabelBytes
                    && Label(entry, rank) is string label
                    && (!labels.TryGetValue(Key(name), out (int Rank, string) known) || rank < known.Rank)
                )
                    labels[Key(name)] = (rank, label);
            }
        }
        foreach ((string name, long offset, long length) in images)
        {
            if (offset < 0 || length < 0 || offset + length > size)
                throw new InvalidDataException("an entry ends after the archive");
            string shown = labels.TryGetValue(Key(name), out (int, string Label) of)
                ? $"{of.Label}/{name.Replace('/', '_')}"
                : name;
            if (_places.TryAdd(shown, (offset, length)))
                List(shown);
            else
                LeaveOut($"{name} is in {path} twice; the first counts.");
        }
        _file = File.OpenHandle(path);
    }

    public override bool Has(string name) => _places.ContainsKey(name);

    public override long Length(string name) =>
        _places.TryGetValue(name, out (long, long Length) place) ? place.Length : throw Lacks(name);

    public override byte[] Read(string name)
    {
        if (!_places.TryGetValue(name, out (long Offset, long Length) place))
            throw Lacks(name);
        if (place.Length > ImageDecoder.MaxFileBytes)
            throw TooLarge(name);
        byte[] bytes = new byte[place.Length];
        int read = 0;
        while (read < bytes.Length)
        {
            int some = RandomAccess.Read(_file, bytes.AsSpan(read), place.Offset + read);
            if (some == 0)
                throw BadInput.Damaged(Path, $"{Path} was cut while it was read.");
            read += some;
        }
        return bytes;
    }

    // What WebDataset calls a key: all before the first full stop of the last part.
    static string Key(string name)
    {
        int start = name.LastIndexOf('/') + 1;
        int end = name.IndexOf('.', start);
        return end < 0 ? name : name[..end];
    }

    // A caption is no class.
    static string? Label(TarEntry entry, int rank)
    {
        if (entry.DataStream is null)
            return null;
        using StreamReader reader = new(entry.DataStream, Encoding.UTF8, leaveOpen: true);
        string text = reader.ReadToEnd().Trim();
        if (s_labelFiles[rank] == ".json")
            text = Member(text) ?? "";
        return ArchiveLabel.Of(text, LongestLabel);
    }

    static string? Member(string text)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                return null;
            foreach (string word in s_labelWords)
            {
                if (!json.RootElement.TryGetProperty(word, out JsonElement value))
                    continue;
                if (value.ValueKind == JsonValueKind.String)
                    return value.GetString();
                if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number))
                    return number.ToString(System.Globalization.CultureInfo.InvariantCulture);
            }
            return null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
