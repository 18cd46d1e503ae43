using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>What was measured, by the sets of images that criteria are about.</summary>
/// <param name="Summary">The images of the check itself.</param>
/// <param name="FixedAmong">Those of which so many are to be fixed; null for those of the check.</param>
/// <param name="MustBeRight">Those that are to be right without exception; null for none.</param>
/// <param name="MustBeRightUnread">How many more of these cannot be decoded.</param>
/// <param name="Locality">How many predictions changed elsewhere; null where that was not asked.</param>
sealed record CheckedSets(
    CheckSummary Summary,
    IReadOnlyList<CheckedImage>? FixedAmong,
    IReadOnlyList<CheckedImage>? MustBeRight,
    int MustBeRightUnread,
    ChangeCount? Locality
);
