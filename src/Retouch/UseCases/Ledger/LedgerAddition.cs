namespace Retouch.UseCases;

/// <summary>Patches that are to be added to a ledger.</summary>
public sealed record LedgerAddition
{
    /// <summary>The ledger.</summary>
    public required string Ledger { get; init; }

    /// <summary>The patches' files. Those that do not lie in the ledger's folder are copied there.</summary>
    public required IReadOnlyList<string> Patches { get; init; }

    /// <summary>Who adds them.</summary>
    public required string Author { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>The time.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>Whether the images that the patches mend are copied beside the ledger.</summary>
    public bool KeepImages { get; init; }

    /// <summary>Folders in which these images are looked for, beside where they were.</summary>
    public IReadOnlyList<string> ImageFolders { get; init; } = [];

    /// <summary>A JSON file with the criteria that the patches were checked against, or null.</summary>
    public string? Criteria { get; init; }

    /// <summary>A JSON file with what the check said, or null.</summary>
    public string? Check { get; init; }

    /// <summary>Whether patches are taken that cancel one that is in the ledger.</summary>
    public bool Force { get; init; }
}
