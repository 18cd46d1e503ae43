namespace Retouch.Patches;

/// <summary>
/// One entry of a ledger: who did what, when and why. It names the entries that it was made upon, and its id is the
/// SHA-256 of all that it says, so that nothing before it can be changed or left out unnoticed. Immutable.
/// </summary>
public sealed record LedgerEntry
{
    /// <summary>The most characters of a reason or an author.</summary>
    public const int LongestText = 10_000;

    /// <summary>Its place in the ledger, from 0, the beginning.</summary>
    public int Number { get; init; }

    /// <summary>SHA-256 of what it says, in lower-case hexadecimal; empty before it is in a ledger.</summary>
    public string Id { get; init; } = "";

    /// <summary>
    /// The ids of the last entries of the ledger that it was made upon: after a merge there are several.
    /// </summary>
    public IReadOnlyList<string> On { get; init; } = [];

    /// <summary>What it records.</summary>
    public required LedgerEntryKind Kind { get; init; }

    /// <summary>Who made it, such as <c>Ann Example &lt;ann@example.org&gt;</c>.</summary>
    public required string Author { get; init; }

    /// <summary>When, in UTC, to the second.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>The fingerprint of the ledger's model, of <see cref="LedgerEntryKind.Init"/>; else null.</summary>
    public string? Base { get; init; }

    /// <summary>What was added, of <see cref="LedgerEntryKind.Add"/>; else null.</summary>
    public LedgerPatch? Patch { get; init; }

    /// <summary>The images that the patch mends.</summary>
    public IReadOnlyList<LedgerImage> Images { get; init; } = [];

    /// <summary>The ids of the entries that were taken back, of <see cref="LedgerEntryKind.Revert"/>.</summary>
    public IReadOnlyList<string> Reverts { get; init; } = [];

    /// <summary>The criteria that the patch was checked against, as JSON; null where none were given.</summary>
    public string? Criteria { get; init; }

    /// <summary>What the check said at that time, as JSON; null where none was given.</summary>
    public string? Check { get; init; }
}
