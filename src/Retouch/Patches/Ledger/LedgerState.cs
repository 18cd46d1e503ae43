namespace Retouch.Patches;

/// <summary>Which patches a ledger holds after one of its entries. Immutable.</summary>
/// <param name="Base">The fingerprint of the model that they are for.</param>
/// <param name="Number">The number of the last entry that counts.</param>
/// <param name="Added">
/// The entries whose patches are in, in the order of the ledger; a patch that two branches added counts once.
/// </param>
public sealed record LedgerState(string Base, int Number, IReadOnlyList<LedgerEntry> Added)
{
    /// <summary>
    /// SHA-256 over the base and the patches, in lower-case hexadecimal: the same for the same patches, whatever was
    /// added and taken back on the way. A model that is built of this state carries it.
    /// </summary>
    public string Digest => AppliedPatches.DigestOf(Base, Added.Select(a => a.Patch!.Change));
}
