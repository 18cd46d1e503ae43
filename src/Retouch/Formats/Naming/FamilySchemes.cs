using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>The naming schemes of transformers' and open_clip's families beside the plain ViTs. A table each.</summary>
static class FamilySchemes
{
    static readonly string[] Kinds = ["weight", "bias"];

    /// <summary>The names of transformers' DeiTForImageClassificationWithTeacher.</summary>
    public static NamingScheme DeitTeacher { get; } =
        NamingSchemes.TransformersDeit with
        {
            Name = "transformers-deit-teacher",
            Names =
            [
                .. Kinds.SelectMany(k =>
                    (TensorName[])
                        [new($"head.{k}", $"cls_classifier.{k}"), new($"head_dist.{k}", $"distillation_classifier.{k}")]
                ),
                .. NamingSchemes.TransformersDeit.Names.Where(n =>
                    n.Canonical is not (VitNames.HeadWeight or VitNames.HeadBias)
                ),
            ],
            Witnesses = ["cls_classifier.weight", "distillation_classifier.weight"],
            ModelTypes = ["deit"],
            Certain = new VitTraits { Pooling = VitPooling.TwoHeads },
            Writable = true,
        };

    /// <summary>The names of transformers' Dinov2ForImageClassification.</summary>
    public static NamingScheme Dinov2 { get; } = OfDinov2("transformers-dinov2", "dinov2", VitPooling.ClassAndAverage);

    /// <summary>
    /// The names of transformers' Dinov2WithRegistersForImageClassification, whose mean is that of registers, too.
    /// </summary>
    public static NamingScheme Dinov2Registers { get; } =
        OfDinov2("transformers-dinov2-registers", "dinov2_with_registers", VitPooling.ClassAndAverageOfOthers) with
        {
            Required = [VitNames.ClassToken, VitNames.PatchBias, VitNames.Registers],
        };

    /// <summary>The names of transformers' BeitForImageClassification.</summary>
    public static NamingScheme Beit { get; } = OfBeit("transformers-beit", "beit");

    /// <summary>The names of transformers' Data2VecVisionForImageClassification.</summary>
    public static NamingScheme Data2Vec { get; } = OfBeit("transformers-data2vec", "data2vec_vision");

    /// <summary>The names of transformers' SwinForImageClassification.</summary>
    public static NamingScheme Swin { get; } = OfSwin();

    /// <summary>The names of transformers' SiglipForImageClassification, which does not use its pooling head.</summary>
    public static NamingScheme Siglip { get; } =
        OfTower("transformers-siglip", VitActivation.GeluTanh, 1e-6) with
        {
            Names = [.. Tower(norm: true), .. Classifier],
            Witnesses = ["vision_model.head.probe", "vision_model.head.attention.in_proj_weight"],
            Required = [VitNames.Positions, VitNames.PatchBias],
            Ignored = [@"vision_model\.embeddings\.position_ids", @"vision_model\.head\..*"],
            Certain = new VitTraits { Pooling = VitPooling.Average },
        };

    /// <summary>The names of transformers' SiglipModel: images by class embeddings.</summary>
    public static NamingScheme SiglipZeroShot { get; } =
        OfTower("transformers-siglip-zero-shot", VitActivation.GeluTanh, 1e-6) with
        {
            Names =
            [
                .. Tower(norm: true),
                new(VitNames.Pool("latent"), "vision_model.head.probe"),
                .. Kinds.SelectMany(k =>
                    (TensorName[])
                        [
                            new(VitNames.Pool($"qkv.{k}"), $"vision_model.head.attention.in_proj_{k}"),
                            new(VitNames.Pool($"proj.{k}"), $"vision_model.head.attention.out_proj.{k}"),
                            new(VitNames.Pool($"norm.{k}"), $"vision_model.head.layernorm.{k}"),
                            new(VitNames.Pool($"mlp.fc1.{k}"), $"vision_model.head.mlp.fc1.{k}"),
                            new(VitNames.Pool($"mlp.fc2.{k}"), $"vision_model.head.mlp.fc2.{k}"),
                        ]
                ),
            ],
            Witnesses = ["logit_bias"],
            Required = [VitNames.Positions, VitNames.PatchBias],
            Ignored = TextTower,
            ZeroShot = true,
            Certain = new VitTraits { Pooling = VitPooling.Attention, Cosine = true },
        };

