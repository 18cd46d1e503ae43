namespace Retouch.UseCases;

/// <summary>What an edit changed among other images. Immutable.</summary>
/// <param name="Rate">The locality rate LR: the share of images that keep their prediction, in [0,1].</param>
/// <param name="Images">The number of images compared.</param>
/// <param name="Changed">Those whose prediction changed, in the folder's order.</param>
/// <param name="Skipped">Files that could not be decoded.</param>
public sealed record EditLocality(
    double Rate,
    int Images,
    IReadOnlyList<ChangedImage> Changed,
    IReadOnlyList<string> Skipped
);
