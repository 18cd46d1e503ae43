using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>The names by which users and files call what a classifier reads.</summary>
public static class ModelPoolings
{
    static readonly Dictionary<string, VitPooling> Table = new()
    {
        ["token"] = VitPooling.ClassToken,
        ["avg"] = VitPooling.Average,
        ["avg-all"] = VitPooling.AverageOfAll,
        ["max"] = VitPooling.Maximum,
        ["avgmax"] = VitPooling.AverageAndMaximum,
        ["token-avg"] = VitPooling.ClassAndAverage,
        ["token-avg-others"] = VitPooling.ClassAndAverageOfOthers,
        ["map"] = VitPooling.Attention,
        ["map-all"] = VitPooling.AttentionOverAll,
        ["two-heads"] = VitPooling.TwoHeads,
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

    /// <summary>What it reads, in words.</summary>
    internal static string Words(VitPooling pooling) =>
        pooling switch
        {
            VitPooling.ClassToken => "[CLS]",
            VitPooling.Average => "the average of the patches",
            VitPooling.AverageOfAll => "the average of all tokens",
            VitPooling.Maximum => "the maximum of the patches",
            VitPooling.AverageAndMaximum => "the average and the maximum of the patches",
            VitPooling.ClassAndAverage => "[CLS] and the average of the patches",
            VitPooling.ClassAndAverageOfOthers => "[CLS] and the average of all other tokens",
            VitPooling.Attention => "the patches by attention",
            VitPooling.AttentionOverAll => "all tokens by attention",
            _ => "two tokens by two heads",
        };

    /// <summary>The name of a pooling.</summary>
    public static string NameOf(VitPooling pooling) => Table.First(p => p.Value == pooling).Key;
}
