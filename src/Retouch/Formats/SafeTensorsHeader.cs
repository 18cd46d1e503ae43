using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Retouch.Formats;

/// <summary>
/// The table of contents of a safetensors file: parsed without trust, written as the reference
/// implementation writes it. Both dictionaries keep the order of the file.
/// </summary>
sealed class SafeTensorsHeader
{
    /// <summary>The longest header, in bytes, that the reference implementation accepts.</summary>
    public const int MaxLength = 100_000_000;

    /// <summary>The bytes before the header: its length as a little-endian 64-bit number.</summary>
    public const int PrefixLength = 8;

    // PyTorch itself cannot do much with more axes.
    const int MaxRank = 64;

    const string MetadataKey = "__metadata__";

    static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public OrderedDictionary<string, string> Metadata { get; } = [];

    public OrderedDictionary<string, TensorEntry> Tensors { get; } = [];

    /// <summary>Parses and validates the header of a file with <paramref name="dataLength"/> bytes after it.</summary>
    /// <exception cref="BadInputException">
    /// The header breaks the format in some way; the message says which.
    /// </exception>
    public static SafeTensorsHeader Parse(ReadOnlySpan<byte> bytes, long dataLength, string path)
    {
        if (!Utf8.IsValid(bytes))
            throw NotSafeTensors(path, "its header is not UTF-8 text");
        var header = new SafeTensorsHeader();
        try
        {
            var reader = new Utf8JsonReader(bytes);
            header.ReadAll(ref reader, path);
        }
        // InvalidOperationException is the reader's word for an escaped half of a surrogate pair.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw NotSafeTensors(
                path,
                e is JsonException json
                    ? $"its header is not valid JSON ({JsonPlace.Describe(json, bytes)})"
                    : "its header is not valid JSON: a text in it is not valid Unicode",
                e
            );
        }
        header.CheckCoverage(dataLength, path);
        return header;
    }

    /// <summary>
    /// A header that lists <paramref name="tensors"/> and <paramref name="metadata"/>, with the prefix and padding.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// It would be longer than <see cref="MaxLength"/>, or a text is not valid Unicode.
    /// </exception>
    public static byte[] Format(IReadOnlyDictionary<string, string>? metadata, IEnumerable<TensorEntry> tensors)
    {
        var buffer = new ArrayBufferWriter<byte>();
        BitConverter.TryWriteBytes(buffer.GetSpan(PrefixLength), 0L);
        buffer.Advance(PrefixLength);
        using (var json = new Utf8JsonWriter(buffer, Compact))
        {
            json.WriteStartObject();
            if (metadata is not null)
                WriteMetadata(json, metadata);
            foreach (TensorEntry tensor in tensors)
                WriteEntry(json, tensor);
            json.WriteEndObject();
        }
        int padding = -buffer.WrittenCount & (PrefixLength - 1);
        buffer.Write("       "u8[..padding]);
        long length = buffer.WrittenCount - PrefixLength;
        if (length > MaxLength)
            throw new ArgumentException(
                $"The names and metadata take {length:N0} bytes; a safetensors header holds at most {MaxLength:N0}."
            );
        byte[] bytes = buffer.WrittenSpan.ToArray();
        BitConverter.TryWriteBytes(bytes, length);
        return bytes;
    }

    public static BadInputException NotSafeTensors(string path, string reason, Exception? cause = null) =>
        BadInput.Mismatch(path, $"{path} is not a safetensors file; {reason}.", cause: cause);

    static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject(MetadataKey);
        foreach ((string key, string value) in metadata)
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    static void WriteEntry(Utf8JsonWriter json, TensorEntry tensor)
    {
        if (tensor.Name == MetadataKey)
            throw new ArgumentException(
                $"A tensor cannot be called {MetadataKey}: safetensors keeps that name for itself."
            );
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.DType.ToString());
        json.WriteStartArray("shape");
        foreach (long size in tensor.Shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(tensor.Offset);
        json.WriteNumberValue(tensor.Offset + tensor.Length);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    void ReadAll(ref Utf8JsonReader reader, string path)
    {
        bool sawMetadata = false;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw NotSafeTensors(path, "its header is not a JSON object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (name == MetadataKey)
            {
                if (sawMetadata)
                    throw Damaged(path, $"{MetadataKey} is listed twice");
                sawMetadata = true;
                ReadMetadata(ref reader, path);
            }
            else if (!Tensors.TryAdd(name, ReadEntry(ref reader, name, path)))
            {
                throw Damaged(path, $"tensor {UserText.Quote(name)} is listed twice");
            }
        }
        // Reaching the end here makes the reader refuse anything but white space after the object.
        reader.Read();
    }

    void ReadMetadata(ref Utf8JsonReader reader, string path)
    {
        // What Python's library makes of no metadata, where a program writes the key anyway.
        if (reader.TokenType == JsonTokenType.Null)
            return;
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Damaged(path, $"{MetadataKey} is not a JSON object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null)
                continue;
            if (reader.TokenType != JsonTokenType.String)
                throw Damaged(path, $"the metadata value {UserText.Quote(key)} is not a string");
            if (!Metadata.TryAdd(key, reader.GetString()!))
                throw Damaged(path, $"the metadata key {UserText.Quote(key)} is listed twice");
        }
    }

    static TensorEntry ReadEntry(ref Utf8JsonReader reader, string name, string path)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Damaged(path, $"the entry of tensor {UserText.Quote(name)} is not a JSON object");
        string? dtypeName = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = reader.GetString()!;
            reader.Read();
            bool twice = field switch
            {
                "dtype" => dtypeName is not null,
                "shape" => shape is not null,
                "data_offsets" => offsets is not null,
                _ => false,
            };
            if (twice)
                throw Damaged(path, $"tensor {UserText.Quote(name)} has two fields {field}");
            switch (field)
            {
                case "dtype":
                    dtypeName =
                        reader.TokenType == JsonTokenType.String
                            ? reader.GetString()
                            : throw Damaged(path, $"the dtype of tensor {UserText.Quote(name)} is not a string");
                    break;
                case "shape":
                    shape = ReadSizes(ref reader, name, field, path);
                    break;
                case "data_offsets":
                    offsets = ReadSizes(ref reader, name, field, path);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        if (dtypeName is null || shape is null || offsets is null)
            throw Damaged(path, $"tensor {UserText.Quote(name)} lacks its dtype, shape or data_offsets");
        if (offsets.Length != 2)
            throw Damaged(path, $"the data_offsets of tensor {UserText.Quote(name)} are not two numbers");
        return Entry(name, dtypeName, shape, begin: offsets[0], end: offsets[1], path);
    }

    static long[] ReadSizes(ref Utf8JsonReader reader, string name, string field, string path)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Damaged(path, $"the {field} of tensor {UserText.Quote(name)} is not a list of numbers");
        var sizes = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long size))
                throw Damaged(
                    path,
                    $"the {field} of tensor {UserText.Quote(name)} holds something else than a whole 64-bit number"
                );
            if (size < 0)
                throw Damaged(path, $"the {field} of tensor {UserText.Quote(name)} holds the negative number {size}");
            if (sizes.Count == MaxRank)
                throw Damaged(path, $"the {field} of tensor {UserText.Quote(name)} has more than {MaxRank} numbers");
            sizes.Add(size);
        }
        return [.. sizes];
    }

    static TensorEntry Entry(string name, string dtypeName, long[] shape, long begin, long end, string path)
    {
        // Enum.TryParse would accept "3" and "F32, F16" too.
        if (!Enum.IsDefined(typeof(TensorDType), dtypeName))
            throw BadInput.Unsupported(
                path,
                $"{path} stores tensor {UserText.Quote(name)} as {UserText.Quote(dtypeName)}, which Retouch does not "
                    + $"read; convert it to one of {string.Join(", ", Enum.GetNames<TensorDType>())}."
            );
        var dtype = Enum.Parse<TensorDType>(dtypeName);
        if (begin > end)
            throw Damaged(
                path,
                $"the data of tensor {UserText.Quote(name)} ends at byte {end}, before its begin at {begin}"
            );
        if (!TryByteLength(dtype, shape, out long length))
            throw Damaged(
                path,
                $"the shape {UserText.Shape(shape)} of tensor {UserText.Quote(name)} is too large for any file"
            );
        if (length != end - begin)
            throw Damaged(
                path,
                $"tensor {UserText.Quote(name)} takes {length} bytes by its shape {UserText.Shape(shape)} and dtype "
                    + $"{dtype}, but {end - begin} bytes by its data_offsets"
            );
        return new TensorEntry(name, dtype, shape, begin, length);
    }

    static bool TryByteLength(TensorDType dtype, long[] shape, out long length)
    {
        // Zeros do not excuse the other sizes: PyTorch multiplies those for the strides of an empty tensor.
        UInt128 product = (uint)dtype.Size();
        foreach (long size in shape)
        {
            product *= (ulong)Math.Max(size, 1);
            if (product > long.MaxValue)
            {
                length = 0;
                return false;
            }
        }
        length = shape.Contains(0) ? 0 : (long)product;
        return true;
    }

    void CheckCoverage(long dataLength, string path)
    {
        TensorEntry[] entries = [.. Tensors.Values];
        Array.Sort(entries, (a, b) => (a.Offset, a.Length).CompareTo((b.Offset, b.Length)));
        long covered = 0;
        string previous = "";
        foreach (TensorEntry entry in entries)
        {
            if (entry.Length > dataLength - entry.Offset)
                throw Damaged(
                    path,
                    $"the data of tensor {UserText.Quote(entry.Name)} ends at byte {entry.Offset + entry.Length}, but "
                        + $"the file has only {dataLength} bytes of data; was the download cut short?"
                );
            if (entry.Offset < covered)
                throw Damaged(
                    path,
                    $"the data of tensors {UserText.Quote(previous)} and {UserText.Quote(entry.Name)} overlap"
                );
            if (entry.Offset > covered)
                throw Damaged(
                    path,
                    $"{entry.Offset - covered} bytes before the data of tensor "
                        + $"{UserText.Quote(entry.Name)} belong to no tensor"
                );
            covered = entry.Offset + entry.Length;
            previous = entry.Name;
        }
        if (covered < dataLength)
            throw Damaged(path, $"{dataLength - covered} bytes after the last tensor belong to no tensor");
    }

    static BadInputException Damaged(string path, string what) =>
        BadInput.Mismatch(path, $"{path} is not a valid safetensors file: {what}.");
}
