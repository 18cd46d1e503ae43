namespace Retouch.UseCases;

/// <summary>Which parts to put together. Immutable.</summary>
public sealed record MergeRequest
{
    /// <summary>The parts' files, or folders that hold them; none for those that lie beside the output.</summary>
    public IReadOnlyList<string> Parts { get; init; } = [];

    /// <summary>What to write: a file, or the folder of a run or a bank, which may be one of the parts'.</summary>
    public required string Output { get; init; }

    /// <summary>Whether a whole that is there already may be replaced.</summary>
    public bool Overwrite { get; init; }
}
