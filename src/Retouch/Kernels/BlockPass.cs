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
    /// <param name="attends">Whether the block's attention is computed.</param>
    /// <param name="classAlone">Whether it may be for [CLS] alone.</param>
    protected BlockPass(BufferPool pool, BatchShape shape, long constantRows, bool attends, bool classAlone)
    {
        long ofHeads = attends ? shape.OfHeads : 0;
        NormedConstant = pool.Take<T>(constantRows == 0 ? 0 : (constantRows + Lanes) * shape.Stride);
        Residual = pool.Take<float>(shape.MostRows * shape.Width);
        Key = pool.Take<T>(ofHeads, true);
        Value = pool.Take<T>(ofHeads, true);
        Query = pool.Take<T>(ofHeads, true);
        if (classAlone)
            ClassWeights = pool.Take<float>((long)shape.MostImages * shape.Heads * shape.PaddedTokens);
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

    /// <summary>The softmax weights of [CLS], <c>[N,heads,Tp]</c>; null where it is never alone.</summary>
    public AlignedBuffer<float>? ClassWeights { get; }

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
    : BlockPass<T>(pool, shape, block == shape.FirstBlock ? shape.MostRows : 0, attends: true, shape.ClassAlone)
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
