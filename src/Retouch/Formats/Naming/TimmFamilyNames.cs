using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>timm's rows for what its plain ViTs have not: distilled DeiTs, BEiT, EVA, DINOv3, Swin.</summary>
static class TimmFamilyNames
{
    static readonly string[] Kinds = ["weight", "bias"];

    // What timm's Eva has and its VisionTransformer has not.
    static readonly string[] OfEva = [".gamma_1", ".attn.q_bias", ".attn.q_proj.weight"];

    /// <summary>The rows.</summary>
    public static IReadOnlyList<TensorName> All { get; } =
    [
        new(VitNames.Registers, "dist_token"),
        .. Kinds.SelectMany(k =>
            (TensorName[])
                [
                    new($"head_dist.{k}", $"head_dist.{k}"),
                    new($"norm_pre.{k}", $"patch_embed.norm.{k}"),
                    Same($"attn.q_norm.{k}"),
                    Same($"attn.k_norm.{k}"),
                    Same($"attn.norm.{k}"),
                    Same($"mlp.norm.{k}"),
                    new($"blocks.{{i}}.attn.qkv.{k}", $"blocks.{{i}}.attn.q_proj.{k}", 0),
                    new($"blocks.{{i}}.attn.qkv.{k}", $"blocks.{{i}}.attn.k_proj.{k}", 1),
                    new($"blocks.{{i}}.attn.qkv.{k}", $"blocks.{{i}}.attn.v_proj.{k}", 2),
                    new($"blocks.{{i}}.mlp.fc1.{k}", $"blocks.{{i}}.mlp.fc1_g.{k}", 0, Of: 2),
                    new($"blocks.{{i}}.mlp.fc1.{k}", $"blocks.{{i}}.mlp.fc1_x.{k}", 1, Of: 2),
                    new(VitNames.Pool($"qkv.{k}"), $"attn_pool.q.{k}", 0),
                    new(VitNames.Pool($"qkv.{k}"), $"attn_pool.kv.{k}", 1, Span: 2),
                    .. ((string[])["proj", "norm", "mlp.fc1", "mlp.fc2"]).Select(n => new TensorName(
                        VitNames.Pool($"{n}.{k}"),
                        $"attn_pool.{n}.{k}"
                    )),
                    new($"blocks.{{s}}.merge.norm.{k}", $"layers.{{s}}.downsample.norm.{k}"),
                    .. ((string[])["norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"]).Select(
                        n => new TensorName($"blocks.{{i}}.{n}.{k}", $"layers.{{s}}.blocks.{{i}}.{n}.{k}")
                    ),
                ]
        ),
        new("blocks.{i}.attn.qkv.bias", "blocks.{i}.attn.q_bias", 0),
        new("blocks.{i}.attn.qkv.bias", "blocks.{i}.attn.v_bias", 2),
        new("blocks.{i}.ls1.gamma", "blocks.{i}.gamma_1"),
        new("blocks.{i}.ls2.gamma", "blocks.{i}.gamma_2"),
        Same("attn.relative_position_bias_table"),
        new(VitNames.SharedRelativeTable, VitNames.SharedRelativeTable),
        new(VitNames.Pool("latent"), "attn_pool.latent"),
        new("blocks.{s}.merge.reduction.weight", "layers.{s}.downsample.reduction.weight"),
        new("blocks.{i}.attn.relative_position_bias_table", "layers.{s}.blocks.{i}.attn.relative_position_bias_table"),
    ];

    /// <summary>
    /// What is usual of models whose names these are, where no file states it. EVA-02's have rotary positions, and
    /// gates apart from values; DINOv3's have registers and no learned positions. timm's VisionTransformer hands its
    /// own activation, GELU, to gates that are apart.
    /// </summary>
    /// <param name="names">Canonical name to the file's tensors.</param>
    public static VitTraits Usual(IReadOnlyDictionary<string, NamedTensor[]> names)
    {
        bool Named(string end) => names.Values.Any(n => n.Any(t => t.InFile.EndsWith(end, StringComparison.Ordinal)));

        bool apart = Named(".mlp.fc1_g.weight");
        bool eva = OfEva.Any(Named);
        bool placed = names.ContainsKey(VitNames.Positions);
        return new()
        {
            Rope =
                apart && eva && placed ? VitRope.Eva
                : Named(".gamma_1") && names.ContainsKey(VitNames.Registers) && !placed ? VitRope.Dinov3
                : null,
            Activation = apart && !eva ? VitActivation.Gelu : null,
        };
    }

    static TensorName Same(string end) => new("blocks.{i}." + end, "blocks.{i}." + end);
}
