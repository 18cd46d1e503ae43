using Retouch.Vit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Suffix;

/// <summary>
/// The suffix in its plainest form, with any of its tensors replaced and autograd through all of it: for
/// methods whose edits are not rows of the FFNs' matrices, and for blocks that the faster passes are not written for.
/// M is T, and in the last block 1 where the classifier reads [CLS] alone. Owns nothing; all that a pass makes lies in
/// the caller's dispose scope.
/// </summary>
/// <param name="split">The cut model.</param>
/// <param name="replaced">Other tensors by canonical name, for example leaves of a graph; null for none.</param>
/// <param name="visit">
/// Gets each point's value with its block and gives the value to go on with; null to ignore.
/// </param>
sealed class AutogradSuffix(
    SplitVit split,
    IReadOnlyDictionary<string, Tensor>? replaced = null,
    Func<SuffixPoint, int, Tensor, Tensor>? visit = null
)
{
    readonly BlockWeights[] _blocks =
    [
        .. Enumerable
            .Range(split.Space.FirstBlock, split.Model.Config.Depth - split.Space.FirstBlock)
            .Select(i => BlockWeights.Of(split.Model.Config, i, name => Find(split, replaced, name))),
    ];

    readonly bool _firstIsConstant =
        visit is null
        && (
            replaced is null
            || !replaced.Keys.Any(n =>
                n.StartsWith(VitNames.Block(split.Space.FirstBlock, ""), StringComparison.Ordinal)
            )
        );

    /// <summary>The class logits of images, <c>[N,C]</c>.</summary>
    public Tensor Logits(PrefixState state) => Classify(ClassFeatures(state.Residual, state.Output));

    /// <summary>What the classifier reads, <c>[N,D]</c>.</summary>
    /// <param name="residual">The images' <see cref="PrefixState.Residual"/>.</param>
    /// <param name="output">Their <see cref="PrefixState.Output"/>.</param>
    public Tensor ClassFeatures(Tensor residual, Tensor output) => Readout(LastTokens(residual, output));

    /// <summary>The tokens after the last block, <c>[N,M,D]</c>.</summary>
    public Tensor LastTokens(Tensor residual, Tensor output)
    {
        int first = split.Space.FirstBlock;
        Tensor x = _firstIsConstant
            ? output
            : AfterFfn(
                first,
                _blocks.Length == 1 && split.Model.Config.ReadsClassAlone ? residual.narrow(1, 0, 1) : residual
            );
        return LastTokensAfter(first, x);
    }

    /// <summary>The tokens after the last block of those after an earlier one.</summary>
    /// <param name="index">That block.</param>
    /// <param name="x">The tokens after it, <c>[N,M,D]</c>.</param>
    public Tensor LastTokensAfter(int index, Tensor x)
    {
        for (int i = index + 1; i < split.Model.Config.Depth; i++)
            x = AfterBlock(i, x);
        return x;
    }

    /// <summary>One block after the first: the tokens after it of those after the one before.</summary>
    public Tensor AfterBlock(int index, Tensor x) =>
        AfterFfn(index, split.Model.AttentionResidual(_blocks[index - split.Space.FirstBlock], index, x));

    /// <summary>What the classifier reads of the tokens after the last block: <c>[N,M,D]</c> to <c>[N,D]</c>.</summary>
    public Tensor Readout(Tensor x) => split.Model.Readout(x, name => Find(split, replaced, name));

    /// <summary>The classifier.</summary>
    public Tensor Classify(Tensor features) => split.Model.Classify(features, name => Find(split, replaced, name));

    /// <summary>One block's FFN, added to the tokens that it reads.</summary>
    public Tensor AfterFfn(int index, Tensor x)
    {
        BlockWeights block = _blocks[index - split.Space.FirstBlock];
        bool after = split.Model.Config.Block.PostNorm;
        Tensor read = Visit(SuffixPoint.FfnInput, index, after ? x : split.Model.Norm2(block, x));
        Tensor hidden = Visit(SuffixPoint.PreActivation, index, linear(read, block.Fc1Weight, block.Fc1Bias));
        Tensor? gate = block.GateWeight is null
            ? null
            : Visit(SuffixPoint.Gate, index, linear(read, block.GateWeight, block.GateBias));
        Tensor key = Visit(SuffixPoint.Activation, index, split.Model.Key(block, hidden, gate));
        Tensor value = VitModel.Scaled(
            Visit(SuffixPoint.FfnOutput, index, linear(key, block.Fc2Weight, block.Fc2Bias)),
            block.Scale2
        );
        return x.Plus(after ? split.Model.Norm2(block, value) : value);
    }

    Tensor Visit(SuffixPoint point, int block, Tensor value) => visit is null ? value : visit(point, block, value);

    static Tensor? Find(SplitVit split, IReadOnlyDictionary<string, Tensor>? replaced, string name) =>
        replaced is not null && replaced.TryGetValue(name, out Tensor? other)
            ? other
            : split.Model.Tensors.GetValueOrDefault(name);
}
