using Retouch.Vit;
using static Retouch.Kernels.Shape;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>
/// Blocks of a vision transformer on a CPU for images that lie in one batch: products by libtorch's kernels for small
/// matrices, everything between them in one pass over rows that are still in the cache. Tokens of B edits of S images
/// each; in the FFNs of the edit space an edit may have units of its own (<see cref="OwnUnits{T}"/>). Results do not
/// depend on the number of threads. Not safe for use from several threads. Owns its memory, not the model.
/// </summary>
/// <remarks>The README beside this file shows what is where.</remarks>
abstract unsafe class Engine<T> : IEngine
    where T : unmanaged, IElement<T>
{
    readonly VitModel _model;
    readonly Attention<T> _tokenAttention;
    readonly Attention<T> _classAttention;
    readonly FeedForward<T> _feedForward;

    /// <summary>Memory for a batch.</summary>
    protected Engine(VitModel model, BatchShape shape)
    {
        _model = model;
        Last = model.Config.Depth - 1;
        Batch = shape;
        Units = new UnitsByBlock<T>(model.Config.Depth);
        Tasks = new TaskSharing<T>(shape, () => Units.Most);
        Sharing = new UnitSharing<T>(shape, Tasks, Units, Pool);
        AlignedBuffer<T> output = Pool.Take<T>((shape.MostRows + Lanes) * shape.Stride);
        AlignedBuffer<T> mixtures = Pool.Take<T>(shape.OfClassHeads * shape.Stride);
        _tokenAttention = new TokenAttention<T>(shape, Tasks, output, Pool);
        _classAttention = new ClassAttention<T>(shape, Tasks, mixtures);
        _feedForward = new FeedForward<T>(model.Config, shape, Units, Sharing);
    }

    /// <summary>The model's last block.</summary>
    protected int Last { get; }

    /// <summary>Of the batch.</summary>
    protected BatchShape Batch { get; }

    /// <summary>What lives as long as the engine.</summary>
    protected BufferPool Pool { get; } = new();

    /// <summary>Of edits.</summary>
    protected UnitsByBlock<T> Units { get; }

    /// <summary>The threads.</summary>
    protected TaskSharing<T> Tasks { get; }

    /// <summary>How they share the units of few rows.</summary>
    protected UnitSharing<T> Sharing { get; }

    /// <summary>Where forward passes leave what they compute.</summary>
    protected abstract ForwardPass<T> Pass { get; }

    public void SetUnits(int block, Tensor bias, float[]? frozen, bool some)
    {
        if (Pass.HasBegun)
            throw new InvalidOperationException("Units are given before any pass.");
        Units.Set(block, new OwnUnits<T>(Batch.Edits, Batch.Width, bias, frozen, Pass.WholeBatches, some));
    }

    public void SetWeights(int block, FfnMatrix matrix, Tensor weights, Tensor? deltas, Tensor? scales, int at) =>
        Set(block, matrix, weights, deltas, scales, at, null);

    public Tensor Contribution(Tensor residual)
    {
        int tokens = Begin(residual);
        int block = Batch.FirstBlock;
        int width = Batch.Width;
        int stride = Batch.Stride;
        Tensor output = empty(residual.shape);
        BlockPass<T> pass = Pass.Of(block);
        FrozenBlock<T> frozen = Frozen(block);
        using Tensor whole = residual.contiguous();
        float* x = (float*)Pointer.Of(whole);
        float* y = (float*)Pointer.Of(output);
        Tasks.EachRows(
            tokens,
            true,
            (rows, workspace) =>
            {
                long first = Batch.First(rows, tokens);
                long at = first * width;
                T* normed = pass.NormedConstant.Start + first * stride;
                RowKernels<T>.Norm(
                    x + at,
                    rows.Count,
                    width,
                    frozen.Norm2Weight,
                    frozen.Norm2Bias,
                    Batch.Epsilon,
                    normed,
                    stride,
                    workspace.Statistics
                );
                pass.FfnInput(rows, normed);
                _feedForward.Products(block, frozen, NoFfnRecord<T>.Instance, rows, normed, workspace);
                new Span<float>(workspace.Out, rows.Count * width).CopyTo(new Span<float>(y + at, rows.Count * width));
            }
        );
        return output;
    }

    public Tensor Forward(int from, int to, Tensor tokens)
    {
        Read(from, tokens);
        return Blocks(from, to);
    }

    public Tensor Attend(int block, Tensor tokens)
    {
        Read(block, tokens);
        Tensor output = empty(Batch.Images, Batch.TokensAfter(block), Batch.Width);
        Attend(block, (float*)Pointer.Of(output), null);
        return output;
    }

    public Tensor FeedForward(int block, Tensor residual)
    {
        int tokens = Begin(residual);
        Tensor output = empty(residual.shape);
        using Tensor whole = residual.contiguous();
        float* x = (float*)Pointer.Of(whole);
        float* y = (float*)Pointer.Of(output);
        FrozenBlock<T> frozen = Frozen(block);
        BlockPass<T> pass = Pass.Of(block);
        Tasks.EachRows(
            tokens,
            Units[block] is not null,
            (rows, workspace) => _feedForward.Forward(block, frozen, pass, rows, x, y, tokens, workspace)
        );
        return output;
    }

    public void Dispose()
    {
        foreach (IDisposable memory in (IDisposable[])[Pool, Units, Tasks])
            memory.Dispose();
    }

    /// <summary>One block as products read it.</summary>
    protected FrozenBlock<T> Frozen(int block) => FrozenBlocks<T>.Block(_model, block);

    /// <summary>Of one block: of [CLS] alone in the last where the classifier reads no other token.</summary>
    protected Attention<T> AttentionOf(int block) =>
        Batch.TokensAfter(block) == Batch.Tokens ? _tokenAttention : _classAttention;

    /// <summary>Tokens after the last block, from the first FFN on.</summary>
    /// <param name="constant">What the contribution of its own units is added to, <c>[B·S,M,D]</c>.</param>
    protected Tensor AfterFirstFfn(Tensor constant)
    {
        int tokens = Begin(constant);
        int block = Batch.FirstBlock;
        int width = Batch.Width;
        FrozenBlock<T> frozen = Frozen(block);
        BlockPass<T> pass = Pass.Of(block);
        using Tensor whole = constant.contiguous();
        Tensor? output = block == Last ? empty(constant.shape) : null;
        float* x = (float*)Pointer.Of(whole);
        float* y = output is null ? Pass.Input(block + 1) : (float*)Pointer.Of(output);
        Tasks.EachRows(
            tokens,
            true,
            (rows, workspace) =>
            {
                long first = Batch.First(rows, tokens);
                long at = first * width;
                T* normed = pass.NormedConstant.Start + first * Batch.Stride;
                _feedForward.Products(block, frozen, pass.Ffn, rows, normed, workspace);
                RowKernels<T>.Add(x + at, workspace.Out, rows.Count, width, null, frozen.Scale2, y + at);
            }
        );
        return output ?? Blocks(block + 1, Last);
    }

    /// <summary>Sets weights, in parts that stay in the cache.</summary>
    /// <param name="block">The block.</param>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="weights"><c>[B,n,D]</c> float32.</param>
    /// <param name="deltas"><c>[B,n,D]</c>; null for 0.</param>
    /// <param name="scales"><c>[B,n,1]</c>; null for 1.</param>
    /// <param name="at">The first of the n units.</param>
    /// <param name="before">
    /// Called before each part is set, with the edit, the first unit of n in the part, their number, and a workspace.
    /// </param>
    protected void Set(
        int block,
        FfnMatrix matrix,
        Tensor weights,
        Tensor? deltas,
        Tensor? scales,
        int at,
        Action<int, int, int, Workspace<T>>? before
    )
    {
        OwnUnits<T> own = Units[block]!;
        using Tensor? whole = scales?.contiguous();
        int n = (int)weights.shape[1];
        if (n == 0)
            return;
        int width = Batch.Width;
        float* from = (float*)Pointer.Of(weights);
        float* delta = deltas is null ? null : (float*)Pointer.Of(deltas);
        float* scale = whole is null ? null : (float*)Pointer.Of(whole);
        // Panels are filled by sixteens.
        int first = at / Lanes * Lanes;
        Tasks.EachUnits(
            Up(at + n) - first,
            (edit, part, count, workspace) =>
            {
                int start = first + part;
                int unit = Math.Max(start, at);
                int given = Math.Min(start + count, at + n) - unit;
                before?.Invoke(edit, unit, given, workspace);
                long row = (long)edit * n + unit - at;
                own.Set(
                    matrix,
                    edit,
                    start,
                    count,
                    unit - start,
                    given,
                    from + row * width,
                    delta is null ? null : delta + row * width,
                    scale is null ? null : scale + row,
                    workspace.Normed
                );
            }
        );
    }

    // A batch of tokens, [N,M,D]: M.
    int Begin(Tensor tokens)
    {
        int images = (int)tokens.shape[0];
        if (images > Batch.MostImages || images != Batch.MostImages && (Pass.WholeBatches || Batch.Edits > 1))
            throw new ArgumentException($"{images} images are not the batch of {Batch.MostImages}.", nameof(tokens));
        Batch.Images = images;
        return (int)tokens.shape[1];
    }

    void Read(int block, Tensor tokens)
    {
        _ = Begin(tokens);
        using Tensor whole = tokens.contiguous();
        long bytes = (long)Batch.Rows * Batch.Width * sizeof(float);
        Buffer.MemoryCopy(Pointer.Of(whole), Pass.Input(block), bytes, bytes);
    }

    // Some blocks, whose input is in place.
    Tensor Blocks(int from, int to)
    {
        Tensor output = empty(Batch.Images, Batch.TokensAfter(to), Batch.Width);
        for (int block = from; block <= to; block++)
            Block(block, block == to ? (float*)Pointer.Of(output) : Pass.Input(block + 1));
        return output;
    }

    // One block: its FFN takes rows right after the attention, unless the threads share its units.
    void Block(int block, float* output)
    {
        int tokens = Batch.TokensAfter(block);
        FrozenBlock<T> frozen = Frozen(block);
        BlockPass<T> pass = Pass.Of(block);
        float* residual = pass.Residual.Start;
        if (!Sharing.Pays(tokens))
        {
            Attend(
                block,
                residual,
                (rows, workspace) =>
                    _feedForward.Forward(block, frozen, pass, rows, residual, output, tokens, workspace)
            );
            return;
        }
        T* shared = Sharing.Rows;
        Attend(
            block,
            residual,
            (rows, workspace) =>
            {
                T* normed = shared + Batch.First(rows, tokens) * Batch.Stride;
                _feedForward.Norm(frozen, pass, rows, residual, tokens, normed, workspace);
            }
        );
        _feedForward.ForwardShared(block, frozen, pass, residual, output, tokens);
    }

    void Attend(int block, float* residual, Action<RowRange, Workspace<T>>? then) =>
        AttentionOf(block)
            .Forward(Frozen(block), Pass.Of(block), Pass.Input(block), residual, Units[block] is not null, then);
}

/// <summary>Forward alone: nothing is kept.</summary>
sealed class ForwardEngine<T> : Engine<T>
    where T : unmanaged, IElement<T>
{
    /// <summary>Memory for a batch.</summary>
    public ForwardEngine(VitModel model, BatchShape shape)
        : base(model, shape) => Pass = new TransientPass<T>(Pool, shape);

    protected override ForwardPass<T> Pass { get; }
}
