using Retouch.Benchmarks;

namespace Retouch.UseCases;

/// <summary>What a part of a check asked about.</summary>
/// <param name="Rows">The file of its answers.</param>
/// <param name="Shard">Which part it is.</param>
/// <param name="Images">How many images it asked about, those that cannot be decoded among them.</param>
/// <param name="Undecoded">How many of them cannot be decoded.</param>
public sealed record CheckedPart(string Rows, Shard Shard, int Images, int Undecoded);
