using Retouch.Benchmarks;
using Retouch.Editing;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>Which methods are to be measured on what, and where the run is kept. Immutable.</summary>
public sealed record BenchmarkRequest
{
    /// <summary>What they are measured on.</summary>
    public required BenchmarkSource Benchmark { get; init; }

    /// <summary>The folder for the run's rows, summary and report.</summary>
    public required string Output { get; init; }

    /// <summary>The methods' names.</summary>
    public IReadOnlyList<string> Methods { get; init; } = [MaskedFineTuning.Definition.Name];

    /// <summary>How many values of each setting are tried.</summary>
    public Sweep Sweep { get; init; }

    /// <summary>
    /// By a method's name, values of its settings, by their names, that take the place of the sweep's.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>> Settings { get; init; } =
        new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>>();

    /// <summary>The blocks whose FFNs may be edited; null for each method's own.</summary>
    public BlockWindow? Blocks { get; init; }

    /// <summary>
    /// In what products with unedited weights are computed; null for what this machine is best at. It takes the place
    /// of that of <see cref="Options"/>.
    /// </summary>
    public Precision? Precision { get; init; } = Vit.Precision.Checked;

    /// <summary>What was trained or prepared for the model.</summary>
    public TrainedFiles Files { get; init; } = new();

    /// <summary>How much is edited, and how.</summary>
    public BenchOptions Options { get; init; } = new();

    /// <summary>The part of the run to do.</summary>
    public Shard Shard { get; init; } = Shard.Whole;

    /// <summary>Whether to go on with the rows that are in the folder.</summary>
    public bool Resume { get; init; }

    /// <summary>How many edits the report shows with their images.</summary>
    public int Gallery { get; init; } = 4;

    /// <summary>
    /// The number of edits of each method's default whose side effects are measured, at least 1, where the benchmark
    /// names images for that.
    /// </summary>
    public int SideEffectEdits { get; init; } = 5;

    /// <summary>A file of the classes' names; null for what the model's own say.</summary>
    public string? LabelFile { get; init; }
}
