using System.Globalization;
using System.Text.Json.Serialization;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Benchmarks;

/// <summary>Consecutive FFNs or attention modules: a candidate for where to edit. Immutable.</summary>
/// <param name="Layers">Which half of the blocks.</param>
/// <param name="FirstBlock">The first block, zero-based.</param>
/// <param name="Blocks">The number of blocks.</param>
public sealed record EditWindow(EditLayers Layers, int FirstBlock, int Blocks)
{
    /// <summary>The blocks, as <c>--blocks</c> takes them: <c>7-9</c>.</summary>
    public string BlockRange => string.Create(CultureInfo.InvariantCulture, $"{FirstBlock}-{FirstBlock + Blocks - 1}");

    /// <summary>The window for people: <c>FFN 7-9</c>.</summary>
    [JsonIgnore]
    public string Name => $"{(Layers == EditLayers.Ffn ? "FFN" : "MSA")} {BlockRange}";

    /// <summary>The space whose cut lies before the window.</summary>
    /// <exception cref="BadInputException">The model has no such blocks.</exception>
    public EditSpace Space(VitConfig config) =>
        Layers == EditLayers.Ffn
            ? new EditSpace(config, FirstBlock, Blocks)
            : EditSpace.BeforeAttention(config, FirstBlock, Blocks);

    /// <summary>
    /// Every window of a model, both kinds at every first block, in the order in which their cuts go up.
    /// </summary>
    /// <param name="config">The model's architecture.</param>
    /// <param name="blocks">The number of blocks of a window.</param>
    /// <exception cref="BadInputException">The model has fewer blocks.</exception>
    public static IReadOnlyList<EditWindow> All(VitConfig config, int blocks)
    {
        if (blocks < 1 || blocks > config.Depth)
            throw BadInput.OutOfRange(null, $"A window of {blocks} blocks does not fit a model of {config.Depth}.");
        return
        [
            .. from layers in (EditLayers[])[EditLayers.Ffn, EditLayers.Msa]
            from first in Enumerable.Range(0, config.Depth - blocks + 1)
            orderby layers == EditLayers.Ffn ? first : first - 1, layers
            select new EditWindow(layers, first, blocks),
        ];
    }
}
