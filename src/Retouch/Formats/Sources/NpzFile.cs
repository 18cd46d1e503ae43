using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// NumPy's archive of arrays, stored or deflated. Arrays of Python objects are refused: reading them would run code.
/// </summary>
sealed class NpzFile : ITensorSource
{
    const string Extension = ".npy";

    static readonly Dictionary<string, string> NoMetadata = [];

    readonly CheckedArchive _archive;
    readonly Dictionary<string, NpyHeader> _headers = new(StringComparer.Ordinal);
    readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);

    /// <summary>Reads the headers of all arrays, taking the archive over.</summary>
    /// <exception cref="BadInputException">
    /// An array is damaged or of a type that is not read. The archive stays the caller's then.
    /// </exception>
    public NpzFile(CheckedArchive archive)
    {
        _archive = archive;
        foreach ((string entry, var file) in archive.Entries)
        {
            if (!entry.EndsWith(Extension, StringComparison.Ordinal))
                throw archive.Damaged($"the entry {UserText.Quote(entry)} is no NumPy array");
            string name = entry[..^Extension.Length];
            NpyHeader header = archive.Read(
                entry,
                stream => NpyHeader.Read(stream, $"{archive.Path}: the array {UserText.Quote(name)}")
            );
            if (header.Length + header.DataLength != file.Length)
                throw archive.Damaged(
                    $"the array {UserText.Quote(name)} takes {header.DataLength} bytes by its shape "
                        + $"{UserText.Shape(header.Shape)}, but its entry has {file.Length - header.Length}"
                );
            _headers[name] = header;
            _tensors[name] = new TensorEntry(name, header.DType, header.Shape, 0, header.DataLength);
        }
    }

    /// <inheritdoc/>
    public string Path => _archive.Path;

    /// <inheritdoc/>
    public long Length => _archive.Length;

    /// <inheritdoc/>
    public string Kind => "NumPy .npz";

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata => NoMetadata;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <inheritdoc/>
    public Tensor ReadFloat(string name)
    {
        TensorEntry entry = TensorSource.FloatEntry(this, name);
        NpyHeader header = _headers[name];
        return TensorSource.ToFloat(
            _archive.Read(
                name + Extension,
                stream =>
                {
                    Skip(stream, header.Length);
                    if (!header.FortranOrder)
                        return TensorBytes.Read(stream, entry.DType, entry.Shape);
                    using Tensor reversed = TensorBytes.Read(stream, entry.DType, [.. entry.Shape.Reverse()]);
                    using Tensor turned = reversed.permute([
                        .. Enumerable.Range(0, entry.Shape.Count).Select(i => (long)i).Reverse(),
                    ]);
                    return turned.contiguous();
                }
            )
        );
    }

    /// <inheritdoc/>
    public void Dispose() => _archive.Dispose();

    static void Skip(Stream stream, int count) => stream.ReadExactly(new byte[count]);
}
