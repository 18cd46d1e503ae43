using System.Globalization;

namespace Retouch.Vit;

/// <summary>
/// The canonical names of a ViT's tensors. They are timm's, which most checkpoints use; files under other
/// names are mapped to these when they are read, so that the model itself knows no naming scheme.
/// </summary>
public static class VitNames
{
    /// <summary>The [CLS] token, <c>[1,1,D]</c>.</summary>
    public const string ClassToken = "cls_token";

    /// <summary>The positional embeddings, <c>[1,T,D]</c>, [CLS] first.</summary>
    public const string Positions = "pos_embed";

    /// <summary>Register tokens, which stand between [CLS] and the patches, <c>[1,R,D]</c>.</summary>
    public const string Registers = "reg_token";

    /// <summary>The patch projection, <c>[D,3,P,P]</c>.</summary>
    public const string PatchWeight = "patch_embed.proj.weight";

    /// <summary>The patch projection's bias, <c>[D]</c>.</summary>
    public const string PatchBias = "patch_embed.proj.bias";

    /// <summary>The scale of the norm before the first block, <c>[D]</c>, which CLIP's image towers have.</summary>
    public const string PreNormWeight = "norm_pre.weight";

    /// <summary>The shift of the norm before the first block, <c>[D]</c>.</summary>
    public const string PreNormBias = "norm_pre.bias";

    /// <summary>The final norm's scale, <c>[D]</c>.</summary>
    public const string NormWeight = "norm.weight";

    /// <summary>The final norm's shift, <c>[D]</c>.</summary>
    public const string NormBias = "norm.bias";

    /// <summary>The scale of the norm after pooling, <c>[D]</c>, where it stands in the final norm's place.</summary>
    public const string PoolNormWeight = "fc_norm.weight";

    /// <summary>The shift of the norm after pooling, <c>[D]</c>.</summary>
    public const string PoolNormBias = "fc_norm.bias";

    /// <summary>The classifier, <c>[C,D]</c>.</summary>
    public const string HeadWeight = "head.weight";

    /// <summary>The classifier's bias, <c>[C]</c>.</summary>
    public const string HeadBias = "head.bias";

    /// <summary>The classifier of the token after [CLS] in a distilled DeiT, <c>[C,D]</c>.</summary>
    public const string SecondHeadWeight = "head_dist.weight";

    /// <summary>Its bias, <c>[C]</c>.</summary>
    public const string SecondHeadBias = "head_dist.bias";

    /// <summary>The projection of what is read to the space of class embeddings, <c>[E,D]</c>.</summary>
    public const string Projection = "head_proj.weight";

    /// <summary>The biases by relative position that all blocks share, <c>[positions,heads]</c>.</summary>
    public const string SharedRelativeTable = "rel_pos_bias.relative_position_bias_table";

    /// <summary>
    /// The name of a tensor of attention pooling, such as <c>mlp.fc1.weight</c>: a block without a first norm and with
    /// a learned query, <c>latent [1,1,D]</c>.
    /// </summary>
    public static string Pool(string tensor) => PoolPrefix + tensor;

    const string PoolPrefix = "attn_pool.";

    /// <summary>
    /// The name of a tensor of block <paramref name="block"/> (zero-based), such as <c>mlp.fc1.weight</c>.
    /// </summary>
    public static string Block(int block, string tensor) => $"blocks.{block}.{tensor}";

    /// <summary>Whether a tensor is used after all blocks: of the norms there, of pooling, or the classifier.</summary>
    /// <param name="name">A canonical name.</param>
    public static bool IsAfterBlocks(string name) =>
        name
            is NormWeight
                or NormBias
                or PoolNormWeight
                or PoolNormBias
                or HeadWeight
                or HeadBias
                or SecondHeadWeight
                or SecondHeadBias
                or Projection
        || name.StartsWith(PoolPrefix, StringComparison.Ordinal);

    /// <summary>The block that a tensor is of (zero-based); null for one outside the blocks.</summary>
    /// <param name="name">A canonical name.</param>
    public static int? BlockOf(string name) =>
        name.Split('.') is ["blocks", string number, ..]
        && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int block)
            ? block
            : null;
}
