using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>The naming schemes that are known. To add one, add a table.</summary>
public static class NamingSchemes
{
    static readonly string[] Outer =
    [
        VitNames.ClassToken,
        VitNames.Positions,
        VitNames.PatchWeight,
        VitNames.PatchBias,
        VitNames.NormWeight,
        VitNames.NormBias,
        VitNames.HeadWeight,
        VitNames.HeadBias,
    ];

    static readonly string[] Block =
    [
        "norm1.weight",
        "norm1.bias",
        "attn.qkv.weight",
        "attn.qkv.bias",
        "attn.proj.weight",
        "attn.proj.bias",
        "norm2.weight",
        "norm2.bias",
        "mlp.fc1.weight",
        "mlp.fc1.bias",
        "mlp.fc2.weight",
        "mlp.fc2.bias",
    ];

    static VitTraits Plain { get; } =
        new()
        {
            Activation = VitActivation.Gelu,
            NormEpsilon = 1e-6,
            Pooling = VitPooling.ClassToken,
        };

    static readonly string[] Extras =
    [
        VitNames.Registers,
        VitNames.PreNormWeight,
        VitNames.PreNormBias,
        VitNames.PoolNormWeight,
        VitNames.PoolNormBias,
        "blocks.{i}.ls1.gamma",
        "blocks.{i}.ls2.gamma",
    ];

    /// <summary>timm's names, which are the canonical ones.</summary>
    public static NamingScheme Timm { get; } =
        new()
        {
            Name = "timm",
            Names =
            [
                .. Outer.Concat(Extras).Concat(Block.Select(b => "blocks.{i}." + b)).Select(n => new TensorName(n, n)),
                .. TimmFamilyNames.All,
                .. Classifier("head"),
            ],
            Ignored =
            [
                "mask_token",
                @"(layers\.\d+\.)?blocks\.\d+\.(attn\.relative_position_index|attn_mask|attn\.k_bias)",
            ],
            Optional =
            [
                .. Extras,
                VitNames.ClassToken,
                VitNames.PatchBias,
                VitNames.NormWeight,
                VitNames.NormBias,
                "blocks.{i}.attn.qkv.bias",
            ],
            Activations = [.. Enum.GetValues<VitActivation>()],
            // timm's AugReg checkpoints, by far the most of its plain ViTs: mean and deviation 0.5, and at 224 pixels a
            // crop of 0.9.
            Preprocessing = size => Images.Preprocessing.Inception(size, size == 224 ? 0.9 : 1.0),
        };

    /// <summary>The names of transformers' ViTForImageClassification.</summary>
    public static NamingScheme Transformers { get; } = OfTransformers("transformers", "vit");

    /// <summary>
    /// The names of transformers' DeiTForImageClassification, whose distillation token no head reads.
    /// </summary>
    public static NamingScheme TransformersDeit { get; } =
        OfTransformers("transformers-deit", "deit") with
        {
            Names =
            [
                new(VitNames.Registers, "deit.embeddings.distillation_token"),
                .. OfTransformers("", "deit").Names,
            ],
            Optional = ["blocks.{i}.attn.qkv.bias", VitNames.Registers],
            Preprocessing = size => Images.Preprocessing.ImageNet(size, 224.0 / 256),
        };

    /// <summary>The names of torchvision's VisionTransformer.</summary>
    public static NamingScheme Torchvision { get; } =
        new()
        {
            Name = "torchvision",
            Names =
            [
                new(VitNames.ClassToken, "class_token"),
                new(VitNames.Positions, "encoder.pos_embedding"),
                new(VitNames.PatchWeight, "conv_proj.weight"),
                new(VitNames.PatchBias, "conv_proj.bias"),
                new(VitNames.NormWeight, "encoder.ln.weight"),
                new(VitNames.NormBias, "encoder.ln.bias"),
                new(VitNames.HeadWeight, "heads.head.weight"),
                new(VitNames.HeadBias, "heads.head.bias"),
                // A user's own classifier in the place of theirs.
                new(VitNames.HeadWeight, "heads.weight"),
                new(VitNames.HeadBias, "heads.bias"),
                .. Classifier("heads"),
                .. TorchvisionBlock(),
            ],
            Required = [VitNames.ClassToken, VitNames.PatchBias],
            Certain = Plain,
            SquareImages = true,
            Preprocessing = size => Images.Preprocessing.ImageNet(size, 224.0 / 256, Interpolation.Bilinear),
        };

