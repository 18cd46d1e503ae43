namespace Retouch.Measurement;

/// <summary>Whether a criterion of a release holds. Immutable.</summary>
/// <param name="Name">What files call it, such as <c>maxBroken</c>.</param>
/// <param name="Bound">What is asked, such as <c>at most 5 images broken</c>.</param>
/// <param name="Measured">What was measured, such as <c>7 broken of 2745 that were right</c>.</param>
/// <param name="Holds">Whether it holds.</param>
/// <param name="Images">The images for which it does not; none where it holds or is of no single ones.</param>
public sealed record CriterionResult(
    string Name,
    string Bound,
    string Measured,
    bool Holds,
    IReadOnlyList<CheckedImage> Images
);
