using System.Buffers.Binary;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// A safetensors file, opened for reading: the table of contents is validated at once and in full, tensors are
/// read when asked for, all through the handle that it was opened by. Reading from several threads is safe.
/// </summary>
sealed class SafeTensorsFile : ITensorSource
{
    readonly OpenedFile _file;
    readonly SafeTensorsHeader _header;

    SafeTensorsFile(OpenedFile file)
    {
        _file = file;
        Head = ReadHead(CheckedLength(file));
        _header = SafeTensorsHeader.Parse(
            Head.AsSpan(SafeTensorsHeader.PrefixLength),
            file.Length - Head.Length,
            file.Path
        );
    }

    /// <summary>The path that the file was opened by.</summary>
    public string Path => _file.Path;

    string ITensorSource.Kind => "safetensors";

    long ITensorSource.Length => _file.Length;

    /// <summary>The texts that the file keeps beside its tensors; empty if it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>All tensors by name, in the order of the header.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _header.Tensors;

    /// <summary>The bytes from the start of the file to its data section.</summary>
    internal byte[] Head { get; }

    /// <summary>Opens a file and validates its header; no tensor is read yet.</summary>
    /// <exception cref="BadInputException">
    /// The file cannot be read or is not a valid safetensors file; the message says why.
    /// </exception>
    public static SafeTensorsFile Open(string path)
    {
        OpenedFile file = OpenedFile.Open(path);
        try
        {
            return new SafeTensorsFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A new CPU tensor with the stored type and shape. The caller disposes it.</summary>
    /// <exception cref="BadInputException">The file has no tensor of this name, or was cut short meanwhile.</exception>
    public Tensor Read(string name)
    {
        TensorEntry entry = Entry(name);
        using Stream raw = OpenRaw(name);
        return TensorBytes.Read(raw, entry.DType, entry.Shape);
    }

    /// <summary>
    /// A new CPU tensor in 32-bit floating point, whatever float type is stored. The caller disposes it.
    /// </summary>
    /// <exception cref="BadInputException">
    /// The file has no tensor of this name, or it does not hold floating-point numbers.
    /// </exception>
    public Tensor ReadFloat(string name)
    {
        TensorDType dtype = Entry(name).DType;
        if (!dtype.IsFloat())
            throw BadInput.Mismatch(
                Path,
                $"Tensor {UserText.Quote(name)} in {Path} holds {dtype} numbers where "
                    + "floating-point numbers are needed."
            );
        Tensor stored = Read(name);
        if (dtype == TensorDType.F32)
            return stored;
        using (stored)
            return stored.to(ScalarType.Float32);
    }

    /// <summary>
    /// The stored bytes of a tensor as a read-only stream over the file, which must stay open. The caller disposes it.
    /// </summary>
    /// <exception cref="BadInputException">The file has no tensor of this name.</exception>
    public Stream OpenRaw(string name)
    {
        TensorEntry entry = Entry(name);
        return _file.Range(Head.Length + entry.Offset, entry.Length);
    }

    /// <summary>Checks that nobody has written to the file since it was opened.</summary>
    /// <exception cref="BadInputException">Somebody has.</exception>
    public void RequireUnchanged() => _file.RequireUnchanged();

    /// <summary>What to throw where a tensor that is read again is not what it was.</summary>
    internal BadInputException Changed() => _file.Changed();

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    TensorEntry Entry(string name) =>
        _header.Tensors.TryGetValue(name, out TensorEntry? entry)
            ? entry
            : throw BadInput.Missing(Path, $"{Path} has no tensor {UserText.Quote(name)}.");

    static long CheckedLength(OpenedFile file) =>
        file.Length switch
        {
            0 => throw BadInput.Damaged(file.Path, $"{file.Path} is empty (0 bytes); was the download cut short?"),
            < SafeTensorsHeader.PrefixLength => throw SafeTensorsHeader.NotSafeTensors(
                file.Path,
                $"it has only {file.Length} bytes"
            ),
            long length => length,
        };

    byte[] ReadHead(long fileLength)
    {
        Span<byte> prefix = stackalloc byte[SafeTensorsHeader.PrefixLength];
        _file.Read(0, prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        bool tooLong = length > SafeTensorsHeader.MaxLength;
        bool cutShort = length > (ulong)(fileLength - SafeTensorsHeader.PrefixLength);
        byte[] head = new byte[tooLong || cutShort ? 0 : SafeTensorsHeader.PrefixLength + (long)length];
        _file.Read(0, head);
        if (tooLong || cutShort || length == 0 || head[SafeTensorsHeader.PrefixLength] != '{')
        {
            byte[] seen = new byte[Math.Min(fileLength, FileKind.HeadLength)];
            _file.Read(0, seen);
            throw SafeTensorsHeader.NotSafeTensors(
                Path,
                FileKind.Describe(seen) is string kind ? $"it looks like {kind}"
                    : tooLong
                        ? $"its first 8 bytes announce a header of {length} bytes, and "
                            + $"{SafeTensorsHeader.MaxLength} are allowed"
                    : cutShort
                        ? $"its first 8 bytes announce a header of {length} bytes, and the file "
                            + $"has only {fileLength} bytes"
                    : "its header is not a JSON object"
            );
        }
        return head;
    }
}
