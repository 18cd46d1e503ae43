using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Retouch.Formats;

namespace Retouch.Patches;

/// <summary>
/// A ledger as text: a JSON array with one entry a line, and after the entries one line that names the last of them.
/// Each line but the first begins with its comma, so that lines which two branches of a repository added can both be
/// kept as they are. Written so that no entry that is there is ever written differently.
/// </summary>
static class LedgerText
{
    /// <summary>The largest file that is read.</summary>
    public const int MostBytes = 64 << 20;

    /// <summary>The most entries that are read.</summary>
    public const int MostEntries = 100_000;

    const int Version = 1;
    const int MostHeads = 1000;
    const int MostImages = 100_000;
    const int UsualLength = 1 << 10;

    static readonly JsonWriterOptions s_compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The line of an entry, with its id, without the comma.</summary>
    public static (string Id, byte[] Line) Line(LedgerEntry entry)
    {
        byte[] content = Write(json =>
        {
            json.WriteStartObject();
            if (entry.Kind != LedgerEntryKind.Init)
                WriteStrings(json, "on", entry.On);
            json.WriteString("entry", Name(entry.Kind));
            if (entry.Kind == LedgerEntryKind.Init)
            {
                json.WriteNumber("version", Version);
                json.WriteString("base", entry.Base);
            }
            json.WriteString("author", entry.Author);
            json.WriteString("time", entry.Time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
            json.WriteString("reason", entry.Reason);
            if (entry.Patch is { } patch)
            {
                json.WriteStartObject("patch");
                json.WriteString("file", patch.File);
                json.WriteString("sha256", patch.Sha256);
                json.WriteNumber("bytes", patch.Bytes);
                json.WriteString("change", patch.Change);
                json.WriteString("method", patch.Method);
                if (patch.From is not null)
                    json.WriteString("from", patch.From);
                json.WriteEndObject();
                json.WriteStartArray("images");
                foreach (LedgerImage image in entry.Images)
                {
                    json.WriteStartObject();
                    json.WriteString("sha256", image.Sha256);
                    json.WriteString("name", image.Name);
                    json.WriteNumber("label", image.Label);
                    if (image.LabelName is not null)
                        json.WriteString("labelName", image.LabelName);
                    if (image.Kept)
                        json.WriteBoolean("kept", true);
                    json.WriteEndObject();
                }
                json.WriteEndArray();
                WriteJson(json, "criteria", entry.Criteria);
                WriteJson(json, "check", entry.Check);
            }
            if (entry.Kind == LedgerEntryKind.Revert)
                WriteStrings(json, "reverts", entry.Reverts);
            json.WriteEndObject();
        });
        string id = Hash(content);
        return (id, WithId(id, content));
    }

    /// <summary>The whole text of entries, given by their lines.</summary>
    public static byte[] Whole(IEnumerable<byte[]> lines, IReadOnlyList<string> heads)
    {
        using MemoryStream text = new();
        string before = "[";
        foreach (byte[] line in lines)
        {
            text.Write(Encoding.UTF8.GetBytes(before));
            text.Write(line);
            before = "\n,";
        }
        text.Write("\n,"u8);
        text.Write(
            Write(json =>
            {
                json.WriteStartObject();
                WriteStrings(json, "last", heads);
                json.WriteEndObject();
            })
        );
        text.Write("\n]\n"u8);
        return text.ToArray();
    }

    /// <summary>Reads a ledger's text, and finds what is not as it was written.</summary>
    /// <param name="text">The text.</param>
    /// <param name="path">The file, for messages.</param>
    /// <returns>The entries with their lines as they are, and the ids of those that no other is made upon.</returns>
    /// <exception cref="BadInputException">The text is not a ledger's; the message says why.</exception>
    public static (List<LedgerEntry> Entries, List<byte[]> Lines, List<string> Heads) Read(
        ReadOnlyMemory<byte> text,
        string path
    )
    {
        List<LedgerEntry> entries = [];
        List<byte[]> lines = [];
        Dictionary<string, LedgerEntry> known = new(StringComparer.Ordinal);
        HashSet<string> heads = new(StringComparer.Ordinal);
        HashSet<string> named = new(StringComparer.Ordinal); // as last, at any time
        bool closed = false;
        try
        {
            Utf8JsonReader reader = new(text.Span);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartArray)
                throw Mismatch(path, "it is no list of entries");
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType != JsonTokenType.StartObject)
                    throw Damaged(path, $"what follows entry {entries.Count - 1} is no entry");
                JsonElement element = JsonElement.ParseValue(ref reader);
                closed = element.TryGetProperty("last", out JsonElement last);
                if (closed)
                {
                    foreach (string id in Ids(last, MostHeads, "last"))
                    {
                        if (!known.ContainsKey(id))
                            throw Damaged(path, $"its entry {Short(id)} is missing: the ledger was cut");
                        named.Add(id);
                    }
                    continue;
                }
                if (entries.Count == MostEntries)
                    throw BadInput.TooLarge(path, $"{path} has more than {MostEntries} entries.");
                (LedgerEntry entry, byte[] line) = Entry(element, entries.Count);
                // Of a line that both sides of a merge have, one is enough.
                if (!known.TryAdd(entry.Id, entry))
                    continue;
                Check(entry);
                heads.ExceptWith(entry.On);
                heads.Add(entry.Id);
                entries.Add(entry);
                lines.Add(line);
            }
            // Reaching the end here makes the reader refuse anything but white space after the array.
            reader.Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw Malformed(e, text.Span, path);
        }
        if (entries.Count == 0)
            throw Damaged(path, "it has no entry");
        if (!closed || !heads.IsSubsetOf(named))
            throw Damaged(path, "it does not end with the line that names its last entries: the ledger was cut");
        return (entries, lines, [.. entries.Select(e => e.Id).Where(heads.Contains)]);

        void Check(LedgerEntry entry)
        {
            string which = $"entry {entry.Number} ({Short(entry.Id)})";
            if ((entry.Kind == LedgerEntryKind.Init) != (entry.Number == 0))
                throw Damaged(path, entry.Number == 0 ? "it does not begin with its model" : $"{which} begins it anew");
            if (entry.On.FirstOrDefault(id => !known.ContainsKey(id) || id == entry.Id) is string missing)
                throw Damaged(
                    path,
                    $"{which} was made upon {Short(missing)}, which is not before it: the ledger was cut, or its "
                        + "entries "
                        + "were put in another order"
                );
            if (entry.Kind != LedgerEntryKind.Init && entry.On.Count == 0)
                throw Damaged(path, $"{which} is made upon nothing");
            foreach (string id in entry.Reverts)
            {
                if (!known.TryGetValue(id, out LedgerEntry? target) || target.Kind != LedgerEntryKind.Add)
                    throw Damaged(path, $"{which} takes back {Short(id)}, which added no patch");
            }
        }

        (LedgerEntry, byte[]) Entry(JsonElement element, int number)
        {
            string id = Hex(Text(element, "id"), "id");
            byte[] content = Write(json => Copy(json, element, leftOut: "id"));
            if (Hash(content) != id)
                throw Damaged(
                    path,
                    $"entry {number} ({Short(id)}) is not what it was: its contents have another SHA-256"
                );
            LedgerEntryKind kind = Text(element, "entry") switch
            {
                "init" => LedgerEntryKind.Init,
                "add" => LedgerEntryKind.Add,
                "revert" => LedgerEntryKind.Revert,
                string other => throw BadInput.Unsupported(
                    path,
                    $"Entry {number} of {path} is {UserText.Quote(other)}, which this version does not know."
                ),
            };
            if (kind == LedgerEntryKind.Init && element.GetProperty("version").GetInt32() != Version)
                throw BadInput.Unsupported(
                    path,
                    $"{path} is a ledger of version {element.GetProperty("version").GetRawText()}; this Retouch reads "
                        + $"version {Version}."
                );
            return (
                new LedgerEntry
                {
                    Number = number,
                    Id = id,
                    On = kind == LedgerEntryKind.Init ? [] : Ids(element.GetProperty("on"), MostHeads, "on"),
                    Kind = kind,
                    Author = Text(element, "author"),
                    Time = Time(Text(element, "time")),
                    Reason = Text(element, "reason"),
                    Base = kind == LedgerEntryKind.Init ? Hex(Text(element, "base"), "base") : null,
                    Patch = kind == LedgerEntryKind.Add ? Patch(element.GetProperty("patch"), number) : null,
                    Images = kind == LedgerEntryKind.Add ? Images(element.GetProperty("images")) : [],
                    Reverts =
                        kind == LedgerEntryKind.Revert
                            ? Ids(element.GetProperty("reverts"), MostEntries, "reverts")
                            : [],
                    Criteria = Json(element, "criteria"),
                    Check = Json(element, "check"),
                },
                WithId(id, content)
            );
        }

        LedgerPatch Patch(JsonElement element, int number)
        {
            string file = Text(element, "file");
            if (!IsWithin(file))
                throw Damaged(
                    path,
                    $"entry {number} names the patch {UserText.Quote(file)}, which is not a file in the ledger's folder"
                );
            long bytes = element.GetProperty("bytes").GetInt64();
            return new LedgerPatch(
                file,
                Hex(Text(element, "sha256"), "sha256"),
                bytes > 0 ? bytes : throw new FormatException(),
                Hex(Text(element, "change"), "change"),
                Text(element, "method"),
                element.TryGetProperty("from", out _) ? Place(Text(element, "from")) : null
            );
        }

        string Place(string from) =>
            from.Length > 0 && !from.Contains('\0')
                ? from
                : throw Damaged(path, $"a patch comes from {UserText.Quote(from)}, which names no file");

        LedgerImage[] Images(JsonElement element) =>
            element.GetArrayLength() <= MostImages
                ?
                [
                    .. element
                        .EnumerateArray()
                        .Select(i => new LedgerImage(
                            Hex(Text(i, "sha256"), "sha256"),
                            Text(i, "name"),
                            i.GetProperty("label").GetInt32() is >= 0 and int label
                                ? label
                                : throw new FormatException(),
                            i.TryGetProperty("labelName", out JsonElement name) ? name.GetString() : null,
                            i.TryGetProperty("kept", out JsonElement kept) && kept.GetBoolean()
                        )),
                ]
                : throw Damaged(path, $"an entry has more than {MostImages} images");

        string[] Ids(JsonElement element, int most, string part) =>
            element.GetArrayLength() <= most
                ? [.. element.EnumerateArray().Select(i => Hex(i.GetString(), part))]
                : throw Damaged(path, $"an entry's {part} names more than {most} others");

        string Text(JsonElement element, string name)
        {
            string text = element.TryGetProperty(name, out JsonElement value)
                ? value.GetString() ?? throw new FormatException()
                : throw Damaged(path, $"an entry lacks {name}");
            return text.Length <= LedgerEntry.LongestText
                ? text
                : throw Damaged(path, $"an entry's {name} is longer than {LedgerEntry.LongestText} characters");
        }

        string Hex(string? text, string part) =>
            AppliedPatches.IsHash(text)
                ? text!
                : throw Damaged(path, $"an entry's {part} is {UserText.Quote(text ?? "")}, not a SHA-256");

        static DateTimeOffset Time(string text) =>
            DateTimeOffset.ParseExact(
                text,
                TimeFormat,
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal
            );

        static string? Json(JsonElement element, string name) =>
            element.TryGetProperty(name, out JsonElement value)
                ? Encoding.UTF8.GetString(Write(json => Copy(json, value, null)))
                : null;
    }

    /// <summary>Whether a name in a ledger is of a file in its folder, on every system.</summary>
    public static bool IsWithin(string file) =>
        file.Length is > 0 and < 1000
        && !file.Any(c => c is '\\' or ':' || char.IsControl(c))
        && file.Split('/').All(p => p.Length > 0 && p.Trim(' ', '.').Length > 0 && p[^1] is not ('.' or ' '));

    /// <summary>An id as people write it.</summary>
    public static string Short(string id) => id.Length > 12 ? id[..12] : id;

    static string Name(LedgerEntryKind kind) =>
        kind switch
        {
            LedgerEntryKind.Init => "init",
            LedgerEntryKind.Add => "add",
            _ => "revert",
        };

    const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    static byte[] WithId(string id, byte[] content) =>
        [.. Encoding.UTF8.GetBytes($"{{\"id\":\"{id}\","), .. content.AsSpan(1)];

    static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    static byte[] Write(Action<Utf8JsonWriter> write)
    {
        ArrayBufferWriter<byte> buffer = new(UsualLength);
        using (Utf8JsonWriter json = new(buffer, s_compact))
            write(json);
        return buffer.WrittenSpan.ToArray();
    }

    static void WriteStrings(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (string text in texts)
            json.WriteStringValue(text);
        json.WriteEndArray();
    }

    static void WriteJson(Utf8JsonWriter json, string name, string? value)
    {
        if (value is null)
            return;
        json.WritePropertyName(name);
        Copy(json, JsonElement.Parse(value), null);
    }

    // The one form of a value: as it is written here, also after a formatter has broken the lines of the file.
    static void Copy(Utf8JsonWriter json, JsonElement value, string? leftOut)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                HashSet<string> seen = new(StringComparer.Ordinal);
                foreach (JsonProperty property in value.EnumerateObject())
                {
                    if (!seen.Add(property.Name))
                        throw new FormatException();
                    if (property.Name == leftOut)
                        continue;
                    json.WritePropertyName(property.Name);
                    Copy(json, property.Value, null);
                }
                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (JsonElement item in value.EnumerateArray())
                    Copy(json, item, null);
                json.WriteEndArray();
                break;
            case JsonValueKind.String:
                json.WriteStringValue(value.GetString());
                break;
            case JsonValueKind.Number:
                json.WriteRawValue(value.GetRawText(), skipInputValidation: true);
                break;
            default:
                value.WriteTo(json);
                break;
        }
    }

    static BadInputException Malformed(Exception e, ReadOnlySpan<byte> text, string path) =>
        text.IndexOf("\n<<<<<<< "u8) >= 0 || text.StartsWith("<<<<<<< "u8)
            ? BadInput.Damaged(
                path,
                $"{path} holds the marks of an unfinished merge: keep the lines of both sides, each once, and take the "
                    + "marks out. With 'merge=union' for it in .gitattributes git does so itself.",
                cause: e
            )
            : Damaged(
                path,
                e is JsonException json ? JsonPlace.Describe(json, text) : "a value is not what it can be",
                e
            );

    static BadInputException Mismatch(string path, string why) =>
        BadInput.Mismatch(path, $"{path} is not a ledger: {why}.");

    static BadInputException Damaged(string path, string why, Exception? cause = null) =>
        BadInput.Damaged(path, $"The ledger {path} is damaged: {why}.", cause: cause);
}
