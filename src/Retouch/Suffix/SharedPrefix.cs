using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>Finds up to where two models compute the same, so that it needs to be computed once for both.</summary>
static class SharedPrefix
{
    // What stands in a block after the place at which it is cut: before its FFN's norm.
    static readonly string[] AfterCut = ["norm2.", "mlp.", "ls2."];

    /// <summary>
    /// The latest cut before which two models are the same; null where they are of other architectures or differ
    /// before the first FFN.
    /// </summary>
    public static EditSpace? Of(VitModel one, VitModel other)
    {
        if (one.Config != other.Config || one.Tensors.Count != other.Tensors.Count)
            return null;
        int first = one.Config.Depth - 1;
        foreach ((string name, Tensor tensor) in one.Tensors)
        {
            if (!other.Tensors.TryGetValue(name, out Tensor? twin))
                return null;
            if (Cut(name, one.Config.Depth) is int cut && cut < first && !Same(tensor, twin))
                first = cut;
        }
        return first < 0 ? null : new EditSpace(one.Config, first, 1);
    }

    // The latest block before whose FFN the tensor is not used yet; -1 where there is none.
    static int Cut(string name, int depth)
    {
        if (VitNames.BlockOf(name) is not int block)
            return VitNames.IsAfterBlocks(name) ? depth - 1 : -1;
        string part = name[(VitNames.Block(block, "").Length)..];
        return AfterCut.Any(a => part.StartsWith(a, StringComparison.Ordinal)) ? block : block - 1;
    }

    static bool Same(Tensor one, Tensor other)
    {
        using DisposeScope scope = NewDisposeScope();
        return one.shape.AsSpan().SequenceEqual(other.shape)
            && one.cpu().contiguous().bytes.SequenceEqual(other.cpu().contiguous().bytes);
    }
}
