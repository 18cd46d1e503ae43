using Retouch.Vit;

namespace Retouch.Kernels;

/// <summary>
/// A model's blocks as kernels read them, each packed at its first use. Belongs to the model. Safe to use from several
/// threads.
/// </summary>
sealed class FrozenBlocks<T> : IDisposable
    where T : unmanaged, IElement<T>
{
    readonly Lazy<FrozenBlock<T>>[] _blocks;

    FrozenBlocks(VitModel model)
    {
        Precision precision = typeof(T) == typeof(Bf16) ? Precision.Mixed : Precision.Full;
        _blocks =
        [
            .. model.Blocks.Select(
                (block, i) =>
                    new Lazy<FrozenBlock<T>>(() => new FrozenBlock<T>(NarrowBlocks.Block(model, i, precision), block))
            ),
        ];
    }

    /// <summary>One block's matrices, packed; the model owns them.</summary>
    public static FrozenBlock<T> Block(VitModel model, int index) =>
        model.Derived(m => new FrozenBlocks<T>(m))._blocks[index].Value;

    /// <summary>Frees the packed matrices.</summary>
    public void Dispose()
    {
        foreach (Lazy<FrozenBlock<T>> block in _blocks.Where(b => b.IsValueCreated))
            block.Value.Dispose();
    }
}
