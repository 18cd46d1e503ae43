using Retouch.Vit;
using static Retouch.Kernels.Shape;

namespace Retouch.Kernels;

/// <summary>Of a block of which all that its backward pass needs is kept.</summary>
sealed unsafe class RecordedBlock<T> : BlockPass<T>, IFfnRecord<T>
    where T : unmanaged, IElement<T>
{
    readonly BatchShape _shape;
    readonly int _ownUnits;
    readonly AlignedBuffer<float> _statistics1;
    readonly AlignedBuffer<float> _statistics2;
    readonly AlignedBuffer<T>? _weights; // [N,heads,T,Tp]
    readonly AlignedBuffer<T>? _derivatives; // [R,H]
    readonly AlignedBuffer<T>? _ownDerivatives; // [R,u]
    readonly AlignedBuffer<T>? _activations; // [B,u,S·M]
    readonly AlignedBuffer<T>? _hiddenGradients;
    readonly PackedMatrix<T>[] _inputs = []; // an edit [S·M,D]
    readonly PackedMatrix<T>[] _outputGradients = [];

    /// <summary>Takes the memory.</summary>
    /// <param name="pool">From there.</param>
    /// <param name="shape">Of the batch.</param>
    /// <param name="block">Which block.</param>
    /// <param name="own">The edits' own units in its FFN; null for none.</param>
    public RecordedBlock(BufferPool pool, BatchShape shape, int block, OwnUnits<T>? own)
        : base(
            pool,
            shape,
            Constant(shape, block),
            block != shape.FirstBlock && !shape.AsksAlone(block),
            block != shape.FirstBlock && shape.AsksAlone(block)
        )
    {
        long rows = shape.MostRows;
        long after = After(shape, block);
        bool attends = block != shape.FirstBlock;
        _shape = shape;
        Tokens = shape.TokensAfter(block);
        PerEdit = (int)(after / shape.Edits);
        PaddedPerEdit = Up(PerEdit);
        Input = pool.Take<float>(attends ? rows * shape.Width : 0);
        _statistics1 = pool.Take<float>(2 * rows);
        _statistics2 = pool.Take<float>(2 * rows);
        if (attends && Tokens > 1)
            _weights = pool.Take<T>((long)shape.MostImages * shape.Heads * shape.Tokens * shape.PaddedTokens);
        if (own is null || own.Frozen is not null)
            _derivatives = pool.Take<T>(after * shape.Hidden);
        if (own is null)
            return;
        _ownUnits = own.Padded;
        _ownDerivatives = pool.Take<T>(after * own.Padded);
        _activations = pool.Take<T>((long)shape.Edits * own.Padded * PaddedPerEdit, true);
        _hiddenGradients = pool.Take<T>((long)shape.Edits * own.Padded * PaddedPerEdit, true);
        _inputs = Matrices();
        _outputGradients = Matrices();

        PackedMatrix<T>[] Matrices() =>
            [.. Enumerable.Range(0, shape.Edits).Select(_ => pool.TakeMatrix<T>(PerEdit, shape.Width))];
    }

    /// <summary>M, after the attention.</summary>
    public int Tokens { get; }

    /// <summary>S·M.</summary>
    public int PerEdit { get; }

    /// <summary>The same, up to a multiple of 16.</summary>
    public int PaddedPerEdit { get; }

    /// <summary>Tokens before the attention, <c>[R,D]</c>.</summary>
    public AlignedBuffer<float> Input { get; }

    public override IFfnRecord<T> Ffn => this;

    /// <summary>The statistics of the first norm, from a row on.</summary>
    public float* Statistics1(long row) => _statistics1.Start + 2 * row;

    /// <summary>Those of the second.</summary>
    public float* Statistics2(long row) => _statistics2.Start + 2 * row;

    public override float* Statistics1(long row, Workspace<T> workspace) => Statistics1(row);

    public override float* Statistics2(long row, Workspace<T> workspace) => Statistics2(row);

    /// <summary>The softmax weights of one head of one image, <c>[T,Tp]</c>, from a row on.</summary>
    public T* SoftmaxWeights(int task, int row) =>
        _weights!.Start + (long)task * _shape.Tokens * _shape.PaddedTokens + (long)row * _shape.PaddedTokens;

    public override T* SoftmaxWeights(int task, int row, AttentionWorkspace<T> workspace) => SoftmaxWeights(task, row);

    public T* Derivatives(RowRange rows, int unit) => _derivatives!.Start + First(rows) * _shape.Hidden + unit;

    public T* OwnDerivatives(RowRange rows) => _ownDerivatives!.Start + First(rows) * _ownUnits;

    public override void FfnInput(RowRange rows, T* normed)
    {
        if (_inputs.Length > 0)
            _inputs[rows.Edit].PutRows(normed, _shape.Stride, rows.Count, _shape.Width, rows.Start);
    }

    public void OwnActivations(RowRange rows, T* active, int stride) => Transpose(rows, active, stride, _activations!);

    /// <summary>Gets the gradients of an edit's own hidden units, <c>[rows,u]</c>.</summary>
    public void HiddenGradients(RowRange rows, T* gradients, int stride) =>
        Transpose(rows, gradients, stride, _hiddenGradients!);

    /// <summary>Gets the gradients of an edit's FFN outputs, <c>[rows,D + spare]</c>.</summary>
    public void OutputGradients(RowRange rows, T* gradients) =>
        _outputGradients[rows.Edit].PutRows(gradients, _shape.Stride, rows.Count, _shape.Width, rows.Start);

    /// <summary>The number of the first row among those of all edits.</summary>
    public long First(RowRange rows) => (long)rows.Edit * PerEdit + rows.Start;

    /// <summary>The first factor of the gradients of an edit's own rows, <c>[u,S·M]</c> from a unit on.</summary>
    public T* UnitSide(FfnMatrix matrix, int edit, int unit) =>
        Column((matrix == FfnMatrix.Fc1 ? _hiddenGradients : _activations)!, edit, unit);

    /// <summary>Their second factor, <c>[S·M,D]</c>.</summary>
    public PackedMatrix<T> WidthSide(FfnMatrix matrix, int edit) =>
        (matrix == FfnMatrix.Fc1 ? _inputs : _outputGradients)[edit];

    void Transpose(RowRange rows, T* from, int stride, AlignedBuffer<T> to) =>
        RowKernels<T>.Transpose(
            from,
            stride,
            rows.Count,
            _ownUnits,
            Column(to, rows.Edit, 0) + rows.Start,
            PaddedPerEdit
        );

    T* Column(AlignedBuffer<T> of, int edit, int unit) => of.Start + ((long)edit * _ownUnits + unit) * PaddedPerEdit;

    static long After(BatchShape shape, int block) => (long)shape.MostImages * shape.TokensAfter(block);

    static long Constant(BatchShape shape, int block) => block == shape.FirstBlock ? After(shape, block) : 0;
}
