using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>The class that an edit costs most, found for each edit by itself. Immutable.</summary>
/// <param name="Change">How much more of its images are right, in [-1,1], the mean over edits.</param>
/// <param name="Edits">
/// By the class's folder, of how many edits it is the worst; edits that no class loses by are not among them.
/// </param>
public sealed record WorstClass(Estimate Change, IReadOnlyDictionary<string, int> Edits);
