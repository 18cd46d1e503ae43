namespace Retouch.Patches;

/// <summary>The patch that an entry of a ledger added. Immutable.</summary>
/// <param name="File">Its file, relative to the ledger's folder, with / between the parts; never outside it.</param>
/// <param name="Sha256">SHA-256 of that file, in lower-case hexadecimal.</param>
/// <param name="Bytes">The file's length.</param>
/// <param name="Change">SHA-256 over what the patch changes (<see cref="LoadedPatch.Change"/>).</param>
/// <param name="Method">The method that made it.</param>
public sealed record LedgerPatch(string File, string Sha256, long Bytes, string Change, string Method);
