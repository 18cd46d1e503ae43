using System.Globalization;
using static Retouch.Formats.OnnxFields;

namespace Retouch.Formats;

/// <summary>
/// The float tensors of an ONNX file: the initializers of its graph, and the constants among its nodes. The file
/// is walked through, not loaded; weights may lie in files beside it. All are read through the handles that they
/// were opened by. Nothing of it is trusted.
/// </summary>
sealed class OnnxFile : IDisposable
{
    const int MostTensors = 100_000;
    const int MostAxes = 16;
    const int MostProperties = 10_000;
    const int LongestProperty = 16 << 20;

    readonly List<OnnxTensor> _tensors = [];
    readonly OpenedFile _file;
    readonly Dictionary<string, OpenedFile> _external = new(StringComparer.Ordinal);
    readonly List<(string Key, long Start, long End)> _properties = [];

    OnnxFile(OpenedFile file) => _file = file;

    /// <summary>The path that it was opened by.</summary>
    public string Path => _file.Path;

    /// <summary>The tensors in the order of the file.</summary>
    public IReadOnlyList<OnnxTensor> Tensors => _tensors;

    /// <summary>The files beside it that hold weights, relative to its folder.</summary>
    public IReadOnlyCollection<string> External => _external.Keys;

    /// <summary>Reads the table of contents.</summary>
    /// <exception cref="BadInputException">
    /// The file cannot be read, is no ONNX file, or names weights outside its folder.
    /// </exception>
    public static OnnxFile Open(string path)
    {
        OnnxFile file = new(OpenedFile.Open(path));
        try
        {
            using BufferedStream stream = new(file._file.Range(0, file._file.Length), 1 << 14);
            bool graph = false;
            for (ProtoReader model = new(stream, 0, stream.Length, path); model.Read(); )
            {
                if (model.Field == ModelProperty && model.IsDelimited)
                    file.ReadProperty(model);
                if (model.Field != ModelGraph || !model.IsDelimited)
                    continue;
                graph = true;
                file.ReadGraph(model.Message());
            }
            return graph ? file : throw BadInput.Missing(path, $"{path} is not an ONNX file: it has no graph.");
        }
        catch (Exception e)
        {
            file.Dispose();
            throw e is EndOfStreamException or OverflowException
                ? BadInput.Damaged(path, $"{path} is a damaged ONNX file.", cause: e)
                : e;
        }
    }

    /// <summary>The keys of its metadata, each with where the field lies that says it.</summary>
    public IReadOnlyList<(string Key, long Start, long End)> Properties => _properties;

    /// <summary>What its metadata say under a key, or null.</summary>
    public string? Property(string key)
    {
        if (_properties.FindLastIndex(p => p.Key == key) is not (>= 0 and int at))
            return null;
        using BufferedStream stream = new(_file.Range(0, _file.Length), 1 << 14);
        ProtoReader field = new(stream, _properties[at].Start, _properties[at].End, Path);
        string? value = null;
        for (ProtoReader entry = field.Read() ? field.Message() : field; entry.Read(); )
        {
            if (entry.Field == EntryValue)
                value = entry.Text(LongestProperty);
        }
        return value;
    }

    /// <summary>The file that a tensor's bytes are in.</summary>
    public OpenedFile FileOf(OnnxTensor tensor) => tensor.External is null ? _file : _external[tensor.External];

