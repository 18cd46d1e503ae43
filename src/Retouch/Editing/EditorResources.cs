using Retouch.Locating;

namespace Retouch.Editing;

/// <summary>What editors need beside their settings. Owns nothing.</summary>
public sealed record EditorResources
{
    /// <summary>A trained hypernetwork for the model; null where there is none.</summary>
    public Hypernetwork? Hypernetwork { get; init; }

    /// <summary>What tells that hypernetwork from others: the start of its file's SHA-256. Shown among the settings.</summary>
    public string? HypernetworkId { get; init; }

    /// <summary>The blocks to edit where they are not the usual ones, as <see cref="Vit.EditSpace.BlockRange"/>; null for the usual. Shown among the settings.</summary>
    public string? Blocks { get; init; }

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>What was prepared for the model, by <see cref="Preparation.Kind"/>.</summary>
    public IReadOnlyDictionary<string, Preparation> Preparations { get; init; } = new Dictionary<string, Preparation>();

    /// <summary>What tells these preparations from others, by their kind: the start of each file's SHA-256. Shown among the settings.</summary>
    public IReadOnlyDictionary<string, string> PreparationIds { get; init; } = new Dictionary<string, string>();

    /// <summary>A preparation that a method needs.</summary>
    /// <exception cref="BadInputException">It was not given.</exception>
    public Preparation Preparation(string kind) => Preparations.TryGetValue(kind, out Preparation? found) ? found
        : throw new BadInputException($"The preparation '{kind}' is needed; make it with 'retouch prepare' on some ordinary images, for the blocks to edit, and name its file with --prepared.");
}
