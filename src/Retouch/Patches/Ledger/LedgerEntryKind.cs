namespace Retouch.Patches;

/// <summary>What an entry of a ledger records.</summary>
public enum LedgerEntryKind
{
    /// <summary>The ledger began, for one model; its first entry and no other.</summary>
    Init,

    /// <summary>A patch was added.</summary>
    Add,

    /// <summary>Patches that were added before were taken back.</summary>
    Revert,
}
