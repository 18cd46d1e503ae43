using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// The texts of classes as a text tower has embedded them, <c>[C,E]</c>: what a model without a classifier of its own
/// compares images with. Owns the tensor.
/// </summary>
sealed class ClassEmbeddings : IDisposable
{
    const string Usual = "class_embeddings";
    const long MostBytes = 1L << 30;

    // Where the classes' names may stand in a safetensors file's metadata.
    static readonly string[] Names = ["labels", "class_names", "classes"];

    ClassEmbeddings(Tensor rows, LabelSet? labels) => (Rows, Labels) = (rows, labels);

    /// <summary>A row a class, float32, of any length; not 0.</summary>
    public Tensor Rows { get; }

    /// <summary>The classes' names, where the file has them.</summary>
    public LabelSet? Labels { get; }

    /// <summary>Reads a NumPy array, or a safetensors file of one matrix or of one called class_embeddings.</summary>
    /// <exception cref="BadInputException">It holds no such matrix, or one with a row of zeros.</exception>
    public static ClassEmbeddings Load(string path)
    {
        Span<byte> head = stackalloc byte[6];
        using (FileStream stream = InputFile.Open(path))
            head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        (Tensor rows, LabelSet? labels) = head is [0x93, (byte)'N', ..] ? (OfNumPy(path), null) : OfSafeTensors(path);
        using DisposeScope scope = NewDisposeScope();
        if (rows.dim() != 2 || rows.shape[0] < 1 || rows.shape[1] < 1)
            throw Bad(rows, $"{path} holds {UserText.Shape(rows.shape)}; class embeddings are a row a class, [C, D].");
        if (!rows.isfinite().all().item<bool>() || !rows.ne(Held(0)).any(1).all().item<bool>())
            throw Bad(rows, $"{path} holds class embeddings that are zero or not finite.");
        if (labels is not null && labels.Count != rows.shape[0])
            throw Bad(rows, $"{path} names {labels.Count} classes, but has {rows.shape[0]} embeddings.");
        return new(rows, labels);

        BadInputException Bad(Tensor tensor, string why)
        {
            tensor.Dispose();
            return BadInput.Mismatch(path, why);
        }
    }

    /// <summary>Frees the tensor.</summary>
    public void Dispose() => Rows.Dispose();

    static (Tensor, LabelSet?) OfSafeTensors(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        string[] matrices = [.. file.Tensors.Where(t => t.Value.Shape.Count == 2).Select(t => t.Key)];
        string name =
            file.Tensors.ContainsKey(Usual) ? Usual
            : matrices.Length == 1 ? matrices[0]
            : throw BadInput.Mismatch(
                path,
                $"{path} holds {matrices.Length} matrices, of which none is called {Usual}; class embeddings are one."
            );
        string? key = Names.FirstOrDefault(file.Metadata.ContainsKey);
        LabelSet? labels = key is null
            ? null
            : LabelSet.FromJson(file.Metadata[key], $"the text {UserText.Quote(key)} in the metadata of {path}");
        return (file.ReadFloat(name), labels);
    }

    static Tensor OfNumPy(string path)
    {
        using FileStream stream = InputFile.Open(path);
        NpyHeader header;
        byte[] data;
        try
        {
            header = NpyHeader.Read(stream, path);
            if (header.DataLength > MostBytes || header.DataLength != stream.Length - header.Length)
                throw BadInput.Damaged(
                    path,
                    $"{path} announces {header.DataLength} bytes of numbers and holds {stream.Length - header.Length}."
                );
            data = new byte[header.DataLength];
            stream.ReadExactly(data);
        }
        catch (EndOfStreamException e)
        {
            throw BadInput.Damaged(path, $"{path} was cut short.", cause: e);
        }
        if (!header.DType.IsFloat() || header.Shape.Count != 2)
            throw BadInput.Mismatch(
                path,
                $"{path} holds {header.DType} {UserText.Shape(header.Shape)}; class embeddings are floating-point "
                    + "numbers, a row a class, [C, D]."
            );
        long[] shape = header.FortranOrder ? [header.Shape[1], header.Shape[0]] : [.. header.Shape];
        using DisposeScope scope = NewDisposeScope();
        Tensor stored = empty(shape, header.DType.ToScalarType());
        data.CopyTo(stored.bytes);
        Tensor rows = header.FortranOrder ? stored.t() : stored;
        return rows.to(ScalarType.Float32).contiguous().clone().DetachFromDisposeScope();
    }
}
