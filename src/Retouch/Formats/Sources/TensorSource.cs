using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>Opens whatever holds a model's tensors, by what it is rather than by how it is called.</summary>
static class TensorSource
{
    const string Index = ".index.json";

    // What Python's transformers looks for, in its order; timm's are called like the first or the third.
    static readonly string[] UsualNames =
    [
        "model.safetensors",
        "model.safetensors" + Index,
        "pytorch_model.bin",
        "pytorch_model.bin" + Index,
    ];

    /// <summary>Opens a file, an index of several, or a folder as Python's from_pretrained takes one.</summary>
    /// <exception cref="BadInputException">It cannot be read, or is damaged or of no known format.</exception>
    public static ITensorSource Open(string path)
    {
        string file = Directory.Exists(path) ? InFolder(path) : path;
        if (file.EndsWith(Index, StringComparison.OrdinalIgnoreCase))
            return ShardedFile.Open(file);
        Span<byte> head = stackalloc byte[4];
        using (FileStream stream = InputFile.Open(file))
            head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        if (head.StartsWith("PK"u8))
            return OpenArchive(file);
        return head is [0x80, >= 2 and <= 5, ..] ? LegacyTorchFile.Open(file) : SafeTensorsFile.Open(file);
    }

    /// <summary>
    /// As <see cref="ITensorSource.ReadFloat"/>, from a tensor of any float type, which it takes over.
    /// </summary>
    public static Tensor ToFloat(Tensor stored)
    {
        if (stored.dtype == ScalarType.Float32)
            return stored;
        using (stored)
            return stored.to(ScalarType.Float32);
    }

    /// <exception cref="BadInputException">
    /// There is no such tensor, or it does not hold floating-point numbers.
    /// </exception>
    public static TensorEntry FloatEntry(ITensorSource source, string name)
    {
        TensorEntry entry = source.Tensors.TryGetValue(name, out TensorEntry? found)
            ? found
            : throw BadInput.Missing(source.Path, $"{source.Path} has no tensor {UserText.Quote(name)}.");
        return entry.DType.IsFloat()
            ? entry
            : throw BadInput.Mismatch(
                source.Path,
                $"Tensor {UserText.Quote(name)} in {source.Path} holds {entry.DType} numbers where floating-point "
                    + "numbers are needed."
            );
    }

    static string InFolder(string folder)
    {
        if (UsualNames.Select(n => Path.Combine(folder, n)).FirstOrDefault(File.Exists) is string usual)
            return usual;
        string[] files = [.. Directory.EnumerateFiles(folder, "*.safetensors").Order(StringComparer.Ordinal)];
        return files.Length == 1
            ? files[0]
            : throw BadInput.Mismatch(
                folder,
                $"{folder} is a directory that holds "
                    + $"{(files.Length == 0 ? "no model file" : $"{files.Length} safetensors files")} "
                    + $"({string.Join(", ", UsualNames)} would be taken); give a file inside it."
            );
    }

    static ITensorSource OpenArchive(string path)
    {
        CheckedArchive archive = CheckedArchive.Open(path);
        try
        {
            if (
                archive.Entries.Keys.FirstOrDefault(n =>
                    n == "data.pkl" || n.EndsWith("/data.pkl", StringComparison.Ordinal)
                )
                is string pickle
            )
                return new TorchFile(archive, pickle);
            if (archive.Entries.Keys.Any(n => n.EndsWith(".npy", StringComparison.Ordinal)))
                return new NpzFile(archive);
            throw BadInput.Mismatch(
                path,
                $"{path} is a zip archive with neither PyTorch's data.pkl nor NumPy's .npy files in it; it is no model."
            );
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }
}
