namespace Retouch.Vit;

/// <summary>Tensors that give another architecture away: a table from parts of names to what has all of them.</summary>
static class ForeignTensors
{
    const string Adapter = "an adapter that is not merged into its model; merge it first";
    const string Distilled = "a distilled DeiT, whose logits are the mean of two heads";
    const string Hybrid = "a hybrid of a ResNet and a ViT";

    // The first that fits: what several families have comes after what one has. Messages name the first part's tensor.
    static readonly (string[] Parts, string Architecture)[] Table =
    [
        (["lora_"], Adapter),
        (["hada_w1"], Adapter),
        (["lokr_w1"], Adapter),
        ([".ia3_l"], Adapter),
        ([".oft_r"], Adapter),
        (["dist_token"], Distilled),
        (["head_dist."], Distilled),
        (["distillation_classifier."], Distilled),
        (["visual.transformer.resblocks."], "CLIP as OpenAI and open_clip name it"),
        (["vision_model.head.probe"], "SigLIP as transformers names it"),
        (["vision_model."], "CLIP or SigLIP as transformers names them"),
        (["attn_pool."], "a ViT with attention pooling (SigLIP)"),
        (["q_norm."], "a ViT that normalizes queries and keys"),
        (["k_norm."], "a ViT that normalizes queries and keys"),
        (["data2vec"], "Data2Vec"),
        (["swin"], "a transformer of several stages (Swin)"),
        (["layers.0.blocks.0.", "relative_position"], "a transformer of several stages (Swin)"),
        (["downsample."], "a transformer of several stages (Swin, for example)"),
        (["layer_scale1.lambda1", "attention.q_proj."], "DINOv3 as transformers names it"),
        (["dinov2"], "DINOv2 as transformers names it"),
        (["lambda1"], "DINOv2 as transformers names it"),
        (["relative_position", "gamma_1"], "BEiT"),
        (["relative_position", "lambda_1"], "BEiT as transformers names it"),
        (["relative_position"], "a transformer with relative positions"),
        (["rel_pos"], "a transformer with relative positions"),
        (["blocks_token_only."], "CaiT"),
        (["gamma_1", "reg_token"], "DINOv3, or another ViT with rotary positions as timm's EVA has them"),
        (["gamma_1", "rope"], "a ViT with rotary positions as timm's EVA has them"),
        (["gamma_1"], "BEiT, EVA, DINOv3 or CaiT"),
        (["rope"], "a ViT with rotary positions"),
        (["storage_tokens"], "DINOv3"),
        (
            ["attn.q_proj.", "mlp.fc1_g."],
            "EVA-02, a ViT with rotary positions and gated feed-forward networks " + "(SwiGLU)"
        ),
        (["fc1_g."], "a ViT with gated feed-forward networks (SwiGLU)"),
        (["mlp.w12."], "a ViT with gated feed-forward networks (SwiGLU)"),
        (["mlp.norm."], "a ViT that normalizes within its feed-forward networks"),
        (["pre_logits"], "a ViT with a representation layer before its classifier"),
        (["patch_embed.backbone."], Hybrid),
        (["patch_embeddings.backbone."], Hybrid),
        (["embedding_root"], Hybrid),
    ];

    /// <summary>Whether names are those of adapters: of weights by which another file's are changed.</summary>
    public static bool HasAdapter(IEnumerable<string> names) =>
        names.Any(n => Table.Any(t => t.Architecture == Adapter && n.Contains(t.Parts[0], StringComparison.Ordinal)));

    /// <summary>Refuses tensors of another architecture.</summary>
    /// <param name="names">Their names.</param>
    /// <param name="prefix">How much of each says nothing: what a training script put in front.</param>
    /// <exception cref="BadInputException">Names give another architecture away.</exception>
    public static void Refuse(IEnumerable<string> names, int prefix = 0)
    {
        if (Refusal(names, prefix) is { } refusal)
            throw refusal;
    }

    /// <summary>What to throw where names give another architecture away; null where they do not.</summary>
    /// <param name="names">Their names.</param>
    /// <param name="prefix">How much of each says nothing: what a training script put in front.</param>
    public static BadInputException? Refusal(IEnumerable<string> names, int prefix = 0)
    {
        (string Whole, string Bare)[] all = [.. names.Select(n => (n, n[Math.Min(prefix, n.Length)..]))];
        foreach ((string[] parts, string architecture) in Table)
        {
            if (!parts.All(p => all.Any(n => n.Bare.Contains(p, StringComparison.Ordinal))))
                continue;
            string witness = all.First(n => n.Bare.Contains(parts[0], StringComparison.Ordinal)).Whole;
            return BadInput.Unsupported(
                witness,
                $"The tensor {witness} belongs to {architecture}; this architecture is not supported."
            );
        }
        return null;
    }
}
