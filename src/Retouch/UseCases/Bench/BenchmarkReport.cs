using Retouch.Benchmarks;

namespace Retouch.UseCases;

/// <summary>What came of a run. Immutable.</summary>
/// <param name="Summary">Means over groups, a setting each; of a shard its own rows'.</param>
/// <param name="Rows">The file of rows.</param>
/// <param name="Page">The report; null where a shard was run.</param>
public sealed record BenchmarkReport(IReadOnlyList<SettingSummary> Summary, string Rows, string? Page)
{
    /// <summary>What the methods' defaults do elsewhere, a method each; none where that was not measured.</summary>
    public IReadOnlyList<SideEffectSummary> SideEffects { get; init; } = [];
}
