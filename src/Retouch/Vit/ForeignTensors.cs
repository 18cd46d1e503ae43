namespace Retouch.Vit;

/// <summary>Tensors that give another architecture away: a table from parts of names to what has all of them.</summary>
static class ForeignTensors
{
    const string Adapter = "an adapter that is not merged into its model; merge it first";
    const string Hybrid = "a hybrid of a ResNet and a ViT";

    // The first that fits: what several families have comes after what one has. Messages name the first part's tensor.
    static readonly (string[] Parts, string Architecture)[] Table =
    [
        (["lora_"], Adapter),
        (["hada_w1"], Adapter),
        (["lokr_w1"], Adapter),
        ([".ia3_l"], Adapter),
        ([".oft_r"], Adapter),
        (["rope.freqs"], "a ViT with learned rotary positions"),
        (["layer_scale1.lambda1", "attention.q_proj."], "DINOv3 as transformers names it"),
        (["rel_pos.relative_position_bias_table"], "a ViT with relative positions that Retouch does not know"),
        (["rel_pos.mlp."], "a ViT whose relative positions come from a network"),
        (["cpb_mlp."], "Swin of the second version"),
        (["continuous_position_bias_mlp."], "Swin of the second version"),
        (["blocks_token_only."], "CaiT"),
        (["storage_tokens"], "DINOv3 as its authors name it"),
        (["mlp.w12."], "DINOv2 with gated feed-forward networks (SwiGLU) as its authors name it"),
        (["attn.gate."], "a ViT whose attention is gated"),
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
