using TorchSharp;
using static Retouch.Formats.OnnxFields;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// An ONNX file for whoever runs it with other weights: which initializers hold a weight of the model, what is in them,
/// and the graph without them. Reading from several threads is safe.
/// </summary>
public sealed class OnnxWeights : IDisposable
{
    const int Smallest = 1 << 10; // bytes; what is less stays where it is

    readonly OnnxFile _file;
    readonly Vit.VitModel? _model;
    readonly Dictionary<string, OnnxTensor> _byName;
    readonly Dictionary<string, OnnxPlace[]> _places = new(StringComparer.Ordinal);
    readonly Lock _lock = new();

    OnnxWeights(OnnxFile file, Vit.VitModel? model, string fingerprint)
    {
        (_file, _model, Fingerprint) = (file, model, fingerprint);
        // Nodes' constants cannot be handed over.
        HashSet<string> initializers = [.. InitializerNames()];
        _byName = file.Tensors.Where(t => initializers.Contains(t.Name)).ToDictionary(t => t.Name);
        Initializers =
        [
            .. _byName
                .Values.Where(t => t.Length >= Smallest)
                .Select(t => new OnnxInitializer(t.Name, t.DType.ToScalarType(), t.Shape, t.Length)),
        ];
    }

    /// <summary>The file.</summary>
    public string Path => _file.Path;

    /// <summary>The fingerprint of the model that the file holds.</summary>
    public string Fingerprint { get; }

