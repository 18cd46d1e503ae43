namespace Retouch.Kernels;

/// <summary>What one worker needs for a while. Owns its memory.</summary>
/// <param name="shape">Of the batch.</param>
/// <param name="mostUnits">How many units of its own an edit has at most; asked at the first use of units.</param>
sealed unsafe class Workspace<T>(BatchShape shape, Func<int> mostUnits) : IDisposable
    where T : unmanaged, IElement<T>
{
    readonly AlignedBuffer<T> _normed = new((long)shape.RowsOfTask * shape.Stride);
    readonly AlignedBuffer<float> _out = new((long)shape.RowsOfTask * shape.Width);
    readonly AlignedBuffer<float> _statistics = new(2 * shape.RowsOfTask);

    // These at their first use, in a pass: before, weights of some blocks' units are set when others' number is not
    // known.
    AlignedBuffer<T>? _active;
    AlignedBuffer<float>? _hidden;
    AlignedBuffer<T>? _headRows;
    AlignedBuffer<float>? _headSums;
    AttentionWorkspace<T>? _attention;
    AttentionGradientWorkspace<T>? _attentionGradient;

    /// <summary>Normed or rounded rows, <c>[rows,D + spare]</c>.</summary>
    public T* Normed => _normed.Start;

    /// <summary>Activations, <c>[rows,units + spare]</c>.</summary>
    public T* Active => (_active ??= new AlignedBuffer<T>((long)shape.RowsOfTask * (Units + BatchShape.Spare))).Start;

    /// <summary>Hidden units before their activation, <c>[rows,units]</c>.</summary>
    public float* Hidden => (_hidden ??= new AlignedBuffer<float>((long)shape.RowsOfTask * Units)).Start;

    /// <summary>What products give, <c>[rows,D]</c>.</summary>
    public float* Out => _out.Start;

    /// <summary>Of norms whose statistics nobody keeps, <c>[rows,2]</c>.</summary>
    public float* Statistics => _statistics.Start;

    /// <summary>
    /// A row a head, zero but in the head's columns, which are all that is written there, <c>[heads,D + spare]</c>.
    /// </summary>
    public T* HeadRows => (_headRows ??= new AlignedBuffer<T>((long)shape.Heads * shape.Stride, zeros: true)).Start;

    /// <summary>What products give of one row a head, <c>[heads,D]</c>.</summary>
    public float* HeadSums => (_headSums ??= new AlignedBuffer<float>((long)shape.Heads * shape.Width)).Start;

    /// <summary>For attention.</summary>
    public AttentionWorkspace<T> Attention => _attention ??= new AttentionWorkspace<T>(shape);

    /// <summary>For attention's gradient, besides.</summary>
    public AttentionGradientWorkspace<T> AttentionGradient =>
        _attentionGradient ??= new AttentionGradientWorkspace<T>(shape);

    int Units => Math.Max(BatchShape.MostUnits, mostUnits());

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        IDisposable?[] parts =
        [
            _normed,
            _active,
            _hidden,
            _out,
            _statistics,
            _headRows,
            _headSums,
            _attention,
            _attentionGradient,
        ];
        foreach (IDisposable? part in parts)
            part?.Dispose();
    }
}

/// <summary>What one worker needs for the attention of one head of one image. Owns its memory.</summary>
sealed class AttentionWorkspace<T>(BatchShape shape) : IDisposable
    where T : unmanaged, IElement<T>
{
    /// <summary>Keys, or values, as columns, <c>[D/heads,Tp]</c>.</summary>
    public PackedMatrix<T> Columns { get; } = new(shape.HeadWidth, shape.PaddedTokens);

    /// <summary>Values, or keys, as rows, <c>[Tp,D/heads]</c>.</summary>
    public PackedMatrix<T> Rows { get; } = new(shape.PaddedTokens, shape.HeadWidth);

    /// <summary>Scores, or their gradients, <c>[rows,Tp]</c>.</summary>
    public AlignedBuffer<float> Scores { get; } = new((long)shape.RowsOfTask * shape.PaddedTokens);

    /// <summary>Softmax weights that nobody keeps, or the scores' gradients as elements, <c>[rows,Tp]</c>.</summary>
    public AlignedBuffer<T> Weights { get; } = new((long)shape.RowsOfTask * shape.PaddedTokens);

    /// <summary>The head's output, or its queries' gradients, <c>[rows,D/heads]</c>.</summary>
    public AlignedBuffer<float> Output { get; } = new((long)shape.RowsOfTask * shape.HeadWidth);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (IDisposable part in (IDisposable[])[Columns, Rows, Scores, Output, Weights])
            part.Dispose();
    }
}

/// <summary>
/// What one worker needs for the gradient of the attention of one head of one image. Owns its memory.
/// </summary>
sealed class AttentionGradientWorkspace<T>(BatchShape shape) : IDisposable
    where T : unmanaged, IElement<T>
{
    /// <summary>Softmax weights of all tokens, <c>[Tp,Tp]</c>.</summary>
    public PackedMatrix<T> Weights { get; } = new(shape.PaddedTokens, shape.PaddedTokens);

    /// <summary>The gradients of all scores, <c>[Tp,Tp]</c>.</summary>
    public PackedMatrix<T> Scores { get; } = new(shape.PaddedTokens, shape.PaddedTokens);

    /// <summary>Queries, or the output's gradients, <c>[D/heads,Tp]</c>.</summary>
    public AlignedBuffer<T> Transposed { get; } = new((long)shape.HeadWidth * shape.PaddedTokens);

    /// <summary>The gradients of keys, or of values, <c>[D/heads,Tp]</c>.</summary>
    public AlignedBuffer<float> Sums { get; } = new((long)shape.HeadWidth * shape.PaddedTokens);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (IDisposable part in (IDisposable[])[Weights, Scores, Transposed, Sums])
            part.Dispose();
    }
}
