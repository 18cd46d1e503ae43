using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>
/// A model's blocks with the matrices of their products in bfloat16, each made at its first use. Belongs to the model.
/// Safe to use from several threads.
/// </summary>
sealed class NarrowBlocks : IDisposable
{
    readonly Lazy<BlockWeights>[] _blocks;

    NarrowBlocks(VitModel model) =>
        _blocks = [
            .. Enumerable.Range(0, model.Config.Depth).Select(i => new Lazy<BlockWeights>(() => Narrow(model, i))),
        ];

    /// <summary>One block with the matrices of its products in a precision; the model owns its tensors.</summary>
    public static BlockWeights Block(VitModel model, int index, Precision precision) =>
        precision == Precision.Mixed
            ? model.Derived(m => new NarrowBlocks(m))._blocks[index].Value
            : model.Blocks[index];

    /// <summary>Frees the narrow matrices.</summary>
    public void Dispose()
    {
        foreach (Lazy<BlockWeights> block in _blocks.Where(b => b.IsValueCreated))
            block.Value.DisposeProducts();
    }

    static BlockWeights Narrow(VitModel model, int index) =>
        new(
            model.Config.At(index),
            name =>
                model.Tensors.GetValueOrDefault(VitNames.Block(index, name)) is not Tensor weight ? null
                : BlockWeights.IsOfProduct(name) ? weight.to(ScalarType.BFloat16).DetachFromDisposeScope()
                : weight
        );
}
