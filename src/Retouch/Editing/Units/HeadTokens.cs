using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// The tokens that a classifier reads, before the last FFN that makes them: of one token an image, [CLS] or what
/// attention pools, <c>[N,D]</c>; else <c>[N,M,D]</c>, those in front and the patches. What the last FFN and the head
/// make of them is all that an edit of that FFN can change.
/// </summary>
static class HeadTokens
{
    // Patches of an ordinary image that are kept: what they are pooled to is hardly another than of all.
    const int MostPatches = 49;

    /// <summary>The tokens of images, all of them; in the caller's scope.</summary>
    /// <param name="split">The model.</param>
    /// <param name="state">The images.</param>
    public static Tensor Of(SplitVit split, PrefixState state)
    {
        VitModel model = split.Model;
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        return Residuals().MoveToOuterDisposeScope();

        Tensor Residuals()
        {
            int last = model.Config.Depth - 1;
            if (model.Config.PoolsByAttention)
            {
                Tensor pooled = new AutogradSuffix(split).LastTokens(state.Residual, state.Output);
                return Readouts.BeforeFfn(model, pooled, name => model.Tensors.GetValueOrDefault(name));
            }
            if (split.Space.FirstBlock == last)
                return model.Config.ReadsClassAlone ? state.Residual.select(1, 0).clone() : state.Residual.clone();
            // What the FFN reads, before its norm, lies on the way of a pass.
            Tensor? read = null;
            Tensor after = new AutogradSuffix(
                split,
                visit: (point, block, value) =>
                {
                    if (point == SuffixPoint.FfnInput && block == last)
                        read = value;
                    return value;
                }
            ).LastTokens(state.Residual, state.Output);
            Tensor residuals = model.Config.Block.PostNorm ? read! : after - model.FeedForward(model.TokenFfn, read!);
            return model.Config.ReadsClassAlone ? residuals.select(1, 0).clone() : residuals;
        }
    }

    /// <summary>The tokens of no images, <c>[0,D]</c> or <c>[0,M,D]</c>; in the caller's scope.</summary>
    /// <param name="config">The architecture.</param>
    public static Tensor None(VitConfig config) => zeros([0, .. Shape(config)]);

    /// <summary>The shape of an image's tokens, <c>[D]</c> or <c>[M,D]</c>.</summary>
    /// <param name="config">The architecture.</param>
    public static long[] Shape(VitConfig config) =>
        config.ReadsOneToken ? [config.Width] : [CountOf(config), config.Width];

    /// <summary>How many tokens an image has after the last block.</summary>
    /// <param name="config">The architecture.</param>
    public static long CountOf(VitConfig config)
    {
        int grid = config.Stages.Count > 0 ? config.At(config.Depth - 1).Grid : config.Grid;
        return (long)grid * grid + config.PrefixTokens;
    }

    /// <summary>The tokens after the last FFN, of those before its norm; in the caller's scope.</summary>
    /// <param name="model">The model.</param>
    /// <param name="block">That FFN, changed or not.</param>
    /// <param name="residuals"><c>[N,D]</c> or <c>[N,M,D]</c>.</param>
    public static Tensor After(VitModel model, BlockWeights block, Tensor residuals)
    {
        Tensor given = model.FeedForward(block, Evidence.Read(model, residuals));
        return residuals.Plus(model.NormsAfterTokenFfn ? model.Norm(given, block.Norm2Weight, block.Norm2Bias) : given);
    }

    /// <summary>Those in front and some of the patches, evenly spread; in the caller's scope.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="tokens"><c>[N,D]</c> or <c>[N,M,D]</c>.</param>
    public static Tensor Sampled(VitConfig config, Tensor tokens)
    {
        if (tokens.dim() == 2)
            return tokens;
        int front = config.PrefixTokens;
        long patches = tokens.shape[1] - front;
        if (patches <= MostPatches)
            return tokens;
        long[] kept =
        [
            .. Enumerable.Range(0, front).Select(t => (long)t),
            .. Enumerable.Range(0, MostPatches).Select(t => front + (2 * t + 1) * patches / (2 * MostPatches)),
        ];
        return tokens.index_select(1, tensor(kept, device: tokens.device));
    }

    /// <summary>
    /// How much each of M tokens counts in what the classifier reads, <c>[M]</c>, 1 in all; in the caller's scope. Of
    /// [CLS] beside an average it is [CLS] that counts.
    /// </summary>
    /// <param name="config">The architecture.</param>
    /// <param name="count">M.</param>
    /// <param name="device">Where.</param>
    public static Tensor Shares(VitConfig config, long count, Device device)
    {
        (long first, long read) = config.Pooling switch
        {
            VitPooling.ClassAndAverage or VitPooling.ClassAndAverageOfOthers => (0, 1),
            VitPooling.TwoHeads => (0, 2),
            VitPooling.AverageOfAll => (0, count),
            _ => (config.PrefixTokens, count - config.PrefixTokens),
        };
        float[] shares = new float[count];
        Array.Fill(shares, 1f / read, (int)first, (int)read);
        return tensor(shares, device: device);
    }

    /// <summary>Whether one token alone counts.</summary>
    /// <param name="config">The architecture.</param>
    public static bool AreOne(VitConfig config) =>
        config.ReadsOneToken || config.Pooling is VitPooling.ClassAndAverage or VitPooling.ClassAndAverageOfOthers;

    /// <summary>An architecture as one whose tokens count alike: how a key is read by all of them.</summary>
    /// <param name="config">The architecture.</param>
    public static VitConfig ByAll(VitConfig config) => config with { Pooling = VitPooling.AverageOfAll };

    /// <summary>
    /// What is read of numbers of tokens, <c>[N,M]</c> or <c>[N,M,D]</c>, an image: <c>[N]</c> or <c>[N,D]</c>; in the
    /// caller's scope. Of one token an image it is that.
    /// </summary>
    /// <param name="config">The architecture.</param>
    /// <param name="values">The numbers.</param>
    public static Tensor Pooled(VitConfig config, Tensor values)
    {
        if (config.ReadsOneToken)
            return values;
        Tensor shares = Shares(config, values.shape[1], values.device);
        return (values.dim() == 2 ? values * shares : values * shares.unsqueeze(1)).sum(1);
    }
}
