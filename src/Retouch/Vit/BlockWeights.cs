using static TorchSharp.torch;

namespace Retouch.Vit;

/// <summary>The tensors of one transformer block, owned by the <see cref="VitModel"/> that they belong to.</summary>
/// <param name="place">What the block is by its place.</param>
/// <param name="tensor">A tensor of the block by the end of its canonical name; null for one that it lacks.</param>
/// <param name="shared">The table of relative positions that all blocks share; null for none.</param>
sealed class BlockWeights(VitPlace place, Func<string, Tensor?> tensor, Tensor? shared = null)
{
    public readonly VitPlace Place = place;
    public readonly Tensor Norm1Weight = tensor("norm1.weight")!; // [D]
    public readonly Tensor Norm1Bias = tensor("norm1.bias")!;
    public readonly Tensor QkvWeight = tensor("attn.qkv.weight")!; // [3D,D]: queries, keys, values
    public readonly Tensor? QkvBias = tensor("attn.qkv.bias");
    public readonly Tensor ProjWeight = tensor("attn.proj.weight")!; // [D,D]
    public readonly Tensor ProjBias = tensor("attn.proj.bias")!;
    public readonly Tensor? Scale1 = tensor("ls1.gamma"); // [D]: LayerScale
    public readonly Tensor Norm2Weight = tensor("norm2.weight")!; // [D]
    public readonly Tensor Norm2Bias = tensor("norm2.bias")!;
    public readonly Tensor Fc1Weight = tensor("mlp.fc1.weight")!; // [H,D]: a row a hidden unit
    public readonly Tensor Fc1Bias = tensor("mlp.fc1.bias")!;
    public readonly Tensor Fc2Weight = tensor("mlp.fc2.weight")!; // [D,H]: a column a hidden unit
    public readonly Tensor Fc2Bias = tensor("mlp.fc2.bias")!;
    public readonly Tensor? Scale2 = tensor("ls2.gamma"); // [D]

    // What a plain ViT's block has not.
    public readonly Tensor? QueryNormWeight = tensor("attn.q_norm.weight"); // [D/heads]
    public readonly Tensor? QueryNormBias = tensor("attn.q_norm.bias");
    public readonly Tensor? KeyNormWeight = tensor("attn.k_norm.weight"); // [D/heads]
    public readonly Tensor? KeyNormBias = tensor("attn.k_norm.bias");
    public readonly Tensor? MixedNormWeight = tensor("attn.norm.weight"); // [D]
    public readonly Tensor? MixedNormBias = tensor("attn.norm.bias");
    public readonly Tensor? GateWeight = tensor("mlp.gate.weight"); // [H,D]: a row a hidden unit
    public readonly Tensor? GateBias = tensor("mlp.gate.bias");
    public readonly Tensor? HiddenNormWeight = tensor("mlp.norm.weight"); // [H]
    public readonly Tensor? HiddenNormBias = tensor("mlp.norm.bias");
    public readonly Tensor? RelativeTable = tensor("attn.relative_position_bias_table"); // [positions,heads]
    public readonly Tensor? SharedTable = shared; // [positions,heads]
    public readonly Tensor? MergeNormWeight = tensor("merge.norm.weight"); // [2D]: four tokens of half the width
    public readonly Tensor? MergeNormBias = tensor("merge.norm.bias");
    public readonly Tensor? MergeWeight = tensor("merge.reduction.weight"); // [D,2D]

    /// <summary>The weights of one block of a model.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="index">The block, zero-based.</param>
    /// <param name="weights">All tensors by canonical name.</param>
    public static BlockWeights Of(VitConfig config, int index, Func<string, Tensor?> weights) =>
        new(config.At(index), name => weights(VitNames.Block(index, name)), weights(VitNames.SharedRelativeTable));

    /// <summary>The FFN of attention pooling, and the norm before it, as those of a block without the rest.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="weights">All tensors by canonical name.</param>
    public static BlockWeights OfPool(VitConfig config, Func<string, Tensor?> weights) =>
        new(
            new VitPlace(config.Width, config.PoolHeads, config.PoolMlpWidth, 0),
            name => weights(VitNames.Pool(name.Replace("norm2.", "norm.", StringComparison.Ordinal)))
        );

    /// <summary>
    /// Whether a tensor of a block is one that the tokens are multiplied with, or a bias of such a product.
    /// </summary>
    public static bool IsOfProduct(string name) =>
        name.StartsWith("attn.", StringComparison.Ordinal) || name.StartsWith("mlp.", StringComparison.Ordinal);

    /// <summary>The type of the matrices and of what they are multiplied with.</summary>
    public ScalarType Type => QkvWeight.dtype;

    /// <summary>Frees the matrices and biases of its products, for whoever made them.</summary>
    public void DisposeProducts()
    {
        foreach (
            Tensor? weight in (Tensor?[])
                [QkvWeight, QkvBias, ProjWeight, ProjBias, Fc1Weight, Fc1Bias, Fc2Weight, Fc2Bias]
        )
            weight?.Dispose();
    }
}
