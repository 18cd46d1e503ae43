using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Vit;

/// <summary>How a classifier reads the tokens after the last block, one arm a <see cref="VitPooling"/>.</summary>
static class Readouts
{
    /// <summary>
    /// What the classifier reads: <c>[B,T,D]</c>, or of [CLS] alone <c>[B,1,D]</c>, to <c>[B,D]</c>; of two heads
    /// <c>[B,2,D]</c>.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="x">The tokens.</param>
    /// <param name="weights">Tensors by canonical name.</param>
    public static Tensor Read(VitModel model, Tensor x, Func<string, Tensor?> weights)
    {
        VitConfig config = model.Config;
        x = Wanted(config, x);
        if (config.LastNorm)
            x = model.Norm(x, weights(VitNames.NormWeight)!, weights(VitNames.NormBias)!);
        return OfToken(model, Pooled(model, x, weights), weights);
    }

    /// <summary>What the classifier reads of what was pooled, <c>[B,D]</c>.</summary>
    /// <param name="model">The model.</param>
    /// <param name="x">What was pooled, after a pool's own FFN.</param>
    /// <param name="weights">Tensors by canonical name.</param>
    public static Tensor OfToken(VitModel model, Tensor x, Func<string, Tensor?> weights)
    {
        VitConfig config = model.Config;
        if (config.NormAfterPooling)
            x = model.Norm(x, weights(VitNames.PoolNormWeight)!, weights(VitNames.PoolNormBias)!);
        if (config.Projection > 0)
            x = linear(x, weights(VitNames.Projection)!);
        return config.Cosine ? OfLengthOne(x) : x;
    }

    /// <summary>What attention finds, before the pool's own norm and FFN: <c>[B,T,D]</c> to <c>[B,D]</c>.</summary>
    public static Tensor BeforeFfn(VitModel model, Tensor x, Func<string, Tensor?> weights)
    {
        x = Wanted(model.Config, x);
        if (model.Config.LastNorm)
            x = model.Norm(x, weights(VitNames.NormWeight)!, weights(VitNames.NormBias)!);
        return Mixed(model, x, weights);
    }

    /// <summary>The logits of what is read, <c>[B,C]</c>.</summary>
    /// <param name="model">The model.</param>
    /// <param name="read">What <see cref="Read"/> gives.</param>
    /// <param name="weights">Tensors by canonical name.</param>
    public static Tensor Classify(VitModel model, Tensor read, Func<string, Tensor?> weights)
    {
        (Tensor weight, Tensor bias) = (weights(VitNames.HeadWeight)!, weights(VitNames.HeadBias)!);
        if (model.Config.Pooling != VitPooling.TwoHeads)
            return linear(read, weight, bias);
        Tensor second = linear(
            read.select(1, 1),
            weights(VitNames.SecondHeadWeight)!,
            weights(VitNames.SecondHeadBias)!
        );
        return linear(read.select(1, 0), weight, bias).Plus(second) * Held(0.5);
    }

    /// <summary>Rows scaled to length 1.</summary>
    public static Tensor OfLengthOne(Tensor rows) => rows / rows.Squared().sum(-1, keepdim: true).sqrt();

    // The tokens that the pooling reads: of [CLS] alone [B,D], else [B,M,D].
    static Tensor Wanted(VitConfig config, Tensor x) =>
        config.Pooling switch
        {
            VitPooling.ClassToken => x.select(1, 0),
            VitPooling.TwoHeads => x.narrow(1, 0, 2),
            VitPooling.Average or VitPooling.Maximum or VitPooling.AverageAndMaximum or VitPooling.Attention => From(
                x,
                config.PrefixTokens
            ),
            _ => x,
        };

    static Tensor Pooled(VitModel model, Tensor x, Func<string, Tensor?> weights) =>
        model.Config.Pooling switch
        {
            VitPooling.Average or VitPooling.AverageOfAll => x.mean([1]),
            VitPooling.Maximum => x.amax([1]),
            VitPooling.AverageAndMaximum => x.amax([1]).Plus(x.mean([1])) * Held(0.5),
            VitPooling.ClassAndAverage => WithClass(x, model.Config.PrefixTokens),
            VitPooling.ClassAndAverageOfOthers => WithClass(x, 1),
            VitPooling.Attention or VitPooling.AttentionOverAll => Attended(model, x, weights),
            _ => x,
        };

    static Tensor WithClass(Tensor x, int first) => cat([x.select(1, 0), From(x, first).mean([1])], 1);

    static Tensor From(Tensor x, int first) => x.narrow(1, first, x.shape[1] - first);

    // A learned query's attention to the tokens, and a feed-forward network.
    static Tensor Attended(VitModel model, Tensor x, Func<string, Tensor?> weights)
    {
        BlockWeights pool = BlockWeights.OfPool(model.Config, weights);
        Tensor y = Mixed(model, x, weights);
        return y.Plus(model.FeedForward(pool, model.Norm(y, pool.Norm2Weight, pool.Norm2Bias)));
    }

    static Tensor Mixed(VitModel model, Tensor x, Func<string, Tensor?> weights)
    {
        VitConfig config = model.Config;
        Tensor Of(string name) => weights(VitNames.Pool(name))!;

        long batch = x.shape[0];
        long width = config.Width;
        (Tensor weight, Tensor bias) = (Of("qkv.weight"), Of("qkv.bias"));
        Tensor query = linear(Of("latent"), weight.narrow(0, 0, width), bias.narrow(0, 0, width)).expand(batch, -1, -1);
        Tensor keysValues = linear(x, weight.narrow(0, width, 2 * width), bias.narrow(0, width, 2 * width));
        Tensor mixed = scaled_dot_product_attention(
            Heads(query),
            Heads(keysValues.narrow(2, 0, width)),
            Heads(keysValues.narrow(2, width, width))
        );
        return linear(mixed.transpose(1, 2).reshape(batch, width), Of("proj.weight"), Of("proj.bias")); // [B,D]

        // [B,heads,M,D/heads]
        Tensor Heads(Tensor t) => t.view(batch, -1, config.PoolHeads, width / config.PoolHeads).transpose(1, 2);
    }
}
