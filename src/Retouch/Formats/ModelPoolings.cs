using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>The names by which users and files call what a classifier reads.</summary>
public static class ModelPoolings
{
    static readonly Dictionary<string, VitPooling> Table = new()
    {
        ["token"] = VitPooling.ClassToken,
        ["avg"] = VitPooling.Average,
    };

    /// <summary>All names.</summary>
    public static IReadOnlyCollection<string> Names => Table.Keys;

    /// <summary>The pooling of a name.</summary>
    /// <exception cref="BadInputException">There is none of this name.</exception>
    public static VitPooling Parse(string name) =>
        Table.TryGetValue(name, out VitPooling pooling)
            ? pooling
            : throw BadInput.Missing(
                name,
                $"The pooling {UserText.Quote(name)} is not known; there are " + $"{string.Join(", ", Names)}."
            );

    /// <summary>The name of a pooling.</summary>
    public static string NameOf(VitPooling pooling) => Table.First(p => p.Value == pooling).Key;
}
