namespace Retouch.UseCases;

/// <summary>Images that a model probably gets wrong together, and that one edit may mend. Immutable.</summary>
/// <param name="Images">The images, the most typical first.</param>
/// <param name="Said">What the model says of them.</param>
/// <param name="Candidates">
/// What they may be instead, the likeliest first: by the share of the stronger model's answers; without one by the mean
/// of the model's own probabilities and the share of its answers to the images most like the slice of which it is
/// sure.
/// </param>
/// <param name="Likeness">How alike they are: the mean cosine with their centre, in [-1,1].</param>
/// <param name="Expected">How many of them the model probably gets wrong: the sum over the images.</param>
/// <param name="Traits">What differs from other images that the model says the same of, the most first.</param>
/// <param name="List">The file of its images; null before it is written.</param>
public sealed record FoundSlice(
    IReadOnlyList<SliceImage> Images,
    int Said,
    IReadOnlyList<ClassProbability> Candidates,
    double Likeness,
    double Expected,
    IReadOnlyList<SliceTrait> Traits,
    string? List
);
