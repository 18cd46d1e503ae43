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

    /// <summary>Of [CLS]'s mixtures of normed tokens, <c>[N,heads,D]</c>.</summary>
    public AlignedBuffer<float> ClassMixture { get; } = pool.Take<float>(shape.OfClassHeads * shape.Width);

    /// <summary>Of its scores, <c>[N,heads,Tp]</c>.</summary>
    public AlignedBuffer<float> ClassScores { get; } = pool.Take<float>(shape.OfClassHeads * shape.PaddedTokens);

    /// <summary>Of what it asks of normed tokens, <c>[N,heads,D + spare]</c>.</summary>
    public AlignedBuffer<T> ClassQuery { get; } = pool.Take<T>(shape.OfClassHeads * shape.Stride);

    /// <summary>Of a block's output, <c>[N,M,D]</c>.</summary>
    public unsafe float* After(int block) => (shape.TokensAfter(block) == shape.Tokens ? Tokens : ClassTokens).Start;
}
