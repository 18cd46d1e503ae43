using System.Buffers.Binary;
using System.Numerics;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// What torch.save wrote before PyTorch 1.6: five pickles (a magic number, the version, the machine, the
/// object, the names of the storages), then each storage as its count and its numbers. Not safe for use from
/// several threads.
/// </summary>
sealed class LegacyTorchFile : ITensorSource
{
    static readonly BigInteger Magic = BigInteger.Parse("119547037146038801333356");

    static readonly Dictionary<string, string> NoMetadata = [];

    readonly Stream _stream;
    readonly Dictionary<string, PickleTensor> _stated;
    readonly Dictionary<string, long> _begins = new(StringComparer.Ordinal);
    readonly Dictionary<string, TensorEntry> _tensors;
    readonly SharedStorages _shared;

    LegacyTorchFile(string path, Stream stream)
    {
        (Path, _stream) = (path, stream);
        if (PickleReader.Read(stream, path) is not BigInteger magic || magic != Magic)
            throw BadInput.Mismatch(path, $"{path} is a pickle, but not one that torch.save wrote.");
        if (PickleReader.Read(stream, path) is not BigInteger version || version != 1001)
            throw Damaged("its format's version is not 1001");
        if (
            PickleReader.Read(stream, path) is Dictionary<object, object?> machine
            && machine.TryGetValue("little_endian", out object? little)
            && little is not true
        )
            throw BadInput.Unsupported(
                path,
                $"{path} was written on a big-endian machine, which Retouch does not read."
            );
        _stated = StateDictionary.Flatten(PickleReader.Read(stream, path), path);
        object?[] keys = PickleReader.Read(stream, path) is List<object?> list
            ? [.. list]
            : throw Damaged("it has no list of storages");
        FindStorages(keys);
        foreach ((string name, PickleTensor tensor) in _stated)
        {
            if (!_begins.ContainsKey(tensor.Storage.Key))
                throw Damaged($"the storage of the tensor {UserText.Quote(name)} is not there");
        }
        _tensors = TorchTensors.Entries(_stated);
        _shared = new SharedStorages(_stated.Values);
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public long Length => _stream.Length;

    /// <inheritdoc/>
    public string Kind => "PyTorch (before 1.6)";

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata => NoMetadata;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <summary>Opens a file and finds its storages; no tensor is read yet.</summary>
    /// <exception cref="BadInputException">It cannot be read, is damaged, or asks for more than tensors.</exception>
    public static LegacyTorchFile Open(string path)
    {
        Stream stream = new BufferedStream(InputFile.Open(path), 1 << 16);
        try
        {
            return new LegacyTorchFile(path, stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor ReadFloat(string name)
    {
        TensorSource.FloatEntry(this, name);
        PickleTensor tensor = _stated[name];
        long begin = _begins[tensor.Storage.Key];
        try
        {
            Tensor? shared = _shared.Find(
                tensor,
                storage => At(begin, () => TensorBytes.Read(_stream, tensor.Storage.DType, [storage]))
            );
            return TensorSource.ToFloat(
                shared ?? At(begin + TorchTensors.Before(tensor), () => TorchTensors.Read(_stream, tensor))
            );
        }
        catch (EndOfStreamException e)
        {
            throw BadInput.Damaged(
                Path,
                $"{Path} was cut short while it was being read; start again when it is at rest.",
                cause: e
            );
        }

        Tensor At(long position, Func<Tensor> read)
        {
            _stream.Position = position;
            return read();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _shared.Dispose();
        _stream.Dispose();
    }

    void FindStorages(object?[] keys)
    {
        // Storages of anything but tensors of the model cannot be measured: a size is stated with its tensor.
        Dictionary<string, PickleStorage[]> stated = _stated
            .Values.GroupBy(t => t.Storage.Key)
            .ToDictionary(g => g.Key, g => g.Select(t => t.Storage).ToArray());
        byte[] head = new byte[8];
        foreach (object? item in keys)
        {
            if (item is not string key || !stated.TryGetValue(key, out PickleStorage[]? storages))
                throw Damaged("it holds a storage that no tensor uses");
            TensorDType dtype = storages[0].DType;
            if (_stream.Length - _stream.Position < head.Length)
                throw Damaged("it ends before its last tensor; was the download cut short?");
            _stream.ReadExactly(head);
            long count = BinaryPrimitives.ReadInt64LittleEndian(head);
            long left = _stream.Length - _stream.Position;
            if (count < 0 || count > left / dtype.Size())
                throw Damaged(
                    $"a storage announces {count} numbers where {left} bytes are left; was the download cut short?"
                );
            if (storages.Any(s => s.DType != dtype || s.Offset + s.Count > count))
                throw Damaged("a tensor reaches beyond its storage");
            if (!_begins.TryAdd(key, _stream.Position))
                throw Damaged("it holds a storage twice");
            _stream.Position += count * dtype.Size();
        }
    }

    BadInputException Damaged(string why) => BadInput.Damaged(Path, $"{Path} is a damaged PyTorch file: {why}.");
}
