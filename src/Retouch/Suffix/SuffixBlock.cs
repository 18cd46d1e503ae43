using Retouch.Vit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Suffix;

/// <summary>
/// A block after the cut in libtorch's public kernels, products in whichever type the block has them: for passes that
/// keep nothing, and for autograd. All results lie in the caller's dispose scope.
/// </summary>
static class SuffixBlock
{
    /// <summary>A tensor in a type.</summary>
    public static Tensor As(ScalarType type, Tensor x) => x.dtype == type ? x : x.to(type);

    /// <summary>The first norm, float32, in the type of the block's products.</summary>
    public static Tensor Norm1(this VitModel model, BlockWeights block, Tensor x) =>
        As(block.Type, model.Norm(x, block.Norm1Weight, block.Norm1Bias));

    /// <summary>The second norm, likewise.</summary>
    public static Tensor Norm2(this VitModel model, BlockWeights block, Tensor x) =>
        As(block.Type, model.Norm(x, block.Norm2Weight, block.Norm2Bias));

    /// <summary>
    /// Tokens after a block's attention, <c>[N,T,D]</c>; of the last block [CLS] alone, <c>[N,1,D]</c>, where the
    /// classifier reads no other.
    /// </summary>
    public static Tensor AttentionResidual(this VitModel model, BlockWeights block, int index, Tensor x)
    {
        VitConfig config = model.Config;
        bool classAlone = index == config.Depth - 1 && config.ReadsClassAlone;
        if (!config.HasPlainBlocks)
            return model.AfterAttention(block, x, classAlone);
        long batch = x.shape[0];
        long width = config.Width;
        Tensor normed = model.Norm1(block, x);
        Tensor query;
        Tensor keysValues;
        if (classAlone)
        {
            query = linear(normed.narrow(1, 0, 1), block.QkvWeight.narrow(0, 0, width));
            keysValues = linear(normed, block.QkvWeight.narrow(0, width, 2 * width));
        }
        else
        {
            Tensor qkv = linear(normed, block.QkvWeight);
            (query, keysValues) = (qkv.narrow(2, 0, width), qkv.narrow(2, width, 2 * width));
        }
        // Softmax does not see the keys' bias, and every mixture contains the values' bias once: it passes through the
        // output product.
        Tensor? bias = block.ProjBias;
        if (block.QkvBias is not null)
        {
            query.Plus_(block.QkvBias.narrow(0, 0, width));
            bias = linear(block.QkvBias.narrow(0, 2 * width, width), block.ProjWeight, block.ProjBias);
        }
        Tensor mixed = scaled_dot_product_attention(Heads(query, 0), Heads(keysValues, 0), Heads(keysValues, width));
        Tensor y = linear(mixed.transpose(1, 2).reshape(batch, -1, width), block.ProjWeight);
        return Sum(classAlone ? x.narrow(1, 0, 1) : x, y, bias, block.Scale1);

        // [N,heads,T,D/heads]
        Tensor Heads(Tensor t, long first) =>
            t.narrow(2, first, width).view(batch, -1, config.Heads, config.HeadWidth).transpose(1, 2);
    }

    /// <summary>An FFN's products with normed tokens, without the output's bias and scale.</summary>
    /// <param name="model">Has the activation.</param>
    /// <param name="normed"><c>[N,M,D]</c>.</param>
    /// <param name="fc1"><c>[u,D]</c>.</param>
    /// <param name="bias"><c>[u]</c>.</param>
    /// <param name="fc2"><c>[D,u]</c>.</param>
    public static Tensor FfnProducts(this VitModel model, Tensor normed, Tensor fc1, Tensor bias, Tensor fc2) =>
        linear(model.Activate(linear(normed, fc1, bias)), fc2);

    /// <summary>
    /// A residual sum: tokens, and a product's output with its bias, scaled. A bias is cheaper added here than in the
    /// product, which would first fill its result with it.
    /// </summary>
    public static Tensor Sum(Tensor x, Tensor y, Tensor? bias, Tensor? scale)
    {
        Tensor sum = x.Plus(VitModel.Scaled(y, scale));
        return bias is null ? sum : sum.Plus_(VitModel.Scaled(bias, scale));
    }
}
