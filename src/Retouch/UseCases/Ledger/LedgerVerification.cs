using Retouch.Measurement;
using Retouch.Patches;

namespace Retouch.UseCases;

/// <summary>What became of a ledger's promises in the model of one of its states.</summary>
/// <param name="State">The state.</param>
/// <param name="Fingerprint">The fingerprint of its model, as it is stored.</param>
/// <param name="Promises">The images, in the order of the entries.</param>
public sealed record LedgerVerification(LedgerState State, string Fingerprint, IReadOnlyList<LedgerPromise> Promises)
{
    /// <summary>The images that are no longer right.</summary>
    public IReadOnlyList<LedgerPromise> Broken => [.. Promises.Where(p => p.Image.IsWrong)];

    /// <summary>The images that could not be asked.</summary>
    public IReadOnlyList<LedgerPromise> Missing => [.. Promises.Where(p => p.Image.Predicted is null)];
}
