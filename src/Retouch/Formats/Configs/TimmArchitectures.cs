using System.Collections.Frozen;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// What timm's architecture names say that no tensor shows, as its model definitions (1.0.29) have it. Of timm's plain
/// ViTs the facts are listed; of others whose tensors could pass for a plain ViT's, why they are none.
/// </summary>
static class TimmArchitectures
{
    static readonly FrozenDictionary<string, TimmArchitecture> Plain = new Dictionary<string, TimmArchitecture>([
        .. Of(256, 4, 1e-5, VitActivation.Gelu, VitPooling.ClassToken, "vit_xsmall_patch16_clip_224"),
        .. Of(
            512,
            8,
            1e-5,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_medium_patch32_clip_224 vit_medium_patch16_clip_224
            """
        ),
        .. Of(640, 10, 1e-5, VitActivation.Gelu, VitPooling.ClassToken, "vit_betwixt_patch32_clip_224"),
        .. Of(
            768,
            12,
            1e-5,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_base_patch32_clip_224 vit_base_patch32_clip_256 vit_base_patch32_clip_384
            vit_base_patch32_clip_448 vit_base_patch16_clip_224 vit_base_patch16_clip_384
            vit_base_patch32_224_clip_laion2b
            """
        ),
        .. Of(896, 14, 1e-5, VitActivation.Gelu, VitPooling.ClassToken, "vit_base_patch16_plus_clip_240"),
        .. Of(
            1024,
            16,
            1e-5,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_large_patch14_clip_224 vit_large_patch14_clip_336 vit_large_patch14_224_clip_laion2b
            """
        ),
        .. Of(
            1280,
            16,
            1e-5,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_huge_patch14_clip_224 vit_huge_patch14_clip_336 vit_huge_patch14_clip_378
            vit_huge_patch14_224_clip_laion2b
            """
        ),
        .. Of(
            1408,
            16,
            1e-5,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_giant_patch14_clip_224 vit_giant_patch14_224_clip_laion2b
            """
        ),
        .. Of(
            1664,
            16,
            1e-5,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_gigantic_patch14_clip_224 vit_gigantic_patch14_clip_378
            """
        ),
        .. Of(64, 2, 1e-6, VitActivation.Gelu, VitPooling.Average, "test_vit2"),
        .. Of(256, 4, 1e-6, VitActivation.Gelu, VitPooling.Average, "vit_wee_patch16_reg1_gap_256"),
        .. Of(
            320,
            5,
            1e-6,
            VitActivation.Gelu,
            VitPooling.Average,
            """
            vit_little_patch16_reg1_gap_256 vit_little_patch16_reg4_gap_256
            """
        ),
        .. Of(
            512,
            8,
            1e-6,
            VitActivation.Gelu,
            VitPooling.Average,
            """
            vit_medium_patch16_gap_240 vit_medium_patch16_gap_256 vit_medium_patch16_gap_384
            vit_medium_patch16_reg1_gap_256 vit_medium_patch16_reg4_gap_256 vit_mediumd_patch16_reg4_gap_256
            vit_mediumd_patch16_reg4_gap_384
            """
        ),
        .. Of(
            640,
            10,
            1e-6,
            VitActivation.Gelu,
            VitPooling.Average,
            """
            vit_betwixt_patch16_gap_256 vit_betwixt_patch16_reg1_gap_256 vit_betwixt_patch16_reg4_gap_256
            vit_betwixt_patch16_reg4_gap_384
            """
        ),
        .. Of(
            768,
            12,
            1e-6,
            VitActivation.Gelu,
            VitPooling.Average,
            """
            vit_base_patch16_siglip_gap_224 vit_base_patch16_siglip_gap_256 vit_base_patch16_siglip_gap_384
            vit_base_patch16_siglip_gap_512 vit_base_patch16_reg4_gap_256
            """
        ),
        .. Of(768, 16, 1e-6, VitActivation.Gelu, VitPooling.Average, "vit_base_patch16_gap_224"),
        .. Of(
            832,
            13,
            1e-6,
            VitActivation.Gelu,
            VitPooling.Average,
            """
            vit_so150m2_patch16_reg1_gap_256 vit_so150m2_patch16_reg1_gap_384 vit_so150m2_patch16_reg1_gap_448
            """
        ),
        .. Of(
            896,
            14,
            1e-6,
            VitActivation.Gelu,
            VitPooling.Average,
            """
            vit_so150m_patch16_reg4_gap_256 vit_so150m_patch16_reg4_gap_384
            """
        ),
        .. Of(
            1024,
            16,
            1e-6,
            VitActivation.Gelu,
            VitPooling.Average,
            """
            eva_large_patch14_196 eva_large_patch14_336 vit_large_patch16_siglip_gap_256
            vit_large_patch16_siglip_gap_384
            """
        ),
        .. Of(
            1152,
            16,
            1e-6,
            VitActivation.Gelu,
            VitPooling.Average,
            """
            vit_so400m_patch14_siglip_gap_224 vit_so400m_patch14_siglip_gap_378
            vit_so400m_patch14_siglip_gap_384 vit_so400m_patch14_siglip_gap_448
            vit_so400m_patch14_siglip_gap_896
            """
        ),
        .. Of(
            1280,
            16,
            1e-6,
            VitActivation.Gelu,
            VitPooling.Average,
            """
            vit_huge_patch14_gap_224 vit_huge_patch16_gap_448
            """
        ),
        .. Of(1408, 16, 1e-6, VitActivation.Gelu, VitPooling.Average, "vit_giant_patch16_gap_224"),
        .. Of(64, 2, 1e-6, VitActivation.Gelu, VitPooling.ClassToken, "test_vit"),
        .. Of(
            192,
            3,
            1e-6,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_tiny_patch16_224 vit_tiny_patch16_384 deit_tiny_patch16_224 vit_tiny_patch16_224_in21k
            """
        ),
        .. Of(
            384,
            6,
            1e-6,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_small_patch32_224 vit_small_patch32_384 vit_small_patch16_224 vit_small_patch16_384
            vit_small_patch8_224 vit_small_patch16_36x1_224 flexivit_small vit_small_patch14_dinov2
            vit_small_patch14_reg4_dinov2 deit_small_patch16_224 deit3_small_patch16_224 deit3_small_patch16_384
            vit_small_patch32_224_in21k vit_small_patch16_224_in21k vit_small_patch16_224_dino
            vit_small_patch8_224_dino deit3_small_patch16_224_in21ft1k deit3_small_patch16_384_in21ft1k
            """
        ),
        .. Of(
            512,
            8,
            1e-6,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            deit3_medium_patch16_224 deit3_medium_patch16_224_in21ft1k
            """
        ),
        .. Of(
            768,
            12,
            1e-6,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_base_patch32_224 vit_base_patch32_384 vit_base_patch16_224 vit_base_patch16_384
            vit_base_patch8_224 vit_base_patch16_224_miil flexivit_base vit_base_patch14_dinov2
            vit_base_patch14_reg4_dinov2 vit_base_patch14_reg1_tipsv2 deit_base_patch16_224
            deit_base_patch16_384 deit3_base_patch16_224 deit3_base_patch16_384 vit_base_patch32_224_in21k
            vit_base_patch16_224_in21k vit_base_patch8_224_in21k vit_base_patch32_224_sam
            vit_base_patch16_224_sam vit_base_patch16_224_dino vit_base_patch8_224_dino
            vit_base_patch16_224_miil_in21k deit3_base_patch16_224_in21ft1k deit3_base_patch16_384_in21ft1k
            """
        ),
        .. Of(
            896,
            14,
            1e-6,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_base_patch32_plus_256 vit_base_patch16_plus_240
            """
        ),
        .. Of(
            1024,
            16,
            1e-6,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_large_patch32_224 vit_large_patch32_384 vit_large_patch16_224 vit_large_patch16_384
            vit_large_patch14_224 flexivit_large vit_large_patch14_dinov2 vit_large_patch14_reg4_dinov2
            vit_large_patch14_reg1_tipsv2 deit3_large_patch16_224 deit3_large_patch16_384
            vit_large_patch32_224_in21k vit_large_patch16_224_in21k deit3_large_patch16_224_in21ft1k
            deit3_large_patch16_384_in21ft1k
            """
        ),
        .. Of(1152, 16, 1e-6, VitActivation.Gelu, VitPooling.ClassToken, "vit_so400m_patch14_reg1_tipsv2"),
        .. Of(
            1280,
            16,
            1e-6,
            VitActivation.Gelu,
            VitPooling.ClassToken,
            """
            vit_huge_patch14_224 deit3_huge_patch14_224 vit_huge_patch14_224_in21k
            deit3_huge_patch14_224_in21ft1k
            """
        ),
        .. Of(1408, 16, 1e-6, VitActivation.Gelu, VitPooling.ClassToken, "vit_giant_patch14_224"),
        .. Of(1664, 16, 1e-6, VitActivation.Gelu, VitPooling.ClassToken, "vit_gigantic_patch14_224"),
        .. Of(768, 12, 1e-6, VitActivation.GeluTanh, VitPooling.Average, "vit_base_patch32_siglip_gap_256"),
        .. Of(1024, 16, 1e-6, VitActivation.GeluTanh, VitPooling.Average, "vit_large_patch16_siglip_gap_512"),
        .. Of(
            1152,
            16,
            1e-6,
            VitActivation.GeluTanh,
            VitPooling.Average,
            """
            vit_so400m_patch16_siglip_gap_256 vit_so400m_patch16_siglip_gap_384
            vit_so400m_patch16_siglip_gap_512
            """
        ),
        .. Of(
            1536,
            16,
            1e-6,
            VitActivation.GeluTanh,
            VitPooling.Average,
            """
            vit_giantopt_patch16_siglip_gap_256 vit_giantopt_patch16_siglip_gap_384
            """
        ),
        .. Of(
            768,
            12,
            1e-5,
            VitActivation.QuickGelu,
            VitPooling.ClassToken,
            """
            vit_base_patch32_clip_quickgelu_224 vit_base_patch16_clip_quickgelu_224
            """
        ),
        .. Of(
            1024,
            16,
            1e-5,
            VitActivation.QuickGelu,
            VitPooling.ClassToken,
            """
            vit_large_patch14_clip_quickgelu_224 vit_large_patch14_clip_quickgelu_336
            """
        ),
        .. Of(
            1280,
            16,
            1e-5,
            VitActivation.QuickGelu,
            VitPooling.ClassToken,
            """
            vit_huge_patch14_clip_quickgelu_224 vit_huge_patch14_clip_quickgelu_378
            """
        ),
        .. Of(
            1664,
            16,
            1e-5,
            VitActivation.QuickGelu,
            VitPooling.ClassToken,
            """
            vit_gigantic_patch14_clip_quickgelu_224
            """
        ),
    ]).ToFrozenDictionary(StringComparer.Ordinal);

