using System.Globalization;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>How the libraries' configs say what no tensor shows; what they cannot say is refused.</summary>
static class LibraryConfig
{
    // timm's entry points take all that differs from model_args, but for the norms' epsilon, which is the entry point's
    // own.
    static readonly (double Epsilon, string Architecture)[] Timm =
    [
        (1e-6, "vit_base_patch16_224"),
        (1e-5, "vit_base_patch16_clip_224"),
    ];

    /// <summary>The timm entry point whose norms have the model's epsilon.</summary>
    /// <exception cref="BadInputException">There is none.</exception>
    public static string TimmArchitecture(VitConfig config) =>
        Timm.FirstOrDefault(t => t.Epsilon == config.NormEpsilon).Architecture
        ?? throw BadInput.Unsupported(
            null,
            $"timm's config.json cannot state a norm's epsilon of {Text(config.NormEpsilon)}, only "
                + $"{string.Join(" and ", Timm.Select(t => Text(t.Epsilon)))}.",
            Remedy.AnyOf(
                Remedy.Option(Parameter.NormEpsilon, "1e-6"),
                Remedy.OutputEnding(".safetensors"),
                Remedy.Option(Parameter.ExportFormat, "transformers"),
                Remedy.Option(Parameter.ExportFormat, "onnx")
            )
        );

    /// <summary>timm's mlp_ratio, times the width rounded down the number of hidden units.</summary>
    public static double TimmMlpRatio(VitConfig config) => Ratio(config.MlpWidth, config.Width);

    /// <summary>The ratio by which a width, times it and rounded down, gives a number of hidden units.</summary>
    public static double Ratio(int hidden, int width)
    {
        double ratio = (double)hidden / width;
        while ((int)(width * ratio) < hidden)
            ratio = Math.BitIncrement(ratio);
        return ratio;
    }

    /// <summary>timm's act_layer, or null for its usual one.</summary>
    public static string? TimmActivation(VitActivation activation) =>
        activation switch
        {
            VitActivation.Gelu => null,
            VitActivation.QuickGelu => "quick_gelu",
            VitActivation.GeluTanh => "gelu_tanh",
            VitActivation.Silu => "silu",
            _ => throw new ArgumentOutOfRangeException(
                nameof(activation),
                activation,
                "timm's name of it is not known."
            ),
        };

    /// <summary>transformers' hidden_act.</summary>
    public static string TransformersActivation(VitActivation activation) =>
        activation switch
        {
            VitActivation.Gelu => "gelu",
            VitActivation.QuickGelu => "quick_gelu",
            VitActivation.GeluTanh => "gelu_pytorch_tanh",
            _ => throw new ArgumentOutOfRangeException(
                nameof(activation),
                activation,
                "transformers' name of it is not known."
            ),
        };

    /// <summary>The line of Python that builds the model in torchvision, whose files have no config.</summary>
    public static string TorchvisionLine(VitConfig config) =>
        $"torchvision.models.VisionTransformer(image_size={config.ImageSize}, patch_size={config.PatchSize}, "
        + $"num_layers={config.Depth}, num_heads={config.Heads}, hidden_dim={config.Width}, mlp_dim={config.MlpWidth}, "
        + $"num_classes={config.Classes}"
        + (NormLayer(config) is string norm ? $", {norm})" : ")");

    /// <summary>timm's and torchvision's argument for the norms' epsilon, or null if it is their usual one.</summary>
    public static string? NormLayer(VitConfig config) =>
        config.NormEpsilon == 1e-6
            ? null
            : $"norm_layer=functools.partial(torch.nn.LayerNorm, eps={Text(config.NormEpsilon)})";

    /// <summary>A small number as messages write it.</summary>
    public static string Text(double value) => value.ToString("0.################e-0", CultureInfo.InvariantCulture);
}
