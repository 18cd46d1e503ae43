namespace Retouch.Patches;

/// <summary>An image that a patch of a ledger mends: a promise that later entries must not break. Immutable.</summary>
/// <param name="Sha256">SHA-256 of the file's bytes in lower-case hexadecimal.</param>
/// <param name="Name">The file's name when the patch was made, without folders.</param>
/// <param name="Label">The class that it is to have.</param>
/// <param name="LabelName">That class's name, or null where it was unknown.</param>
/// <param name="Kept">Whether the file itself was put into the ledger's folder of images.</param>
public sealed record LedgerImage(string Sha256, string Name, int Label, string? LabelName, bool Kept);