    // The first that fits. What stands in the table above is plain, whatever its name has in it.
    static readonly (string Part, string Why)[] Others =
    [
        ("relpos_", "a ViT with relative positions"),
        ("_rpn_", "a ViT whose norms stand after each branch instead of before it (residual post-norm)"),
        ("_18x2_", "a ViT with parallel branches"),
        ("_xp_", "a ViT whose attention and feed-forward network work in parallel"),
        ("pwee_", "a ViT whose attention and feed-forward network work in parallel"),
        ("_dwee_", "a ViT with differential attention"),
        ("_dlittle_", "a ViT with differential attention"),
        ("_siglip_", "a ViT with attention pooling"),
        ("_map_", "a ViT with attention pooling"),
        ("test_vit3", "a ViT with attention pooling"),
        ("test_vit4", "a ViT with RMS norms"),
        ("aimv2_", "a ViT with RMS norms and gated feed-forward networks"),
        ("vit_giant_patch14_dinov2", "a ViT with gated feed-forward networks (SwiGLU)"),
        ("vit_giant_patch14_reg", "a ViT with gated feed-forward networks (SwiGLU)"),
        ("intern300m", "a ViT without a final norm"),
        ("_rope_", "a ViT with rotary positions"),
        ("dinov3", "DINOv3, a ViT with rotary positions"),
        ("vit_pe_", "a Perception Encoder, a ViT with rotary positions"),
        ("eva02_", "EVA-02, a ViT with rotary positions"),
        ("eva_giant_", "EVA, which is none of the plain ViTs"),
        ("beit", "BEiT"),
        ("_distilled_", "a distilled DeiT, whose logits are the mean of two heads"),
        ("naflexvit", "a ViT of flexible sizes (NaFlex)"),
        ("samvit", "SAM's image encoder"),
        ("_r50_", "a hybrid of a ResNet and a ViT"),
        ("_r26_", "a hybrid of a ResNet and a ViT"),
        ("_r_s16_", "a hybrid of a ResNet and a ViT"),
        ("_resnet", "a hybrid of a ResNet and a ViT"),
        ("_mci_", "a hybrid of a convolutional network and a ViT"),
        ("vitamin_", "a hybrid of a convolutional network and a ViT (ViTamin)"),
        ("swin", "a transformer of several stages (Swin)"),
        ("cait_", "CaiT"),
        ("xcit_", "XCiT"),
    ];

    /// <summary>The facts of a plain ViT; null of all other names.</summary>
    /// <param name="name">timm's name, with or without the tag of its weights after a dot.</param>
    public static TimmArchitecture? Find(string name) => Plain.GetValueOrDefault(Untagged(name));

    /// <summary>Why a name's architecture is none that Retouch computes; null of plain and of unknown names.</summary>
    /// <param name="name">As for <see cref="Find"/>.</param>
    public static string? Refusal(string name) =>
        Plain.ContainsKey(Untagged(name))
            ? null
            : Others.FirstOrDefault(o => Untagged(name).Contains(o.Part, StringComparison.Ordinal)).Why;

    static string Untagged(string name) => name.Split('.')[0];

    static IEnumerable<KeyValuePair<string, TimmArchitecture>> Of(
        int width,
        int heads,
        double epsilon,
        VitActivation activation,
        VitPooling pooling,
        string names
    ) =>
        names
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Select(n => KeyValuePair.Create(n, new TimmArchitecture(width, heads, epsilon, activation, pooling)));
}
