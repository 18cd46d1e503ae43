using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// What torch.save writes since PyTorch 1.6: a zip archive of a pickle and one entry a storage. The pickle is read as
/// data (<see cref="PickleReader"/>).
/// </summary>
sealed class TorchFile : ITensorSource
{
    const long LongestPickle = 64 << 20;

    static readonly Dictionary<string, string> NoMetadata = [];

    readonly CheckedArchive _archive;
    readonly string _root;
    readonly Dictionary<string, PickleTensor> _stated;
    readonly Dictionary<string, TensorEntry> _tensors;
    readonly SharedStorages _shared;

    /// <summary>Reads the table of contents, taking the archive over.</summary>
    /// <param name="archive">The archive.</param>
    /// <param name="pickle">Its entry data.pkl.</param>
    /// <exception cref="BadInputException">
    /// It is damaged, TorchScript, or asks for more than tensors. The archive stays the caller's then.
    /// </exception>
    public TorchFile(CheckedArchive archive, string pickle)
    {
        _archive = archive;
        _root = pickle[..^"data.pkl".Length];
        if (
            archive.Entries.Keys.Any(n => n.StartsWith(_root + "code/", StringComparison.Ordinal))
            || archive.Entries.ContainsKey(_root + "constants.pkl")
        )
            throw BadInput.Unsupported(
                archive.Path,
                $"{archive.Path} is a TorchScript program, not a file of weights; save "
                    + "its state_dict() with torch.save."
            );
        if (
            archive.Entries.ContainsKey(_root + "byteorder")
            && archive.Read(_root + "byteorder", s => Bounded(s, 16)) is byte[] order
            && Encoding.ASCII.GetString(order) != "little"
        )
            throw BadInput.Unsupported(
                archive.Path,
                $"{archive.Path} was written on a big-endian machine, which Retouch does not read."
            );
        byte[] text =
            archive.Entries[pickle].Length <= LongestPickle
                ? archive.Read(pickle, s => Bounded(s, LongestPickle))
                : throw archive.Damaged(
                    $"its pickle has {archive.Entries[pickle].Length} bytes, and {LongestPickle} are allowed"
                );
        _stated = StateDictionary.Flatten(
            PickleReader.Read(new MemoryStream(text, writable: false), archive.Path),
            archive.Path
        );
        foreach ((string name, PickleTensor tensor) in _stated)
        {
            if (!archive.Entries.TryGetValue(Entry(tensor), out ZipArchiveEntry? entry))
                throw archive.Damaged(
                    $"the tensor {UserText.Quote(name)} is in {UserText.Quote(Entry(tensor))}, which is not there"
                );
            if ((tensor.Storage.Offset + tensor.Storage.Count) * tensor.Storage.DType.Size() > entry.Length)
                throw archive.Damaged(
                    $"the tensor {UserText.Quote(name)} needs {tensor.Storage.Count} numbers, but "
                        + $"{UserText.Quote(Entry(tensor))} has {entry.Length} bytes"
                );
        }
        _tensors = TorchTensors.Entries(_stated);
        _shared = new SharedStorages(_stated.Values);
    }

    /// <inheritdoc/>
    public string Path => _archive.Path;

    /// <inheritdoc/>
    public long Length => _archive.Length;

    /// <inheritdoc/>
    public string Kind => "PyTorch";

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata => NoMetadata;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <inheritdoc/>
    public Tensor ReadFloat(string name)
    {
        TensorSource.FloatEntry(this, name);
        PickleTensor tensor = _stated[name];
        return TensorSource.ToFloat(
            _shared.Find(
                tensor,
                storage =>
                    _archive.Read(Entry(tensor), stream => TensorBytes.Read(stream, tensor.Storage.DType, [storage]))
            )
                ?? _archive.Read(
                    Entry(tensor),
                    stream =>
                    {
                        Skip(stream, TorchTensors.Before(tensor));
                        return TorchTensors.Read(stream, tensor);
                    }
                )
        );
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _shared.Dispose();
        _archive.Dispose();
    }

    string Entry(PickleTensor tensor) => $"{_root}data/{tensor.Storage.Key}";

    // A zip entry cannot be sought in.
    static void Skip(Stream stream, long count)
    {
        byte[] passed = new byte[Math.Min(count, 1 << 16)];
        for (; count > 0; count -= Math.Min(count, passed.Length))
            stream.ReadExactly(passed, 0, (int)Math.Min(count, passed.Length));
    }

    static byte[] Bounded(Stream stream, long most)
    {
        MemoryStream bytes = new();
        byte[] part = new byte[1 << 16];
        for (int read; (read = stream.Read(part)) > 0; )
        {
            if (bytes.Length + read > most)
                throw new InvalidDataException();
            bytes.Write(part, 0, read);
        }
        return bytes.ToArray();
    }
}
