using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>The names by which users and files call the activations.</summary>
public static class ModelActivations
{
    static readonly Dictionary<string, VitActivation> Table = new()
    {
        ["gelu"] = VitActivation.Gelu,
        ["quick-gelu"] = VitActivation.QuickGelu,
        ["gelu-tanh"] = VitActivation.GeluTanh,
        ["silu"] = VitActivation.Silu,
    };

    /// <summary>All names.</summary>
    public static IReadOnlyCollection<string> Names => Table.Keys;

    /// <summary>The activation of a name.</summary>
    /// <exception cref="BadInputException">There is none of this name.</exception>
    public static VitActivation Parse(string name) =>
        Table.TryGetValue(name, out VitActivation activation)
            ? activation
            : throw BadInput.Missing(
                name,
                $"The activation {UserText.Quote(name)} is not known; there are {string.Join(", ", Names)}."
            );

    /// <summary>The name of an activation.</summary>
    public static string NameOf(VitActivation activation) => Table.First(a => a.Value == activation).Key;
}
