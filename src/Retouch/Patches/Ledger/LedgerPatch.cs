using System.Text.Json.Serialization;

namespace Retouch.Patches;

/// <summary>The patch that an entry of a ledger added. Immutable.</summary>
/// <param name="File">Its file, relative to the ledger's folder, with / between the parts; never outside it.</param>
/// <param name="Sha256">SHA-256 of that file, in lower-case hexadecimal.</param>
/// <param name="Bytes">The file's length.</param>
/// <param name="Change">SHA-256 over what the patch changes (<see cref="LoadedPatch.Change"/>).</param>
/// <param name="Method">The method that made it.</param>
/// <param name="From">
/// Where the file lay that was copied into the ledger's folder, relative to that where it can be, with / between the
/// parts; null for a file that lay there already. Its images' paths go on from there: no more than a hint where to look
/// for them, each of which its SHA-256 must confirm.
/// </param>
public sealed record LedgerPatch(
    string File,
    string Sha256,
    long Bytes,
    string Change,
    string Method,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? From = null
);
