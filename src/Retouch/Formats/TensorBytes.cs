using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>Moves a tensor's raw little-endian bytes from and to a stream.</summary>
static class TensorBytes
{
    // Small enough for the Span<byte> of a slice, whose length is an int, at any element size.
    const long ElementsPerChunk = 1 << 22;

    /// <summary>A new CPU tensor of the given type and shape, filled from <paramref name="source"/>.</summary>
    public static Tensor Read(Stream source, TensorDType dtype, IReadOnlyList<long> shape)
    {
        Tensor tensor = empty([.. shape], dtype.ToScalarType(), CPU);
        try
        {
            ForEachChunk(tensor, source.ReadExactly);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Writes a tensor of any device and layout in row-major order.</summary>
    public static void Write(Tensor tensor, Stream target)
    {
        using DisposeScope scope = NewDisposeScope();
        ForEachChunk(tensor.detach().cpu().contiguous(), chunk => target.Write(chunk));
    }

    static void ForEachChunk(Tensor contiguous, Action<Span<byte>> visit)
    {
        using Tensor flat = contiguous.reshape(-1);
        long count = flat.NumberOfElements;
        for (long start = 0; start < count; start += ElementsPerChunk)
        {
            using Tensor chunk = flat.narrow(0, start, Math.Min(ElementsPerChunk, count - start));
            visit(chunk.bytes);
        }
    }
}
