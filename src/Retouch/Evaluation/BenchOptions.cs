namespace Retouch.Evaluation;

/// <summary>How much a run edits, and how. Immutable.</summary>
public sealed record BenchOptions
{
    /// <summary>Edits a group at most, spread evenly over its images; null for one an image.</summary>
    public int? MaxEditsPerGroup { get; init; }

    /// <summary>Edits that run as one batch, at least 1. A part of the run's identity: sums of another order round otherwise.</summary>
    public int Batch { get; init; } = 12;

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>Checks every option's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        if (MaxEditsPerGroup < 1)
            throw new BadInputException($"The number of edits a group is {MaxEditsPerGroup}; it must be at least 1.");
        if (Batch is < 1 or > 1024)
            throw new BadInputException($"The number of edits a batch is {Batch}; it must be from 1 to 1024.");
    }
}