    /// <summary>The names of Google's AugReg bucket and of the original ViT releases, written by JAX.</summary>
    public static NamingScheme AugReg { get; } =
        new()
        {
            Name = "augreg",
            Names =
            [
                new(VitNames.ClassToken, "cls"),
                new(VitNames.Positions, "Transformer/posembed_input/pos_embedding"),
                new(VitNames.PatchWeight, "embedding/kernel", null, TensorLayout.ConvolutionLast),
                new(VitNames.PatchBias, "embedding/bias"),
                new(VitNames.NormWeight, "Transformer/encoder_norm/scale"),
                new(VitNames.NormBias, "Transformer/encoder_norm/bias"),
                new(VitNames.HeadWeight, "head/kernel", null, TensorLayout.Transposed),
                new(VitNames.HeadBias, "head/bias"),
                .. AugRegBlock(),
            ],
            Certain = Plain,
            SquareImages = true,
            Preprocessing = size =>
                Images.Preprocessing.Inception(size, 1.0) with
                {
                    Squash = true,
                    Interpolation = Interpolation.Bilinear,
                },
            Writable = false,
        };

    /// <summary>Every scheme that a file is tried against, in this order.</summary>
    public static IReadOnlyList<NamingScheme> All => s_all.Value;

    // At the first use: the families' tables begin with some of those here.
    static readonly Lazy<IReadOnlyList<NamingScheme>> s_all = new(() =>
        [Timm, .. FamilySchemes.All, Transformers, TransformersDeit, Torchvision, AugReg]
    );

    /// <summary>The scheme of a name.</summary>
    /// <exception cref="BadInputException">There is none of this name.</exception>
    public static NamingScheme Find(string name) =>
        All.FirstOrDefault(s => s.Name == name)
        ?? throw BadInput.Missing(
            name,
            $"There is no naming scheme {UserText.Quote(name)}; there are {string.Join(", ", All.Select(s => s.Name))}."
        );

    /// <summary>
    /// The scheme of a file and the prefix that its training script left on the names, recognized by the
    /// patch projection.
    /// </summary>
    /// <param name="fileNames">The names of the file's tensors.</param>
    /// <param name="forced">The only scheme to try, or null for all.</param>
    /// <returns>The scheme and prefix, or null if no scheme fits.</returns>
    public static (NamingScheme Scheme, string Prefix)? Recognize(
        IEnumerable<string> fileNames,
        NamingScheme? forced = null
    )
    {
        string[] names = [.. fileNames];
        foreach (NamingScheme scheme in forced is null ? All : [forced])
        {
            if (scheme.Prefixes(names).FirstOrDefault(p => scheme.IsWitnessed(names, p)) is string prefix)
                return (scheme, prefix);
        }
        // Of a file that was cut: the scheme that knows most of it.
        return All.Where(s => forced is null && s.Witnesses.Count > 0)
            .SelectMany(s => s.Prefixes(names).Take(1).Select(p => (Scheme: s, Prefix: p)))
            .OrderByDescending(s => s.Scheme.Known(names, s.Prefix))
            .Select(s => ((NamingScheme, string)?)s)
            .FirstOrDefault();
    }

    internal static NamingScheme OfTransformers(string name, string root) =>
        new()
        {
            Name = name,
            Names =
            [
                new(VitNames.ClassToken, $"{root}.embeddings.cls_token"),
                new(VitNames.Positions, $"{root}.embeddings.position_embeddings"),
                new(VitNames.PatchWeight, $"{root}.embeddings.patch_embeddings.projection.weight"),
                new(VitNames.PatchBias, $"{root}.embeddings.patch_embeddings.projection.bias"),
                new(VitNames.NormWeight, $"{root}.layernorm.weight"),
                new(VitNames.NormBias, $"{root}.layernorm.bias"),
                new(VitNames.HeadWeight, "classifier.weight"),
                new(VitNames.HeadBias, "classifier.bias"),
                .. Classifier("classifier"),
                .. ((string[])["weight", "bias"]).SelectMany(kind =>
                    (TensorName[])
                        [
                            Of(root, $"norm1.{kind}", $"layernorm_before.{kind}"),
                            Of(root, $"attn.qkv.{kind}", $"attention.attention.query.{kind}", 0),
                            Of(root, $"attn.qkv.{kind}", $"attention.attention.key.{kind}", 1),
                            Of(root, $"attn.qkv.{kind}", $"attention.attention.value.{kind}", 2),
                            Of(root, $"attn.proj.{kind}", $"attention.output.dense.{kind}"),
                            Of(root, $"norm2.{kind}", $"layernorm_after.{kind}"),
                            Of(root, $"mlp.fc1.{kind}", $"intermediate.dense.{kind}"),
                            Of(root, $"mlp.fc2.{kind}", $"output.dense.{kind}"),
                        ]
                ),
            ],
            Required = [VitNames.ClassToken, VitNames.PatchBias],
            Ignored = [$@"{root}\.pooler\..*", $@"{root}\.embeddings\.mask_token"],
            Optional = ["blocks.{i}.attn.qkv.bias"],
            Activations = [.. Enum.GetValues<VitActivation>()],
            // ViTConfig's and ViTImageProcessor's own defaults.
            Traits = new VitTraits { NormEpsilon = 1e-12 },
            Certain = new VitTraits { Pooling = VitPooling.ClassToken },
            Preprocessing = size =>
                Images.Preprocessing.Inception(size, 1.0) with
                {
                    Squash = true,
                    Interpolation = Interpolation.Bilinear,
                },
        };

