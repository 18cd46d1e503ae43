namespace Retouch.Benchmarks;

/// <summary>One edit of a plan. Immutable.</summary>
/// <param name="Index">Its place in the plan.</param>
/// <param name="Setting">The place of its setting.</param>
/// <param name="Group">The place of its group.</param>
/// <param name="Samples">The places of the edit samples in the group, the first of which names the edit.</param>
public sealed record BenchEdit(int Index, int Setting, int Group, IReadOnlyList<int> Samples);
