using static Retouch.Kernels.Shape;

namespace Retouch.Kernels;

/// <summary>What a forward pass writes of one block; what of it stays for a backward pass is up to the kind.</summary>
abstract unsafe class BlockPass<T>
    where T : unmanaged, IElement<T>
{
    /// <summary>Takes the memory.</summary>
    /// <param name="pool">From there.</param>
    /// <param name="shape">Of the batch.</param>
    /// <param name="constantRows">Rows of the first FFN's input; 0 where that is another block's.</param>
    /// <param name="allAttend">Whether attention of all tokens may be computed.</param>
    /// <param name="classAttends">Whether that of [CLS] alone may be.</param>
    protected BlockPass(BufferPool pool, BatchShape shape, long constantRows, bool allAttend, bool classAttends)
    {
        long ofHeads = allAttend ? shape.OfHeads : 0;
        long classHeads = classAttends ? shape.OfClassHeads : 0;
        NormedConstant = pool.Take<T>(constantRows == 0 ? 0 : (constantRows + Lanes) * shape.Stride);
        Residual = pool.Take<float>(shape.MostRows * shape.Width);
        Key = pool.Take<T>(ofHeads, true);
        Value = pool.Take<T>(ofHeads, true);
        Query = pool.Take<T>(ofHeads, true);
        Normed = pool.Take<T>(classAttends ? shape.MostRows * shape.Stride : 0);
        ClassQuery = pool.Take<float>(classHeads * shape.Width);
        ClassWeights = pool.Take<float>(classHeads * shape.PaddedTokens);
    }

    /// <summary>The first FFN's normed input, <c>[R,D + spare]</c>.</summary>
    public AlignedBuffer<T> NormedConstant { get; }

    /// <summary>Tokens after the attention, <c>[R,D]</c>.</summary>
    public AlignedBuffer<float> Residual { get; }

    /// <summary>Times the scale, <c>[N,heads,Tp,D/heads]</c>.</summary>
    public AlignedBuffer<T> Query { get; }

    /// <summary><c>[N,heads,Tp,D/heads]</c>.</summary>
    public AlignedBuffer<T> Key { get; }

    /// <summary><c>[N,heads,Tp,D/heads]</c>.</summary>
    public AlignedBuffer<T> Value { get; }

    /// <summary>The tokens that [CLS] alone asks, normed, <c>[R,D + spare]</c>.</summary>
    public AlignedBuffer<T> Normed { get; }

    /// <summary>What [CLS] asks of normed tokens, <c>[N,heads,D]</c>.</summary>
    public AlignedBuffer<float> ClassQuery { get; }

    /// <summary>Its softmax weights, <c>[N,heads,Tp]</c>.</summary>
    public AlignedBuffer<float> ClassWeights { get; }

    /// <summary>What the FFN's units leave.</summary>
    public abstract IFfnRecord<T> Ffn { get; }

    /// <summary>Where the first norm leaves the statistics of a row and those after it.</summary>
    public abstract float* Statistics1(long row, Workspace<T> workspace);

    /// <summary>Where the second norm does.</summary>
    public abstract float* Statistics2(long row, Workspace<T> workspace);

    /// <summary>Where the softmax weights of one head of one image go, <c>[rows,Tp]</c> from a row on.</summary>
    public abstract T* SoftmaxWeights(int task, int row, AttentionWorkspace<T> workspace);

    /// <summary>Gets normed rows before the FFN, <c>[rows,D + spare]</c>.</summary>
    public abstract void FfnInput(RowRange rows, T* normed);
}

/// <summary>What the units of an FFN leave for a backward pass.</summary>
unsafe interface IFfnRecord<T>
    where T : unmanaged, IElement<T>
{
    /// <summary>
    /// Where the derivatives of the activations of the model's units go, <c>[R,H]</c> from the first row and a unit on;
    /// null for nowhere.
    /// </summary>
    T* Derivatives(RowRange rows, int unit);

    /// <summary>Those of an edit's own units, <c>[R,u]</c> from the first row on; null for nowhere.</summary>
    T* OwnDerivatives(RowRange rows);

    /// <summary>Gets the activations of an edit's own units, <c>[rows,u]</c>.</summary>
    void OwnActivations(RowRange rows, T* active, int stride);
}

/// <summary>Of a block of which nothing is kept.</summary>
sealed unsafe class TransientBlock<T>(BufferPool pool, BatchShape shape, int block)
    : BlockPass<T>(pool, shape, block == shape.FirstBlock ? shape.MostRows : 0, allAttend: true, shape.ClassAlone)
    where T : unmanaged, IElement<T>
{
    public override IFfnRecord<T> Ffn => NoFfnRecord<T>.Instance;

    public override float* Statistics1(long row, Workspace<T> workspace) => workspace.Statistics;

    public override float* Statistics2(long row, Workspace<T> workspace) => workspace.Statistics;

    public override T* SoftmaxWeights(int task, int row, AttentionWorkspace<T> workspace) => workspace.Weights.Start;

    public override void FfnInput(RowRange rows, T* normed) { }
}

/// <summary>Keeps nothing.</summary>
sealed unsafe class NoFfnRecord<T> : IFfnRecord<T>
    where T : unmanaged, IElement<T>
{
    /// <summary>The only one.</summary>
    public static NoFfnRecord<T> Instance { get; } = new();

    public T* Derivatives(RowRange rows, int unit) => null;

    public T* OwnDerivatives(RowRange rows) => null;

    public void OwnActivations(RowRange rows, T* active, int stride) { }
}