    /// <summary>The names of transformers' CLIPForImageClassification, which has no use for its last norm.</summary>
    public static NamingScheme Clip { get; } =
        OfTower("transformers-clip", VitActivation.QuickGelu, 1e-5) with
        {
            Names = [.. Tower(norm: false), .. Classifier],
            Witnesses = ["classifier.weight"],
            Required = [VitNames.ClassToken, VitNames.Positions, VitNames.PreNormWeight, VitNames.PreNormBias],
            Ignored = [@"vision_model\.embeddings\.position_ids", @"vision_model\.post_layernorm\.(weight|bias)"],
            Certain = new VitTraits { Pooling = VitPooling.Average, LastNorm = false },
        };

    /// <summary>The names of transformers' CLIPModel: images by class embeddings.</summary>
    public static NamingScheme ClipZeroShot { get; } =
        OfTower("transformers-clip-zero-shot", VitActivation.QuickGelu, 1e-5) with
        {
            Names = [.. Tower(norm: true), new(VitNames.Projection, "visual_projection.weight")],
            Witnesses = ["visual_projection.weight"],
            Required =
            [
                VitNames.ClassToken,
                VitNames.Positions,
                VitNames.PreNormWeight,
                VitNames.PreNormBias,
                VitNames.Projection,
            ],
            Ignored = [.. TextTower, @"text_projection\.weight"],
            ZeroShot = true,
            Certain = new VitTraits { Pooling = VitPooling.ClassToken, Cosine = true },
        };

    /// <summary>The names of open_clip's and OpenAI's CLIP.</summary>
    public static NamingScheme OpenClip { get; } =
        OfTower("open_clip", VitActivation.Gelu, 1e-5) with
        {
            Names =
            [
                new(VitNames.ClassToken, "visual.class_embedding", null, TensorLayout.Row),
                new(VitNames.Positions, "visual.positional_embedding", null, TensorLayout.Rows),
                new(VitNames.PatchWeight, "visual.conv1.weight"),
                new(VitNames.Projection, "visual.proj", null, TensorLayout.Transposed),
                new("blocks.{i}.ls1.gamma", "visual.transformer.resblocks.{i}.ls_1.gamma"),
                new("blocks.{i}.ls2.gamma", "visual.transformer.resblocks.{i}.ls_2.gamma"),
                .. Kinds.SelectMany(k =>
                    (TensorName[])
                        [
                            new($"norm_pre.{k}", $"visual.ln_pre.{k}"),
                            new($"norm.{k}", $"visual.ln_post.{k}"),
                            OpenClipBlock($"norm1.{k}", $"ln_1.{k}"),
                            OpenClipBlock($"attn.qkv.{k}", $"attn.in_proj_{k}"),
                            OpenClipBlock($"attn.proj.{k}", $"attn.out_proj.{k}"),
                            OpenClipBlock($"norm2.{k}", $"ln_2.{k}"),
                            OpenClipBlock($"mlp.fc1.{k}", $"mlp.c_fc.{k}"),
                            OpenClipBlock($"mlp.fc2.{k}", $"mlp.c_proj.{k}"),
                        ]
                ),
            ],
            Ignored =
            [
                @"(text\.)?transformer\.resblocks\.\d+\.[a-z_0-9.]+",
                @"(text\.)?(positional_embedding|text_projection|token_embedding\.weight|ln_final\.(weight|bias))",
                "logit_scale|logit_bias|input_resolution|context_length|vocab_size|attn_mask",
            ],
            Required = [VitNames.ClassToken, VitNames.Positions, VitNames.Projection],
            ZeroShot = true,
            Certain = new VitTraits { Cosine = true },
        };

    /// <summary>Those that are tried before the plain ones, in this order.</summary>
    public static IReadOnlyList<NamingScheme> All { get; } =
    [DeitTeacher, Dinov2, Dinov2Registers, Beit, Data2Vec, Swin, SiglipZeroShot, Siglip, ClipZeroShot, Clip, OpenClip];

