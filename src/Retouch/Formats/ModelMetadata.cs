using System.Globalization;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>What Retouch writes into a safetensors file's metadata, and reads from there, of what its tensors do not show.</summary>
static class ModelMetadata
{
    const string Heads = "num_heads", Activation = "activation", Epsilon = "norm_epsilon", Pooling = "pooling";

    /// <summary>The texts for a model; "pt" is what transformers wants to find there.</summary>
    public static Dictionary<string, string> Of(VitConfig config, Preprocessing preprocessing) => new()
    {
        ["format"] = "pt",
        [Heads] = config.Heads.ToString(CultureInfo.InvariantCulture),
        [Activation] = ModelActivations.NameOf(config.Activation),
        [Epsilon] = config.NormEpsilon.ToString("R", CultureInfo.InvariantCulture),
        [Pooling] = ModelPoolings.NameOf(config.Pooling),
        ["preprocessing"] = preprocessing.ToJson(),
    };

    /// <summary>The traits that a file's metadata state.</summary>
    /// <exception cref="BadInputException">A text is none that could be meant.</exception>
    public static VitTraits Traits(IReadOnlyDictionary<string, string> metadata) => new()
    {
        Heads = metadata.TryGetValue(Heads, out string? heads)
            ? int.TryParse(heads, CultureInfo.InvariantCulture, out int count) ? count : throw Bad(Heads, heads, "a number")
            : null,
        Activation = metadata.TryGetValue(Activation, out string? activation) ? ModelActivations.Parse(activation) : null,
        NormEpsilon = metadata.TryGetValue(Epsilon, out string? epsilon)
            ? double.TryParse(epsilon, CultureInfo.InvariantCulture, out double value) ? value : throw Bad(Epsilon, epsilon, "a number")
            : null,
        Pooling = metadata.TryGetValue(Pooling, out string? pooling) ? ModelPoolings.Parse(pooling) : null,
    };

    static BadInputException Bad(string key, string text, string wanted) => new($"{key} in its metadata is {UserText.Quote(text)}, not {wanted}.");
}