    // A linear layer within a module that a user put in the classifier's place, with dropout, for example.
    static TensorName[] Classifier(string module) =>
        [new(VitNames.HeadWeight, module + ".{part}.weight"), new(VitNames.HeadBias, module + ".{part}.bias")];

    static TensorName Of(string root, string canonical, string rest, int? part = null) =>
        new("blocks.{i}." + canonical, root + ".encoder.layer.{i}." + rest, part);

    static IEnumerable<TensorName> TorchvisionBlock()
    {
        (string Canonical, string InFile)[] rows =
        [
            ("norm1", "ln_1"),
            ("attn.proj", "self_attention.out_proj"),
            ("norm2", "ln_2"),
            ("mlp.fc1", "mlp.0"),
            ("mlp.fc2", "mlp.3"),
            // As the published weights have them, which were made before torchvision 0.13.
            ("mlp.fc1", "mlp.linear_1"),
            ("mlp.fc2", "mlp.linear_2"),
        ];
        foreach (string kind in (string[])["weight", "bias"])
        {
            yield return new(
                $"blocks.{{i}}.attn.qkv.{kind}",
                $"encoder.layers.encoder_layer_{{i}}.self_attention.in_proj_{kind}"
            );
            foreach ((string canonical, string inFile) in rows)
                yield return new(
                    $"blocks.{{i}}.{canonical}.{kind}",
                    $"encoder.layers.encoder_layer_{{i}}.{inFile}.{kind}"
                );
        }
    }

    static IEnumerable<TensorName> AugRegBlock()
    {
        const string block = "Transformer/encoderblock_{i}/";
        foreach (
            (string canonical, string inFile) in ((string, string)[])
                [("norm1", "LayerNorm_0"), ("norm2", "LayerNorm_2")]
        )
        {
            yield return new($"blocks.{{i}}.{canonical}.weight", $"{block}{inFile}/scale");
            yield return new($"blocks.{{i}}.{canonical}.bias", $"{block}{inFile}/bias");
        }
        foreach ((string name, int part) in ((string, int)[])[("query", 0), ("key", 1), ("value", 2)])
        {
            yield return new(
                "blocks.{i}.attn.qkv.weight",
                $"{block}MultiHeadDotProductAttention_1/{name}/kernel",
                part,
                TensorLayout.OutputHeads
            );
            yield return new(
                "blocks.{i}.attn.qkv.bias",
                $"{block}MultiHeadDotProductAttention_1/{name}/bias",
                part,
                TensorLayout.Heads
            );
        }
        yield return new(
            "blocks.{i}.attn.proj.weight",
            $"{block}MultiHeadDotProductAttention_1/out/kernel",
            null,
            TensorLayout.InputHeads
        );
        yield return new("blocks.{i}.attn.proj.bias", $"{block}MultiHeadDotProductAttention_1/out/bias");
        foreach (
            (string canonical, string inFile) in ((string, string)[])[("mlp.fc1", "Dense_0"), ("mlp.fc2", "Dense_1")]
        )
        {
            yield return new(
                $"blocks.{{i}}.{canonical}.weight",
                $"{block}MlpBlock_3/{inFile}/kernel",
                null,
                TensorLayout.Transposed
            );
            yield return new($"blocks.{{i}}.{canonical}.bias", $"{block}MlpBlock_3/{inFile}/bias");
        }
    }
}