    // What the text tower of transformers' CLIP and SigLIP has, and what stands between both.
    static string[] TextTower =>
        [@"text_model\..*", @"vision_model\.embeddings\.position_ids", "logit_scale", "logit_bias"];

    static TensorName[] Classifier =>
        [new(VitNames.HeadWeight, "classifier.weight"), new(VitNames.HeadBias, "classifier.bias")];

    static TensorName OpenClipBlock(string canonical, string end) =>
        new("blocks.{i}." + canonical, "visual.transformer.resblocks.{i}." + end);

    static NamingScheme OfTower(string name, VitActivation activation, double epsilon) =>
        new()
        {
            Name = name,
            Names = [],
            Traits = new VitTraits { Activation = activation, NormEpsilon = epsilon },
            Activations = [.. Enum.GetValues<VitActivation>()],
            SquareImages = true,
            ModelTypes = ["clip", "clip_vision_model", "siglip", "siglip_vision_model"],
            Preprocessing = size =>
                epsilon == 1e-6
                    ? Images.Preprocessing.Inception(size, 1.0) with
                    {
                        Squash = true,
                    }
                    : Images.Preprocessing.Clip(size),
        };

    // The image tower of transformers' CLIP and SigLIP.
    static IEnumerable<TensorName> Tower(bool norm)
    {
        const string root = "vision_model.";
        yield return new(VitNames.ClassToken, root + "embeddings.class_embedding", null, TensorLayout.Row);
        yield return new(VitNames.Positions, root + "embeddings.position_embedding.weight", null, TensorLayout.Rows);
        foreach (string k in Kinds)
        {
            yield return new($"patch_embed.proj.{k}", $"{root}embeddings.patch_embedding.{k}");
            // As transformers spells it.
            yield return new($"norm_pre.{k}", $"{root}pre_layrnorm.{k}");
            if (norm)
                yield return new($"norm.{k}", $"{root}post_layernorm.{k}");
            foreach (
                (string canonical, string end, int? part) in ((string, string, int?)[])
                    [
                        ("norm1", "layer_norm1", null),
                        ("attn.qkv", "self_attn.q_proj", 0),
                        ("attn.qkv", "self_attn.k_proj", 1),
                        ("attn.qkv", "self_attn.v_proj", 2),
                        ("attn.proj", "self_attn.out_proj", null),
                        ("norm2", "layer_norm2", null),
                        ("mlp.fc1", "mlp.fc1", null),
                        ("mlp.fc2", "mlp.fc2", null),
                    ]
            )
                yield return new($"blocks.{{i}}.{canonical}.{k}", $"{root}encoder.layers.{{i}}.{end}.{k}", part);
        }
    }

    static NamingScheme OfDinov2(string name, string root, VitPooling pooling) =>
        NamingSchemes.OfTransformers(name, root) with
        {
            Names =
            [
                .. NamingSchemes
                    .OfTransformers(name, root)
                    .Names.Where(n => !n.Canonical.StartsWith("blocks.", StringComparison.Ordinal)),
                new(VitNames.Registers, root + ".embeddings.register_tokens"),
                Layer(root, "ls1.gamma", "layer_scale1.lambda1"),
                Layer(root, "ls2.gamma", "layer_scale2.lambda1"),
                .. Kinds.SelectMany(k =>
                    (TensorName[])
                        [
                            Layer(root, $"norm1.{k}", $"norm1.{k}"),
                            .. QueriesKeysValues(root, k),
                            Layer(root, $"attn.proj.{k}", $"attention.output.dense.{k}"),
                            Layer(root, $"norm2.{k}", $"norm2.{k}"),
                            Layer(root, $"mlp.fc1.{k}", $"mlp.fc1.{k}"),
                            Layer(root, $"mlp.fc2.{k}", $"mlp.fc2.{k}"),
                            Layer(root, $"mlp.fc1.{k}", $"mlp.weights_in.{k}"),
                            Layer(root, $"mlp.fc2.{k}", $"mlp.weights_out.{k}"),
                        ]
                ),
            ],
            Traits = new VitTraits { NormEpsilon = 1e-6 },
            Certain = new VitTraits { Pooling = pooling },
            ModelTypes = [root],
            Preprocessing = size => Images.Preprocessing.ImageNet(size, 224.0 / 256),
        };

