using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>The names by which timm's and transformers' configs call the activations.</summary>
static class ConfigActivations
{
    /// <summary>The activation that a setting names, or null if it is not stated.</summary>
    /// <param name="config">Where it may be stated.</param>
    /// <param name="setting">The setting.</param>
    /// <param name="gated">Whether it is that of gates.</param>
    /// <exception cref="BadInputException">It is one that Retouch does not compute.</exception>
    public static VitActivation? Read(ConfigObject config, string setting, bool gated) =>
        config.Text(setting) switch
        {
            null => null,
            "gelu" => VitActivation.Gelu,
            "quick_gelu" => VitActivation.QuickGelu,
            "gelu_tanh" or "gelu_new" or "gelu_fast" or "gelu_pytorch_tanh" => VitActivation.GeluTanh,
            "silu" or "swish" when gated => VitActivation.Silu,
            string name => throw config.Bad(
                $"its activation, {setting}, is {UserText.Quote(name)}; Retouch knows gelu, "
                    + "quick_gelu and gelu_tanh"
            ),
        };
}
