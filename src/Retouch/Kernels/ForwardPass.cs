namespace Retouch.Kernels;

/// <summary>Where a forward pass leaves what it computes.</summary>
abstract unsafe class ForwardPass<T>
    where T : unmanaged, IElement<T>
{
    /// <summary>Whether anything was asked for.</summary>
    public abstract bool HasBegun { get; }

    /// <summary>Whether a batch with fewer images than there is memory for is refused.</summary>
    public abstract bool WholeBatches { get; }

    /// <summary>What it writes of one block.</summary>
    public abstract BlockPass<T> Of(int block);

    /// <summary>Where the tokens that a block reads lie, <c>[R,D]</c>.</summary>
    public abstract float* Input(int block);
}

/// <summary>Of which nothing is kept: one memory for all blocks.</summary>
sealed unsafe class TransientPass<T>(BufferPool pool, BatchShape shape) : ForwardPass<T>
    where T : unmanaged, IElement<T>
{
    readonly AlignedBuffer<float> _even = pool.Take<float>(shape.MostRows * shape.Width);
    readonly AlignedBuffer<float> _odd = pool.Take<float>(shape.MostRows * shape.Width);
    TransientBlock<T>? _block;

    public override bool HasBegun => _block is not null;

    public override bool WholeBatches => false;

    public override BlockPass<T> Of(int block) => _block ??= new TransientBlock<T>(pool, shape, block);

    public override float* Input(int block) => (block % 2 == 0 ? _even : _odd).Start;
}

/// <summary>Which is kept for a backward pass, block by block.</summary>
sealed unsafe class RecordedPass<T>(BufferPool pool, BatchShape shape, UnitsByBlock<T> units) : ForwardPass<T>
    where T : unmanaged, IElement<T>
{
    readonly RecordedBlock<T>?[] _blocks = new RecordedBlock<T>?[units.Blocks];

    public override bool HasBegun => _blocks.Any(b => b is not null);

    public override bool WholeBatches => true;

    public override BlockPass<T> Of(int block) => Record(block);

    public override float* Input(int block) => Record(block).Input.Start;

    /// <summary>What is kept of one block.</summary>
    public RecordedBlock<T> Record(int block) =>
        _blocks[block] ??= new RecordedBlock<T>(pool, shape, block, units[block]);
}
