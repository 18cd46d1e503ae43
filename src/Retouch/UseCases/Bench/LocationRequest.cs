using Retouch.Benchmarks;

namespace Retouch.UseCases;

/// <summary>A search for the blocks of a model that are best edited, and where it is kept. Immutable.</summary>
public sealed record LocationRequest
{
    /// <summary>What edits are measured on.</summary>
    public required BenchmarkSource Benchmark { get; init; }

    /// <summary>The folder for rows, table and figure.</summary>
    public required string Output { get; init; }

    /// <summary>How to edit; of models of fewer blocks than a window has, the window is the model.</summary>
    public LocationSearchSettings Settings { get; init; } = new();

    /// <summary>How much is edited.</summary>
    public BenchOptions Options { get; init; } = new();

    /// <summary>A file of the classes' names, for near images; null for what the model's own say.</summary>
    public string? LabelFile { get; init; }

    /// <summary>Whether to go on with the rows that are in the folder.</summary>
    public bool Resume { get; init; }
}
