using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>What an edit did to images that it was not made for, of each kind that a run has.</summary>
/// <param name="Locality">The locality images, also those of the edited group; null for none.</param>
/// <param name="Near">The near images by folder, without those of the edited group; null for none.</param>
/// <param name="Sensitive">The sensitive images, without those of the edited group; null for none.</param>
sealed record Elsewhere(
    LocalityMeasurement? Locality,
    IReadOnlyDictionary<string, Flips>? Near,
    ChangeCount? Sensitive
);
