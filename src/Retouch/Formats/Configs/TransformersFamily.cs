using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>What transformers takes for what a config of one of its models leaves out. Immutable.</summary>
/// <param name="Types">The model types that the config states.</param>
/// <param name="NormEpsilon">The norms' epsilon.</param>
/// <param name="Activation">The non-linearity.</param>
/// <param name="Width">The setting for the width of a token of the first block.</param>
/// <param name="Pooling">What the classifier reads; null where the naming scheme or a setting says.</param>
sealed record TransformersFamily(
    string[] Types,
    double NormEpsilon,
    VitActivation Activation = VitActivation.Gelu,
    string Width = "hidden_size",
    VitPooling? Pooling = null
)
{
    /// <summary>The families that are opened.</summary>
    public static IReadOnlyList<TransformersFamily> All { get; } =
    [
        new(["vit", "vit_msn"], 1e-12, Pooling: VitPooling.ClassToken),
        new(["deit"], 1e-12),
        new(["dinov2", "dinov2_with_registers"], 1e-6),
        new(["beit", "data2vec-vision"], 1e-12),
        new(["swin"], 1e-5, Width: "embed_dim"),
        new(["clip", "clip_vision_model"], 1e-5, VitActivation.QuickGelu),
        new(["siglip", "siglip_vision_model"], 1e-6, VitActivation.GeluTanh),
    ];

    /// <summary>The family of a model type; the plain ViT's where none is stated.</summary>
    public static TransformersFamily? Find(string? type) =>
        type is null ? All[0] : All.FirstOrDefault(f => f.Types.Contains(type));
}
