using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>What edits did to labelled images under one corruption, by the images' folders. Immutable.</summary>
/// <param name="Corruption">The corruption.</param>
/// <param name="Unedited">How the unedited model does on all images: flips of an edit that changes nothing.</param>
/// <param name="Edited">
/// Of each edit what it fixed and what it broke, without the images of its own group, in the edits' order.
/// </param>
public sealed record SideEffectMeasurement(
    Corruption Corruption,
    IReadOnlyDictionary<string, Flips> Unedited,
    IReadOnlyList<IReadOnlyDictionary<string, Flips>> Edited
);
