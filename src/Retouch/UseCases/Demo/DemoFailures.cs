using Retouch.Benchmarks;

namespace Retouch.UseCases;

/// <summary>What the demo's model gets wrong, and which of it is corrected next. Immutable.</summary>
/// <param name="Mined">All groups of mistakes.</param>
/// <param name="OrdinaryAccuracy">The share of ordinary images that the model gets right, in [0,1].</param>
/// <param name="Largest">The groups, the largest first.</param>
/// <param name="Group">The one to correct.</param>
/// <param name="Image">The path of its first image.</param>
public sealed record DemoFailures(
    MiningResult Mined,
    double OrdinaryAccuracy,
    IReadOnlyList<FailureGroup> Largest,
    FailureGroup Group,
    string Image
);
