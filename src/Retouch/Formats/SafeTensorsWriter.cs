using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// Writes safetensors files, byte for byte as the reference implementation does, atomically and one
/// tensor at a time.
/// </summary>
static class SafeTensorsWriter
{
    // The reference implementation orders tensors by this and then by name, so that all of them lie aligned.
    static readonly TensorDType[] FileOrder =
    [
        TensorDType.I64,
        TensorDType.F64,
        TensorDType.F32,
        TensorDType.I32,
        TensorDType.BF16,
        TensorDType.F16,
        TensorDType.I16,
        TensorDType.I8,
        TensorDType.U8,
        TensorDType.BOOL,
    ];

    /// <summary>Writes tensors of any device and layout to a new file.</summary>
    /// <param name="path">The file to write; see <see cref="AtomicFile.Write"/>.</param>
    /// <param name="tensors">The tensors by name; they stay the caller's.</param>
    /// <param name="metadata">Texts to keep beside the tensors, or null.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">The file cannot be written; nothing has changed on the disk.</exception>
    /// <exception cref="ArgumentException">
    /// A name is used twice or reserved, or a type has no safetensors dtype.
    /// </exception>
    public static void Write(
        string path,
        IEnumerable<(string Name, Tensor Tensor)> tensors,
        IReadOnlyDictionary<string, string>? metadata,
        bool overwrite
    )
    {
        var sorted = tensors
            .Select(t => (t.Name, t.Tensor, DType: t.Tensor.dtype.ToTensorDType()))
            .OrderBy(t => Array.IndexOf(FileOrder, t.DType))
            .ThenBy(t => t.Name, StringComparer.Ordinal)
            .ToArray();
        if (sorted.GroupBy(t => t.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ArgumentException($"Two tensors are called {UserText.Quote(twice.Key)}.", nameof(tensors));

        var entries = new List<TensorEntry>(sorted.Length);
        long offset = 0;
        foreach ((string name, Tensor tensor, TensorDType dtype) in sorted)
        {
            long length = checked(tensor.NumberOfElements * dtype.Size());
            entries.Add(new TensorEntry(name, dtype, tensor.shape, offset, length));
            offset = checked(offset + length);
        }
        byte[] header = SafeTensorsHeader.Format(metadata, entries);
        AtomicFile.Write(
            path,
            overwrite,
            stream =>
            {
                stream.Write(header);
                foreach ((_, Tensor tensor, _) in sorted)
                    TensorBytes.Write(tensor, stream);
            }
        );
    }

    /// <summary>
    /// Copies a file, putting other values into some of its tensors. All other bytes stay the same, also
    /// those of the header unless <paramref name="extraMetadata"/> adds to it; tensors keep their order,
    /// place and stored type.
    /// </summary>
    /// <param name="source">The file to copy.</param>
    /// <param name="path">The file to write; see <see cref="AtomicFile.Write"/>.</param>
    /// <param name="replacements">New values by name, of the stored shape; converted to the stored type.</param>
    /// <param name="extraMetadata">
    /// Texts to add; the value of a key that the file has already is replaced, and null takes the key out.
    /// </param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <param name="isAsBefore">
    /// Whether a tensor that stays is still what was read of it before; null to take what is there.
    /// </param>
    /// <exception cref="BadInputException">
    /// The source has no such tensor, its shape is another, a value does not fit the stored type, the source was
    /// written to since it was opened, or the file cannot be written; nothing has changed on the disk.
    /// </exception>
    public static void Rewrite(
        SafeTensorsFile source,
        string path,
        IReadOnlyDictionary<string, Tensor> replacements,
        IReadOnlyDictionary<string, string?>? extraMetadata,
        bool overwrite,
        Func<string, Tensor, bool>? isAsBefore = null
    )
    {
        foreach ((string name, Tensor tensor) in replacements)
            CheckReplacement(source, name, tensor);
        byte[] header = extraMetadata is { Count: > 0 } ? HeaderWith(source, extraMetadata) : source.Head;
        AtomicFile.Write(
            path,
            overwrite,
            stream =>
            {
                stream.Write(header);
                foreach (TensorEntry entry in source.Tensors.Values.OrderBy(e => (e.Offset, e.Length)))
                {
                    if (replacements.TryGetValue(entry.Name, out Tensor? tensor))
                        WriteAs(entry, tensor, source.Path, stream);
                    else if (isAsBefore is null)
                        Copy(source.OpenRaw(entry.Name), stream);
                    else
                        CopyChecked(source, entry, isAsBefore, stream);
                }
                source.RequireUnchanged();
            }
        );
    }

    static void CheckReplacement(SafeTensorsFile source, string name, Tensor tensor)
    {
        if (!source.Tensors.TryGetValue(name, out TensorEntry? entry))
            throw BadInput.Missing(
                source.Path,
                $"{source.Path} has no tensor {UserText.Quote(name)} to replace; is it the file of another model?"
            );
        if (!entry.Shape.SequenceEqual(tensor.shape))
            throw BadInput.Mismatch(
                source.Path,
                $"Tensor {UserText.Quote(name)} in {source.Path} has shape {UserText.Shape(entry.Shape)}, but its "
                    + $"replacement has {UserText.Shape(tensor.shape)}; is it the file of another model?"
            );
        TensorDType given = tensor.dtype.ToTensorDType();
        if (given != entry.DType && !(given.IsFloat() && entry.DType.IsFloat()))
            throw BadInput.Unsupported(
                source.Path,
                $"Tensor {UserText.Quote(name)} in {source.Path} is stored as {entry.DType}, which cannot hold "
                    + $"{given} numbers."
            );
    }

    static byte[] HeaderWith(SafeTensorsFile source, IReadOnlyDictionary<string, string?> extraMetadata)
    {
        var metadata = new OrderedDictionary<string, string>(source.Metadata);
        foreach ((string key, string? value) in extraMetadata)
        {
            if (value is null)
                metadata.Remove(key);
            else
                metadata[key] = value;
        }
        return SafeTensorsHeader.Format(metadata, source.Tensors.Values);
    }

    static void WriteAs(TensorEntry entry, Tensor tensor, string sourcePath, Stream target)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor stored = tensor.to(entry.DType.ToScalarType());
        // An infinity that the conversion made would break the model without a word.
        if (entry.DType.IsFloat() && stored.isinf().logical_and(tensor.isfinite()).any().item<bool>())
            throw BadInput.TooLarge(
                entry.Name,
                $"The new values of tensor {UserText.Quote(entry.Name)} are too large for {entry.DType}, the type "
                    + $"that {sourcePath} stores it in; convert that file to F32 first."
            );
        TensorBytes.Write(stored, target);
    }

    // What is compared is what is written: read twice, it could differ.
    static void CopyChecked(SafeTensorsFile source, TensorEntry entry, Func<string, Tensor, bool> isAsBefore, Stream to)
    {
        using Tensor stored = source.Read(entry.Name);
        if (!isAsBefore(entry.Name, stored))
            throw source.Changed();
        TensorBytes.Write(stored, to);
    }

    static void Copy(Stream from, Stream to)
    {
        using (from)
            from.CopyTo(to);
    }
}
