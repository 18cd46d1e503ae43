namespace Retouch.Patches;

/// <summary>What was measured of a patch when it was made, on the model that its fingerprint names.</summary>
public sealed record PatchMeasurements
{
    /// <summary>Whether every editing image gets the label under the edited model (SR of the edit: 1 or 0).</summary>
    public required bool Success { get; init; }

    /// <summary>Optimization steps taken.</summary>
    public required int Steps { get; init; }

    /// <summary>
    /// The share of locality images that keep the unedited model's prediction (LR), in [0,1], or null if not measured.
    /// </summary>
    public double? LocalityRate { get; init; }

    /// <summary>The number of locality images that <see cref="LocalityRate"/> is over.</summary>
    public int? LocalityImages { get; init; }
}
