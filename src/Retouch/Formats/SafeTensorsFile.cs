using System.IO.MemoryMappedFiles;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// A safetensors file, memory-mapped and opened for reading: the table of contents is validated at once
/// and in full, tensors are read when asked for. Reading from several threads is safe. The file must not
/// shrink while it is open.
/// </summary>
public sealed class SafeTensorsFile : ITensorSource
{
    readonly MemoryMappedFile? _map;
    readonly MemoryMappedViewAccessor? _view;
    readonly SafeTensorsHeader _header;
    readonly long _length;

    SafeTensorsFile(string path, FileStream stream)
    {
        Path = path;
        long fileLength = CheckedLength(path, stream);
        _length = fileLength;
        _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        try
        {
            _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte[] json = ReadHeader(fileLength);
            DataOffset = SafeTensorsHeader.PrefixLength + json.Length;
            _header = SafeTensorsHeader.Parse(json, fileLength - DataOffset, path);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The path that the file was opened by.</summary>
    public string Path { get; }

    string ITensorSource.Kind => "safetensors";

    long ITensorSource.Length => _length;

    /// <summary>The texts that the file keeps beside its tensors; empty if it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>All tensors by name, in the order of the header.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _header.Tensors;

    /// <summary>Bytes from the start of the file to its data section.</summary>
    internal long DataOffset { get; }

    /// <summary>Opens a file and validates its header; no tensor is read yet.</summary>
    /// <exception cref="BadInputException">The file cannot be read or is not a valid safetensors file; the message says why.</exception>
    public static SafeTensorsFile Open(string path)
    {
        FileStream stream = InputFile.Open(path);
        try
        {
            return new SafeTensorsFile(path, stream);
        }
        catch (Exception e)
        {
            stream.Dispose();
            if (e is IOException)
                throw new BadInputException($"{path} cannot be mapped into memory: {e.Message.TrimEnd('.')}.", e);
            throw;
        }
    }

    /// <summary>A new CPU tensor with the stored type and shape. The caller disposes it.</summary>
    /// <exception cref="BadInputException">The file has no tensor of this name.</exception>
    public Tensor Read(string name)
    {
        TensorEntry entry = Entry(name);
        using Stream raw = OpenRaw(name);
        return TensorBytes.Read(raw, entry.DType, entry.Shape);
    }

    /// <summary>A new CPU tensor in 32-bit floating point, whatever float type is stored. The caller disposes it.</summary>
    /// <exception cref="BadInputException">The file has no tensor of this name, or it does not hold floating-point numbers.</exception>
    public Tensor ReadFloat(string name)
    {
        TensorDType dtype = Entry(name).DType;
        if (!dtype.IsFloat())
            throw new BadInputException($"Tensor {UserText.Quote(name)} in {Path} holds {dtype} numbers where floating-point numbers are needed.");
        Tensor stored = Read(name);
        if (dtype == TensorDType.F32)
            return stored;
        using (stored)
            return stored.to(ScalarType.Float32);
    }

    /// <summary>The stored bytes of a tensor as a read-only stream over the mapped file, without a copy. The caller disposes it.</summary>
    /// <exception cref="BadInputException">The file has no tensor of this name.</exception>
    public Stream OpenRaw(string name)
    {
        TensorEntry entry = Entry(name);
        return OpenRange(DataOffset + entry.Offset, entry.Length);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _view?.Dispose();
        _map?.Dispose();
    }

    /// <summary>A stream over bytes of the whole file, header included.</summary>
    internal Stream OpenRange(long offset, long length) =>
        new UnmanagedMemoryStream(_view!.SafeMemoryMappedViewHandle, offset, length, FileAccess.Read);

    TensorEntry Entry(string name) =>
        _header.Tensors.TryGetValue(name, out TensorEntry? entry)
            ? entry
            : throw new BadInputException($"{Path} has no tensor {UserText.Quote(name)}.");

    static long CheckedLength(string path, FileStream stream) => stream.Length switch
    {
        0 => throw new BadInputException($"{path} is empty (0 bytes); was the download cut short?"),
        < SafeTensorsHeader.PrefixLength => throw SafeTensorsHeader.NotSafeTensors(path, $"it has only {stream.Length} bytes"),
        long length => length,
    };

    byte[] ReadHeader(long fileLength)
    {
        ulong length = _view!.ReadUInt64(0);
        bool tooLong = length > SafeTensorsHeader.MaxLength;
        bool cutShort = length > (ulong)(fileLength - SafeTensorsHeader.PrefixLength);
        if (tooLong || cutShort || length == 0 || _view.ReadByte(SafeTensorsHeader.PrefixLength) != '{')
        {
            var head = new byte[Math.Min(fileLength, FileKind.HeadLength)];
            _view.ReadArray(0, head, 0, head.Length);
            throw SafeTensorsHeader.NotSafeTensors(Path,
                FileKind.Describe(head) is string kind ? $"it looks like {kind}"
                : tooLong ? $"its first 8 bytes announce a header of {length} bytes, and {SafeTensorsHeader.MaxLength} are allowed"
                : cutShort ? $"its first 8 bytes announce a header of {length} bytes, and the file has only {fileLength} bytes"
                : "its header is not a JSON object");
        }
        var json = new byte[length];
        _view.ReadArray(SafeTensorsHeader.PrefixLength, json, 0, json.Length);
        return json;
    }
}
