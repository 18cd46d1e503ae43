using Retouch.Benchmarks;

namespace Retouch.UseCases;

/// <summary>What was put together. Immutable.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Output">Where it is.</param>
/// <param name="Parts">Of how many parts.</param>
/// <param name="Items">How many rows, targets, mistakes or answers it has.</param>
public sealed record MergeReport(MergedKind Kind, string Output, int Parts, long Items)
{
    /// <summary>How many of the parts have no SHA-256 that says that they are as they were written.</summary>
    public int Unsummed { get; init; }

    /// <summary>Of a run the means over groups, a setting each; else none.</summary>
    public IReadOnlyList<SettingSummary> Summary { get; init; } = [];

    /// <summary>Of a run its side effects; null where none were measured.</summary>
    public SideEffects? SideEffects { get; init; }

    /// <summary>Of a run its report; else null.</summary>
    public string? Page { get; init; }

    /// <summary>Of a benchmark what was found; else null.</summary>
    public MiningResult? Mining { get; init; }
}
