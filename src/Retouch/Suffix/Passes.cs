using Retouch.Kernels;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// How passes run: by kernels of our own where the processor, libtorch and the model are what these are for, else by
/// libtorch alone. Nobody else asks.
/// </summary>
static class Passes
{
    /// <summary>The pass up to the first editable FFN.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="images">Of a batch at most.</param>
    public static IPrefixPass Prefix(SplitVit split, int images)
    {
        int first = split.Space.FirstBlock;
        // Before the first block there is nothing to compute.
        IEngine? engine =
            first < 0 ? null : Engines.Forward(split.Model, Precision.Full, images, first, allTokens: true);
        return engine is null ? new LibtorchPrefix(split) : new KernelPrefix(split, engine);
    }

    /// <summary>The pass from the first editable FFN on.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="delta">What the edit adds; null for the unedited model.</param>
    /// <param name="precision">In what frozen products are computed.</param>
    /// <param name="images">Of a batch at most.</param>
    /// <returns>What it is made of may lie in the caller's dispose scope.</returns>
    public static ISuffixPass Suffix(SplitVit split, WeightDelta? delta, Precision precision, int images)
    {
        IEngine? engine = Engines.Forward(split.Model, precision, images, split.Space.FirstBlock);
        return engine is null ? new LibtorchSuffix(split, delta, precision) : new KernelSuffix(split, delta, engine);
    }

    /// <summary>The pass of a batch of edits, forward and backward.</summary>
    /// <param name="batch">The edits; stay the caller's.</param>
    /// <param name="residual">Tokens before the first editable FFN, <c>[B·S,M,D]</c>.</param>
    /// <param name="output">Those after it, unedited, <c>[B·S,M,D]</c>.</param>
    public static IEditPass Edits(EditBatch batch, Tensor residual, Tensor output)
    {
        SplitVit split = batch.Split;
        if (!split.Model.Config.HasPlainBlocks)
            return new AutogradEdits(batch, residual, output);
        IRecordingEngine? engine = Engines.Recording(
            split.Model,
            split.Precision,
            batch.Edits * batch.ImagesPerEdit,
            batch.Edits,
            split.Space.FirstBlock
        );
        return engine is null
            ? new LibtorchEdits(batch, residual, output)
            : new KernelEdits(batch, engine, residual, output);
    }
}
