using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>open_clip's config of a CLIP, of which the image tower alone is read.</summary>
static class OpenClipConfig
{
    // What changes the image tower and leaves no tensor.
    static readonly string[] Refused =
    [
        "attentional_pool",
        "timm_model_name",
        "scaled_cosine_attn",
        "qk_norm",
        "scale_heads",
        "scale_attn",
        "scale_attn_inner",
        "scale_fc",
        "act_kwargs",
    ];

    /// <summary>The card with what the config says.</summary>
    /// <exception cref="BadInputException">It states something that Retouch does not compute.</exception>
    public static ModelCard Read(ModelCard card, ConfigObject root, ModelOutline model)
    {
        ConfigObject clip = root.Within("model_cfg")!.Value;
        ConfigObject vision = clip.Within("vision_cfg") ?? throw root.Bad("its model_cfg has no vision_cfg");
        if (vision.Find("layers") is { ValueKind: System.Text.Json.JsonValueKind.Array })
            throw root.Bad("its image tower is a ResNet; this architecture is not supported");
        if (
            card.OfAnother([
                (vision, "width", "width", model.Width),
                (vision, "layers", "depth", model.Depth),
                (vision, "patch_size", "patch size", model.PatchSize),
            ])
            is ModelCard other
        )
            return other;
        foreach (string setting in Refused)
        {
            if (vision.Find(setting) is { ValueKind: not System.Text.Json.JsonValueKind.False })
                throw root.Bad($"its {setting} is {vision.Shown(setting)}; this architecture is not supported");
        }
        bool after = vision.Flag("final_ln_after_pool") == true;
        VitPooling pooling = vision.Text("pool_type") switch
        {
            null or "tok" => VitPooling.ClassToken,
            "avg" when !after => VitPooling.Average,
            _ => throw root.Bad(
                $"its pool_type is {vision.Shown("pool_type")}{(after ? " before the norm" : "")}; Retouch reads "
                    + "the [CLS] token (tok) or the average of the patches (avg)"
            ),
        };
        int width = vision.Count("width") ?? model.Width ?? 768;
        int head = vision.Count("head_width") ?? 64;
        return card with
        {
            Traits = new VitTraits
            {
                Heads = width % head == 0 ? width / head : null,
                Activation = clip.Flag("quick_gelu") == true ? VitActivation.QuickGelu : VitActivation.Gelu,
                NormEpsilon = vision.Within("norm_kwargs")?.Number("eps") ?? 1e-5,
                Pooling = pooling,
            },
            ImageSize = vision.Side("image_size") ?? card.ImageSize,
            SquareImages = true,
        };
    }
}
