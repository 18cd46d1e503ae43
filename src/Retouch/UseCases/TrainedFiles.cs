using Retouch.Locating;

namespace Retouch.UseCases;

/// <summary>
/// What was trained or prepared for a model before its edits: the files that a user names, and those that come along.
/// Immutable.
/// </summary>
public sealed record TrainedFiles
{
    /// <summary>Preparations, one of each kind; those that come along stand in for the rest.</summary>
    public IReadOnlyList<string> Prepared { get; init; } = [];

    /// <summary>A trained hypernetwork; null for the one that comes along, if there is one.</summary>
    public string? Locator { get; init; }

    /// <summary>Those that come along.</summary>
    public ShippedFiles Shipped { get; init; } = ShippedFiles.BesideProgram;

    /// <summary>Where preparations that are made on the way are kept; null to keep none.</summary>
    public PreparationCache? Cache { get; init; }

    /// <summary>What what is missing is to be made for, as remedies say it.</summary>
    public MadeFor MadeFor { get; init; } = new();
}
