namespace Retouch.Measurement;

/// <summary>What an edit changed among the images that a guard keeps. Immutable.</summary>
/// <param name="Locality">Among other images; null where there are none.</param>
/// <param name="NearByFolder">Among near images by folder; null where there are none.</param>
public sealed record GuardMeasurement(
    LocalityMeasurement? Locality,
    IReadOnlyDictionary<string, Flips>? NearByFolder = null
)
{
    /// <summary>How many images that earlier patches corrected, and that were right, it breaks.</summary>
    public int Lost { get; init; }

    /// <summary>Among all near images; null where there are none.</summary>
    public Flips? Near { get; } = NearByFolder is null ? null : Flips.Sum(NearByFolder.Values);
}
