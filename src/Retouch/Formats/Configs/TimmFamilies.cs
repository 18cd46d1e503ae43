using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// What the names of timm's models beside its plain ViTs say that no tensor shows: BEiT, EVA, DINOv3, SigLIP, ….
/// </summary>
static class TimmFamilies
{
    // What most of a kind have in common; the rows below differ in width, heads and little else.
    static readonly TimmArchitecture Vit = new(0, 0, 1e-6, VitActivation.Gelu, VitPooling.ClassToken);
    static readonly TimmArchitecture Eva = Vit with { Pooling = VitPooling.Average, IsEva = true };
    static readonly TimmArchitecture EvaPlaced = Eva with { ClassToken = true, Positions = true };
    static readonly TimmArchitecture Eva02 = EvaPlaced with { Rope = VitRope.Eva };
    static readonly TimmArchitecture Eva02Clip = Eva02 with { Pooling = VitPooling.ClassToken };
    static readonly TimmArchitecture EvaGap = Eva with { Rope = VitRope.Eva };
    static readonly TimmArchitecture Dinov3 = Eva with
    {
        NormEpsilon = 1e-5,
        Rope = VitRope.Dinov3,
        ClassToken = true,
        Registers = 4,
    };
    static readonly TimmArchitecture Siglip = Vit with { Pooling = VitPooling.Attention };
    static readonly TimmArchitecture SiglipTanh = Siglip with { Activation = VitActivation.GeluTanh };
    static readonly TimmArchitecture Swin = Vit with { NormEpsilon = 1e-5, Pooling = VitPooling.Average };
    static readonly TimmArchitecture RopeVit = Eva with
    {
        Pooling = VitPooling.ClassToken,
        Rope = new() { Temperature = 100, ColumnsFirst = true },
    };

