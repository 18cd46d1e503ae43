using System.Collections.Frozen;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// What timm's architecture names say that no tensor shows, as its model definitions (1.0.29) have it: here of its
/// plain ViTs, in <see cref="TimmFamilies"/> of the others; of those that Retouch does not compute, why it does not.
/// </summary>
static class TimmArchitectures
{
    static readonly FrozenDictionary<string, TimmArchitecture> Known = new Dictionary<string, TimmArchitecture>([
        .. TimmFamilies.All,
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

    // The first that fits. What stands in the tables above is known, whatever its name has in it.
    static readonly (string Part, string Why)[] Others =
    [
        ("relpos_", "a ViT whose relative positions come from a network or are no table"),
        ("_18x2_", "a ViT with parallel branches"),
        ("_xp_", "a ViT whose attention and feed-forward network work in parallel"),
        ("pwee_", "a ViT whose attention and feed-forward network work in parallel"),
        ("_dwee_", "a ViT with differential attention"),
        ("_dlittle_", "a ViT with differential attention"),
        ("test_vit4", "a ViT with RMS norms"),
        ("aimv2_", "a ViT with RMS norms and gated feed-forward networks"),
        ("_rope_mixed_", "a ViT with learned rotary positions"),
        ("naflexvit", "a ViT of flexible sizes (NaFlex)"),
        ("samvit", "SAM's image encoder"),
        ("_r50_", "a hybrid of a ResNet and a ViT"),
        ("_r26_", "a hybrid of a ResNet and a ViT"),
        ("_r_s16_", "a hybrid of a ResNet and a ViT"),
        ("_resnet", "a hybrid of a ResNet and a ViT"),
        ("_mci_", "a hybrid of a convolutional network and a ViT"),
        ("vitamin_", "a hybrid of a convolutional network and a ViT (ViTamin)"),
        ("swinv2", "Swin of the second version, whose attention is by cosines"),
        ("cait_", "CaiT"),
        ("xcit_", "XCiT"),
    ];

    /// <summary>The facts of a name; null of one that is not known.</summary>
    /// <param name="name">timm's name, with or without the tag of its weights after a dot.</param>
    public static TimmArchitecture? Find(string name) => Known.GetValueOrDefault(Untagged(name));

    /// <summary>Why a name's architecture is none that Retouch computes; null of known and of unknown names.</summary>
    /// <param name="name">As for <see cref="Find"/>.</param>
    public static string? Refusal(string name) =>
        Known.ContainsKey(Untagged(name))
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
