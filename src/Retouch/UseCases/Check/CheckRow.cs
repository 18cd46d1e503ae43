using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>What models say of an image: a line of <see cref="CheckRowFile"/>.</summary>
/// <param name="Image">Its place in the check's order.</param>
/// <param name="Path">Where it is.</param>
/// <param name="After">What the model says; null where the image cannot be decoded.</param>
/// <param name="Before">What the model says that it is compared with; null where there is none.</param>
/// <param name="Problem">Why the image was left out; else null.</param>
/// <param name="Sha256">
/// The hash of its bytes, so that one that was changed since is noticed; null where it cannot be read.
/// </param>
sealed record CheckRow(
    int Image,
    string Path,
    RankedAnswer? After = null,
    RankedAnswer? Before = null,
    string? Problem = null,
    string? Sha256 = null
);