    static NamingScheme OfBeit(string name, string root) =>
        NamingSchemes.OfTransformers(name, root) with
        {
            Names =
            [
                .. NamingSchemes.OfTransformers(name, root).Names,
                .. Kinds.Select(k => new TensorName($"fc_norm.{k}", $"{root}.pooler.layernorm.{k}")),
                Layer(root, "ls1.gamma", "lambda_1"),
                Layer(root, "ls2.gamma", "lambda_2"),
                Layer(
                    root,
                    "attn.relative_position_bias_table",
                    "attention.attention.relative_position_bias.relative_position_bias_table"
                ),
                new(
                    VitNames.SharedRelativeTable,
                    $"{root}.encoder.relative_position_bias.relative_position_bias_table"
                ),
            ],
            Ignored =
            [
                $@"{root}\.embeddings\.mask_token",
                $@"{root}\.encoder\.([a-z0-9.]+\.)?relative_position_bias\.relative_position_index",
            ],
            Certain = new(),
            ModelTypes = [root.Replace('_', '-')],
        };

    static NamingScheme OfSwin()
    {
        const string root = "swin.";
        return NamingSchemes.OfTransformers("transformers-swin", "swin") with
        {
            Names =
            [
                .. Kinds.SelectMany(k =>
                    (TensorName[])
                        [
                            new($"patch_embed.proj.{k}", $"{root}embeddings.patch_embeddings.projection.{k}"),
                            new($"norm_pre.{k}", $"{root}embeddings.norm.{k}"),
                            new($"norm.{k}", $"{root}layernorm.{k}"),
                            new($"blocks.{{s+1}}.merge.norm.{k}", $"{root}encoder.layers.{{s}}.downsample.norm.{k}"),
                            Staged($"norm1.{k}", $"layernorm_before.{k}"),
                            Staged($"attn.qkv.{k}", $"attention.self.query.{k}", 0),
                            Staged($"attn.qkv.{k}", $"attention.self.key.{k}", 1),
                            Staged($"attn.qkv.{k}", $"attention.self.value.{k}", 2),
                            Staged($"attn.proj.{k}", $"attention.output.dense.{k}"),
                            Staged($"norm2.{k}", $"layernorm_after.{k}"),
                            Staged($"mlp.fc1.{k}", $"intermediate.dense.{k}"),
                            Staged($"mlp.fc2.{k}", $"output.dense.{k}"),
                        ]
                ),
                new("blocks.{s+1}.merge.reduction.weight", root + "encoder.layers.{s}.downsample.reduction.weight"),
                Staged("attn.relative_position_bias_table", "attention.self.relative_position_bias_table"),
                .. Classifier,
            ],
            Ignored =
            [
                @"swin\.encoder\.layers\.\d+\.blocks\.\d+\.attention\.self\.relative_position_index",
                @"swin\.embeddings\.mask_token",
            ],
            ModelTypes = ["swin"],
            Required = [VitNames.PatchBias, VitNames.PreNormWeight, VitNames.PreNormBias],
            Traits = new VitTraits { NormEpsilon = 1e-5 },
            Certain = new VitTraits { Pooling = VitPooling.Average },
            SquareImages = false,
            Preprocessing = size => Images.Preprocessing.ImageNet(size, 224.0 / 256),
        };

        static TensorName Staged(string canonical, string end, int? part = null) =>
            new("blocks.{i}." + canonical, "swin.encoder.layers.{s}.blocks.{i}." + end, part);
    }

    static IEnumerable<TensorName> QueriesKeysValues(string root, string kind) =>
        ((string[])["query", "key", "value"]).Select(
            (name, part) => Layer(root, $"attn.qkv.{kind}", $"attention.attention.{name}.{kind}", part)
        );

    static TensorName Layer(string root, string canonical, string end, int? part = null) =>
        new("blocks.{i}." + canonical, root + ".encoder.layer.{i}." + end, part);
}