    /// <summary>Every file, this one last: without the weights beside it, it means nothing.</summary>
    public IEnumerable<(string? External, OpenedFile File)> Files() =>
        [.. _external.Select(e => ((string?)e.Key, e.Value)), (null, _file)];

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        foreach (OpenedFile file in _external.Values)
            file.Dispose();
    }

    void ReadProperty(ProtoReader field)
    {
        if (_properties.Count == MostProperties)
            throw Bad($"it has more than {MostProperties} metadata");
        string key = "";
        for (ProtoReader entry = field.Message(); entry.Read(); )
        {
            if (entry.Field == EntryKey)
                key = entry.Text();
        }
        _properties.Add((key, field.Start, field.Begin + field.Length));
    }

    string Beside(string external) =>
        System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!, external);

    void ReadGraph(ProtoReader graph)
    {
        while (graph.Read())
        {
            if (graph.Field == GraphInitializer && graph.IsDelimited)
                ReadTensor(graph.Message(), null);
            else if (graph.Field == GraphNode && graph.IsDelimited)
                ReadConstant(graph.Message());
        }
    }

    void ReadConstant(ProtoReader node)
    {
        (string? output, string? type) = (null, null);
        List<ProtoReader> tensors = [];
        while (node.Read())
        {
            if (node.Field == NodeOutput)
                output = node.Text();
            else if (node.Field == NodeType)
                type = node.Text();
            else if (node.Field == NodeAttribute && node.IsDelimited)
            {
                for (ProtoReader attribute = node.Message(); attribute.Read(); )
                {
                    if (attribute.Field == AttributeTensor && attribute.IsDelimited)
                        tensors.Add(attribute.Message());
                }
            }
        }
        if (type == "Constant")
            tensors.ForEach(t => ReadTensor(t, output));
    }

    void ReadTensor(ProtoReader tensor, string? nodeOutput)
    {
        List<long> shape = [];
        Dictionary<string, string> external = [];
        (string name, long type, long location) = ("", 0, 0);
        List<(int Field, long Begin, long Length)> data = [];
        while (tensor.Read())
        {
            switch (tensor.Field)
            {
                case TensorDims:
                    shape.AddRange(tensor.Numbers());
                    break;
                case TensorType:
                    type = tensor.Number;
                    break;
                case TensorTitle:
                    name = tensor.Text();
                    break;
                case TensorLocation:
                    location = tensor.Number;
                    break;
                case TensorFloats or TensorRaw or TensorInt32s when tensor.IsDelimited:
                    data.Add((tensor.Field, tensor.Begin, tensor.Length));
                    break;
                case TensorExternal when tensor.IsDelimited:
                    ReadEntry(tensor.Message(), external);
                    break;
            }
        }
        TensorDType? dtype = type switch
        {
            FloatCode => TensorDType.F32,
            Float16Code => TensorDType.F16,
            BFloat16Code => TensorDType.BF16,
            DoubleCode => TensorDType.F64,
            _ => null,
        };
        if (dtype is null || shape.Count == 0)
            return;
        name = nodeOutput ?? name;
        UInt128 bytes = (uint)dtype.Value.Size();
        foreach (long size in shape)
            bytes *=
                size >= 0 && shape.Count <= MostAxes
                    ? (ulong)size
                    : throw Bad($"the tensor {UserText.Quote(name)} has the shape {UserText.Shape(shape)}");
        if (bytes > long.MaxValue)
            throw Bad($"the tensor {UserText.Quote(name)} of shape {UserText.Shape(shape)} is too large for any file");
        if (_tensors.Count == MostTensors)
            throw Bad($"it holds more than {MostTensors} tensors");
        if (location == 1)
        {
            string file = Location(name, external.GetValueOrDefault("location"));
            if (!_external.TryGetValue(file, out OpenedFile? beside))
            {
                beside = File.Exists(Beside(file))
                    ? OpenedFile.Open(Beside(file))
                    : throw BadInput.Missing(
                        Path,
                        $"{Path} keeps the tensor {UserText.Quote(name)} in "
                            + $"{UserText.Quote(file)}, which is not beside it."
                    );
                _external.Add(file, beside);
            }
            long offset = Number(external, "offset", name) ?? 0;
            long length = beside.Length;
            if (
                offset > length
                || (long)bytes > length - offset
                || (Number(external, "length", name) is long stated && stated != (long)bytes)
            )
                throw Bad($"the tensor {UserText.Quote(name)} does not lie within {UserText.Quote(file)}");
            _tensors.Add(new OnnxTensor(name, dtype.Value, shape, file, offset));
        }
        // Small tensors may be spelled out number by number; a packed list of floats is as good as raw bytes.
        else if (
            data.Count == 1
            && data[0].Length == (long)bytes
            && (data[0].Field == TensorRaw || (data[0].Field == TensorFloats && dtype == TensorDType.F32))
        )
            _tensors.Add(new OnnxTensor(name, dtype.Value, shape, null, data[0].Begin));
        else if (data.Count == 1 && data[0].Field == TensorRaw)
            throw Bad(
                $"the tensor {UserText.Quote(name)} takes {bytes} bytes by its shape {UserText.Shape(shape)}, but has "
                    + $"{data[0].Length}"
            );
    }

    static void ReadEntry(ProtoReader entry, Dictionary<string, string> entries)
    {
        (string key, string value) = ("", "");
        while (entry.Read())
        {
            if (entry.Field == EntryKey)
                key = entry.Text();
            else if (entry.Field == EntryValue)
                value = entry.Text();
        }
        entries[key] = value;
    }

    string Location(string name, string? location)
    {
        if (
            string.IsNullOrWhiteSpace(location)
            || System.IO.Path.IsPathRooted(location)
            || location.Contains('\\')
            || location.Contains('\0')
            || location.Contains(':')
            || location.Split('/').Contains("..")
        )
            throw Bad(
                $"the tensor {UserText.Quote(name)} is kept in "
                    + $"{UserText.Quote(location ?? "")}, which is not a file beside it"
            );
        return location;
    }

    long? Number(Dictionary<string, string> external, string key, string name) =>
        !external.TryGetValue(key, out string? text) ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number
        : throw Bad($"the {key} of the tensor {UserText.Quote(name)} is {UserText.Quote(text)}");

    BadInputException Bad(string why) => BadInput.Damaged(Path, $"{Path} is a damaged ONNX file: {why}.");
}
