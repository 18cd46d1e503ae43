namespace Retouch.Vit;

/// <summary>Tensors that give another architecture away: a table from a part of the name to what it belongs to.</summary>
static class ForeignTensors
{
    static readonly (string Part, string Architecture)[] Table =
    [
        ("dist_token", "a distilled DeiT, whose logits are the mean of two heads"),
        ("head_dist.", "a distilled DeiT, whose logits are the mean of two heads"),
        ("distillation_classifier.", "a distilled DeiT, whose logits are the mean of two heads"),
        ("attn_pool.", "a ViT with attention pooling (SigLIP)"),
        ("q_norm.", "a ViT that normalizes queries and keys"),
        ("k_norm.", "a ViT that normalizes queries and keys"),
        ("relative_position", "a transformer with relative positions (BEiT, Swin)"),
        ("rel_pos", "a transformer with relative positions"),
        ("gamma_1", "BEiT or CaiT"),
        ("lambda1", "DINOv2 as transformers names it"),
        ("rope", "a ViT with rotary positions"),
        ("fc1_g.", "a ViT with gated feed-forward networks (SwiGLU)"),
        ("mlp.w12.", "a ViT with gated feed-forward networks (SwiGLU)"),
        ("mlp.norm.", "a ViT that normalizes within its feed-forward networks"),
        ("pre_logits", "a ViT with a representation layer before its classifier"),
        ("patch_embed.backbone.", "a hybrid of a ResNet and a ViT"),
        ("embedding_root", "a hybrid of a ResNet and a ViT"),
        ("downsample.", "a transformer of several stages (Swin, for example)"),
        ("lora_", "an adapter that is not merged into its model; merge it first"),
    ];

    /// <exception cref="BadInputException">A name gives another architecture away.</exception>
    public static void Refuse(IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            if (Table.FirstOrDefault(t => name.Contains(t.Part, StringComparison.Ordinal)) is { Architecture: string architecture })
                throw new BadInputException($"The tensor {name} belongs to {architecture}; this architecture is not supported.");
        }
    }
}
