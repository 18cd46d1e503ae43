using Retouch.Patches;

namespace Retouch.Measurement;

/// <summary>An image that a ledger promises, and what the model of one of its states says of it.</summary>
/// <param name="Entry">The entry whose patch mends it.</param>
/// <param name="Image">What was found and predicted.</param>
/// <param name="Before">What the unedited model says, or null where it was not asked.</param>
public sealed record LedgerPromise(LedgerEntry Entry, PatchedImage Image, PatchedImage? Before = null);
