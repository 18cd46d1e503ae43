using Retouch.Locating;

namespace Retouch.Evaluation;

/// <summary>What editors need beside their settings. Owns nothing.</summary>
public sealed record EditorResources
{
    /// <summary>A trained hypernetwork for the model; null where there is none.</summary>
    public Hypernetwork? Hypernetwork { get; init; }

    /// <summary>What tells that hypernetwork from others: the start of its file's SHA-256. Shown among the settings.</summary>
    public string? HypernetworkId { get; init; }

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }
}