    /// <summary>
    /// The large float initializers: those that <see cref="Graph"/> leaves out, and that sessions can share.
    /// </summary>
    public IReadOnlyList<OnnxInitializer> Initializers { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <param name="model">
    /// The model that it was exported from, by which its weights are recognized whatever they are called; not owned.
    /// Null for an export of this tool, which says what it holds.
    /// </param>
    /// <exception cref="BadInputException">
    /// The file cannot be read, is no ONNX file, or is another's and no model is given.
    /// </exception>
    public static OnnxWeights Open(string path, Vit.VitModel? model = null)
    {
        OnnxFile file = OnnxFile.Open(path);
        try
        {
            string fingerprint =
                model?.Fingerprint
                ?? file.Property(OnnxExport.FingerprintKey)
                ?? throw BadInput.Missing(
                    path,
                    $"{path} does not say which model it holds; give the model that it was exported from."
                );
            return new OnnxWeights(file, model, fingerprint);
        }
        catch (Exception e)
        {
            file.Dispose();
            throw e is ArgumentException ? BadInput.Damaged(path, $"{path} has two initializers of one name.") : e;
        }
    }

    /// <summary>A weight of the model as the file has it, a new float32 tensor that the caller disposes.</summary>
    /// <param name="name">Its canonical name.</param>
    /// <exception cref="BadInputException">The file does not have it, or not exactly once.</exception>
    public Tensor Weight(string name)
    {
        if (_model is not null)
            return _model.Tensors[name].alias().DetachFromDisposeScope();
        using DisposeScope scope = NewDisposeScope();
        OnnxPlace[] places = Places(name);
        Tensor[] parts =
        [
            .. places.Select(p =>
            {
                Tensor stored = Read(p.Tensor).to(ScalarType.Float32);
                return p.Transposed ? stored.t().contiguous() : stored;
            }),
        ];
        return (parts is [Tensor one] ? one : cat(parts, 0)).MoveToOuterDisposeScope().DetachFromDisposeScope();
    }

    /// <summary>The initializers that hold a weight, with other values; the caller disposes them.</summary>
    /// <param name="name">The weight's canonical name.</param>
    /// <param name="values">The values, float32, of the weight's shape.</param>
    /// <exception cref="BadInputException">
    /// The file does not have the weight as initializers, or a value is too large for the type that it is stored in.
    /// </exception>
    public IReadOnlyDictionary<string, Tensor> Stored(string name, Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        return Places(name)
            .ToDictionary(
                p => p.Tensor.Name,
                p =>
                    OnnxPatcher
                        .Stored(p, values, name, Path)
                        .contiguous()
                        .MoveToOuterDisposeScope()
                        .DetachFromDisposeScope()
            );
    }

    /// <summary>Reads an initializer's bytes as they are in the file.</summary>
    /// <param name="initializer">One of <see cref="Initializers"/>.</param>
    /// <param name="into">Where to put them; as long as they are.</param>
    /// <exception cref="BadInputException">The file was cut short.</exception>
    public void Read(OnnxInitializer initializer, Span<byte> into)
    {
        OnnxTensor tensor = _byName[initializer.Name];
        _file.FileOf(tensor).Read(tensor.Offset, into[..(int)tensor.Length]);
    }

    /// <summary>
    /// The graph as an ONNX file of its own, without the large initializers: those it names as parts of this file,
    /// which must stay where it is. Some may be put into it with other values.
    /// </summary>
    /// <param name="values">
    /// Initializers with the values to put in, of the stored types; they stay the caller's.
    /// </param>
    /// <exception cref="BadInputException">The file was written to since it was opened.</exception>
    public byte[] Graph(IReadOnlyDictionary<string, Tensor> values)
    {
        foreach ((_, OpenedFile file) in _file.Files())
            file.RequireUnchanged();
        ProtoMessage model = new();
        OpenedFile own = _file.Files().Single(f => f.External is null).File;
        using BufferedStream stream = new(own.Range(0, own.Length), 1 << 16);
        for (ProtoReader field = new(stream, 0, stream.Length, Path); field.Read(); )
        {
            if (field.Field != ModelGraph || !field.IsDelimited)
            {
                model.Append(Raw(stream, field));
                continue;
            }
            ProtoMessage graph = new();
            for (ProtoReader part = field.Message(); part.Read(); )
            {
                if (part.Field == GraphInitializer && part.IsDelimited)
                    graph.Add(GraphInitializer, Initializer(stream, part, values));
                else
                    graph.Append(Raw(stream, part));
            }
            model.Add(ModelGraph, graph);
        }
        if (model.Length > int.MaxValue)
            throw BadInput.TooLarge(Path, $"The patched weights of {Path} take more than the 2 GB that a graph may.");
        byte[] bytes = new byte[model.Length];
        using MemoryStream whole = new(bytes);
        model.WriteTo(whole);
        return bytes;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    ProtoMessage Initializer(Stream stream, ProtoReader field, IReadOnlyDictionary<string, Tensor> values)
    {
        string name = NameOf(field.Message());
        values.TryGetValue(name, out Tensor? given);
        _byName.TryGetValue(name, out OnnxTensor? tensor);
        if (given is null && (tensor is null || tensor.Length < Smallest || tensor.External is not null))
        {
            ProtoMessage same = new();
            for (ProtoReader part = field.Message(); part.Read(); )
                same.Append(Raw(stream, part));
            return same;
        }
        ProtoMessage changed = new();
        for (ProtoReader part = field.Message(); part.Read(); )
        {
            if (part.Field is not (TensorRaw or TensorFloats or TensorInt32s or TensorExternal or TensorLocation))
                changed.Append(Raw(stream, part));
        }
        if (given is not null)
            return changed.Add(TensorRaw, given);
        foreach (
            (string key, string value) in (ReadOnlySpan<(string, string)>)
                [
                    ("location", System.IO.Path.GetFileName(Path)),
                    ("offset", $"{tensor!.Offset}"),
                    ("length", $"{tensor.Length}"),
                ]
        )
            changed.Add(TensorExternal, new ProtoMessage().Add(EntryKey, key).Add(EntryValue, value));
        return changed.Add(TensorLocation, 1);
    }

    IEnumerable<string> InitializerNames()
    {
        OpenedFile own = _file.Files().Single(f => f.External is null).File;
        using BufferedStream stream = new(own.Range(0, own.Length), 1 << 14);
        for (ProtoReader field = new(stream, 0, stream.Length, Path); field.Read(); )
        {
            if (field.Field != ModelGraph || !field.IsDelimited)
                continue;
            for (ProtoReader part = field.Message(); part.Read(); )
            {
                if (part.Field == GraphInitializer && part.IsDelimited)
                    yield return NameOf(part.Message());
            }
        }
    }

    static string NameOf(ProtoReader tensor)
    {
        string name = "";
        while (tensor.Read())
        {
            if (tensor.Field == TensorTitle)
                name = tensor.Text();
        }
        return name;
    }

    // A field as it is in the file, its number included.
    static ProtoMessage Raw(Stream stream, ProtoReader field)
    {
        byte[] bytes = new byte[field.End - field.Start];
        stream.Position = field.Start;
        stream.ReadExactly(bytes);
        return new ProtoMessage().AppendRaw(bytes);
    }

    OnnxPlace[] Places(string name)
    {
        lock (_lock)
        {
            if (_places.TryGetValue(name, out OnnxPlace[]? known))
                return known;
            OnnxPlace[] places = _model is null
                ? [OwnPlace(name)]
                : OnnxPatcher.Find(
                    _file,
                    name,
                    _model.Tensors[name],
                    new ReadingTime(Path, _file.Files().Sum(f => f.File.Length))
                );
            if (places.FirstOrDefault(p => !_byName.ContainsKey(p.Tensor.Name)) is { } constant)
                throw BadInput.Unsupported(
                    Path,
                    $"{Path} has {name} as a constant among its nodes ({UserText.Quote(constant.Tensor.Name)}), not "
                        + "as an "
                        + "initializer, so it cannot be exchanged while it is served; put the patch into the file."
                );
            return _places[name] = places;
        }
    }

    // As the export writes it.
    OnnxPlace OwnPlace(string name) =>
        _byName.TryGetValue(name, out OnnxTensor? same) ? new OnnxPlace(same, false, null)
        : _byName.TryGetValue(name + ".T", out OnnxTensor? turned) ? new OnnxPlace(turned, true, null)
        : throw BadInput.Missing(Path, $"{Path} has no initializer for the weight {name}.");

    Tensor Read(OnnxTensor tensor)
    {
        using Stream stream = _file.FileOf(tensor).Range(tensor.Offset, tensor.Length);
        return TensorBytes.Read(stream, tensor.DType, tensor.Shape);
    }
}
