namespace Retouch.Benchmarks;

/// <summary>What <see cref="Mining"/> found.</summary>
/// <param name="Benchmark">The benchmark.</param>
/// <param name="Images">The labelled images that the model was asked about.</param>
/// <param name="Right">How many of them it gets right.</param>
/// <param name="SmallGroups">Groups left out because they have too few images.</param>
/// <param name="Skipped">Folders and images that were left out, each with the reason.</param>
public sealed record MiningResult(
    Benchmark Benchmark,
    int Images,
    int Right,
    int SmallGroups,
    IReadOnlyList<Problem> Skipped
)
{
    /// <summary>The images whose class is known, whether or not they can be decoded.</summary>
    public required int Labelled { get; init; }
}
