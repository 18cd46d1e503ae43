namespace Retouch.Locating;

/// <summary>Where a trained locator comes from. Immutable.</summary>
public sealed record LocatorProvenance
{
    /// <summary>
    /// What its targets were solved on and how: the model's fingerprint, edit space, images, settings and seed.
    /// </summary>
    public required TargetBankManifest Targets { get; init; }

    /// <summary>The number of targets that it learned from or was chosen by.</summary>
    public required int Count { get; init; }

    /// <summary>The training's settings, by name.</summary>
    public required SortedDictionary<string, string> Training { get; init; }

    /// <summary>Batches learned until these weights.</summary>
    public required int Batches { get; init; }

    /// <summary>
    /// Binary cross-entropy on held-out targets, or on each batch before it was learned, or null if not measured.
    /// </summary>
    public double? HeldOutLoss { get; init; }

    /// <summary>The same for the mean of the targets as a constant output, or null if not measured.</summary>
    public double? MeanMaskLoss { get; init; }
}
