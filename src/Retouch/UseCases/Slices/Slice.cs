namespace Retouch.UseCases;

/// <summary>Images of which a model is unsure in the same way, found without their classes. Immutable.</summary>
/// <param name="Images">The images by their numbers, the most typical first.</param>
/// <param name="Classes">What the model takes them for on average, the likeliest first.</param>
/// <param name="Likeness">How alike they are: the mean cosine with their centre, in [-1,1].</param>
public sealed record Slice(IReadOnlyList<int> Images, IReadOnlyList<ClassProbability> Classes, double Likeness);
