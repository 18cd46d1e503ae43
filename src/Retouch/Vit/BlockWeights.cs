using static TorchSharp.torch;

namespace Retouch.Vit;

/// <summary>The tensors of one transformer block, owned by the <see cref="VitModel"/> that they belong to.</summary>
sealed class BlockWeights(Func<string, Tensor?> tensor)
{
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
