using static Retouch.Kernels.Shape;

namespace Retouch.Kernels;

/// <summary>The gradients on their way back through the blocks: one memory for all of them.</summary>
sealed class TokenGradients<T>(BufferPool pool, BatchShape shape)
    where T : unmanaged, IElement<T>
{
    /// <summary>Of a block's output, then of its input, <c>[R,D]</c>.</summary>
    public AlignedBuffer<float> Tokens { get; } = pool.Take<float>(shape.MostRows * shape.Width);

    /// <summary>Of the last block's output where that is [CLS] alone, <c>[N,D]</c>.</summary>
    public AlignedBuffer<float> ClassTokens { get; } = pool.Take<float>((long)shape.MostImages * shape.Width);

    /// <summary>Of the heads' outputs, <c>[N,heads,Tp,D/heads]</c>.</summary>
    public AlignedBuffer<T> Output { get; } = pool.Take<T>(shape.OfHeads, true);

    /// <summary>Of queries, <c>[R,D + spare]</c>.</summary>
    public AlignedBuffer<T> Query { get; } = pool.Take<T>((shape.MostRows + Lanes) * shape.Stride);

    /// <summary>Of keys, <c>[R,D + spare]</c>.</summary>
    public AlignedBuffer<T> Key { get; } = pool.Take<T>((shape.MostRows + Lanes) * shape.Stride);

    /// <summary>Of values, <c>[R,D + spare]</c>.</summary>
    public AlignedBuffer<T> Value { get; } = pool.Take<T>((shape.MostRows + Lanes) * shape.Stride);

    /// <summary>Of the heads' outputs, then of the queries, of [CLS] alone, <c>[N,D]</c>.</summary>
    public AlignedBuffer<float> ClassQuery { get; } = pool.Take<float>((long)shape.MostImages * shape.Width);

    /// <summary>Of a block's output, <c>[N,M,D]</c>.</summary>
    public unsafe float* After(int block) => (shape.TokensAfter(block) == shape.Tokens ? Tokens : ClassTokens).Start;
}