    /// <summary>The table.</summary>
    public static IEnumerable<KeyValuePair<string, TimmArchitecture>> All =>
        [
            .. Of(Vit with { Pooling = VitPooling.TwoHeads }, 192, 3, "deit_tiny_distilled_patch16_224"),
            .. Of(Vit with { Pooling = VitPooling.TwoHeads }, 384, 6, "deit_small_distilled_patch16_224"),
            .. Of(
                Vit with
                {
                    Pooling = VitPooling.TwoHeads,
                },
                768,
                12,
                "deit_base_distilled_patch16_224 deit_base_distilled_patch16_384"
            ),
            .. Of(Vit with { Pooling = VitPooling.Average, PostNorm = true }, 768, 12, "vit_base_patch16_rpn_224"),
            .. Of(
                Vit with
                {
                    Activation = VitActivation.Silu,
                },
                1536,
                24,
                "vit_giant_patch14_dinov2 vit_giant_patch14_reg4_dinov2 vit_giant_patch14_reg1_tipsv2"
            ),
            .. Of(Vit with { LastNorm = false }, 1024, 16, "vit_intern300m_patch14_448"),
            .. Of(Siglip, 896, 14, "vit_so150m_patch16_reg4_map_256"),
            .. Of(SiglipTanh, 768, 12, "vit_base_patch32_siglip_256"),
            .. Of(
                Siglip,
                768,
                12,
                "vit_base_patch16_siglip_224 vit_base_patch16_siglip_256 vit_base_patch16_siglip_384 "
                    + "vit_base_patch16_siglip_512"
            ),
            .. Of(Siglip, 1024, 16, "vit_large_patch16_siglip_256 vit_large_patch16_siglip_384"),
            .. Of(SiglipTanh, 1024, 16, "vit_large_patch16_siglip_512"),
            .. Of(
                Siglip,
                1152,
                16,
                "vit_so400m_patch14_siglip_224 vit_so400m_patch14_siglip_378 vit_so400m_patch14_siglip_384"
            ),
            .. Of(
                SiglipTanh,
                1152,
                16,
                "vit_so400m_patch16_siglip_256 vit_so400m_patch16_siglip_384 vit_so400m_patch16_siglip_512"
            ),
            .. Of(SiglipTanh, 1536, 16, "vit_giantopt_patch16_siglip_256 vit_giantopt_patch16_siglip_384"),
            .. Of(
                Eva with
                {
                    ClassToken = true,
                },
                768,
                12,
                "beit_base_patch16_224 beit_base_patch16_384 beitv2_base_patch16_224"
            ),
            .. Of(
                Eva,
                1024,
                16,
                "beit_large_patch16_224 beit_large_patch16_384 beit_large_patch16_512 beitv2_large_patch16_224"
            ),
            .. Of(EvaPlaced, 1408, 16, "eva_giant_patch14_224 eva_giant_patch14_336 eva_giant_patch14_560"),
            .. Of(EvaPlaced with { Pooling = VitPooling.ClassToken }, 1408, 16, "eva_giant_patch14_clip_224"),
            .. Of(Eva02, 192, 3, "eva02_tiny_patch14_224 eva02_tiny_patch14_336"),
            .. Of(Eva02, 384, 6, "eva02_small_patch14_224 eva02_small_patch14_336"),
            .. Of(Eva02, 768, 12, "eva02_base_patch14_224 eva02_base_patch14_448"),
            .. Of(Eva02, 1024, 16, "eva02_large_patch14_224 eva02_large_patch14_448"),
            .. Of(Eva02Clip, 768, 12, "eva02_base_patch16_clip_224"),
            .. Of(Eva02Clip, 1024, 16, "eva02_large_patch14_clip_224 eva02_large_patch14_clip_336"),
            .. Of(
                Eva with
                {
                    Pooling = VitPooling.ClassToken,
                    PostNorm = true,
                },
                1792,
                16,
                "eva02_enormous_patch14_clip_224"
            ),
            .. Of(EvaGap, 512, 8, "vit_medium_patch16_rope_reg1_gap_256 vit_mediumd_patch16_rope_reg1_gap_256"),
            .. Of(EvaGap, 640, 10, "vit_betwixt_patch16_rope_reg4_gap_256"),
            .. Of(EvaGap, 768, 12, "vit_base_patch16_rope_reg1_gap_256"),
            .. Of(RopeVit, 384, 6, "vit_small_patch16_rope_224 vit_small_patch16_rope_ape_224"),
            .. Of(RopeVit, 768, 12, "vit_base_patch16_rope_224 vit_base_patch16_rope_ape_224"),
            .. Of(RopeVit, 1024, 16, "vit_large_patch16_rope_224 vit_large_patch16_rope_ape_224"),
            .. Of(Dinov3, 192, 3, "vit_tiny_patch16_dinov3_qkvb"),
            .. Of(
                Dinov3,
                384,
                6,
                "vit_small_patch16_dinov3 vit_small_patch16_dinov3_qkvb vit_small_plus_patch16_dinov3 "
                    + "vit_small_plus_patch16_dinov3_qkvb"
            ),
            .. Of(Dinov3, 768, 12, "vit_base_patch16_dinov3 vit_base_patch16_dinov3_qkvb"),
            .. Of(Dinov3, 1024, 16, "vit_large_patch16_dinov3 vit_large_patch16_dinov3_qkvb"),
            .. Of(Dinov3, 1280, 20, "vit_huge_plus_patch16_dinov3 vit_huge_plus_patch16_dinov3_qkvb"),
            .. Of(Dinov3, 4096, 32, "vit_7b_patch16_dinov3"),
            .. Of(Perception(24), 192, 3, "vit_pe_core_tiny_patch16_384"),
            .. Of(Perception(24), 384, 6, "vit_pe_core_small_patch16_384"),
            .. Of(Perception(14), 768, 12, "vit_pe_core_base_patch16_224"),
            .. Of(Perception(24), 1024, 16, "vit_pe_core_large_patch14_336"),
            .. Of(Perception(32, offset: 0), 1536, 16, "vit_pe_core_gigantic_patch14_448"),
            .. Of(Swin, 96, 0, "swin_tiny_patch4_window7_224 swin_small_patch4_window7_224"),
            .. Of(Swin, 96, 0, "swin_s3_tiny_224 swin_s3_small_224 swin_s3_base_224"),
            .. Of(Swin, 128, 0, "swin_base_patch4_window7_224 swin_base_patch4_window12_384"),
            .. Of(Swin, 192, 0, "swin_large_patch4_window7_224 swin_large_patch4_window12_384"),
        ];

    static TimmArchitecture Perception(int reference, double offset = 1) =>
        Eva with
        {
            NormEpsilon = 1e-5,
            Pooling = VitPooling.AttentionOverAll,
            PoolHeads = 8,
            Rope = new()
            {
                ColumnsFirst = true,
                GridOffset = offset,
                ReferenceGrid = reference,
            },
        };

    static IEnumerable<KeyValuePair<string, TimmArchitecture>> Of(
        TimmArchitecture kind,
        int width,
        int heads,
        string names
    ) =>
        names
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(n => KeyValuePair.Create(n, kind with { Width = width, Heads = heads }));
}
