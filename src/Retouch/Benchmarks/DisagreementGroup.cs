namespace Retouch.Benchmarks;

/// <summary>Images of one source that a stronger model gives one class and the model another. Immutable.</summary>
/// <param name="Source">Where the images come from: their folder's name.</param>
/// <param name="Class">The name of the stronger model's class.</param>
/// <param name="Label">Its index: what the images show, if a person confirms it.</param>
/// <param name="Wrong">The index of the model's class.</param>
/// <param name="Images">The images, those first of which the stronger model is surest.</param>
public sealed record DisagreementGroup(
    string Source,
    string Class,
    int Label,
    int Wrong,
    IReadOnlyList<DisagreementImage> Images
);
