using Retouch.Measurement;
using Retouch.Patches;

namespace Retouch.Reports;

/// <summary>What a report says of a patch of a ledger.</summary>
/// <param name="Entry">The entry that added it.</param>
/// <param name="Patch">The patch's provenance, or null where its file is not there or another now.</param>
/// <param name="Parameters">How many numbers the patch consists of; 0 where that is unknown.</param>
/// <param name="Tensors">The canonical names of the tensors that it changes.</param>
/// <param name="TakenBack">The entry that took it back, or null while it is in.</param>
/// <param name="Promises">Its images as they were asked for the report; none where no model was given.</param>
/// <param name="Pictures">Small pictures of its images, by their SHA-256.</param>
/// <param name="Back">How it is taken back, as commands, a line each.</param>
public sealed record LedgerReportEntry(
    LedgerEntry Entry,
    PatchProvenance? Patch,
    long Parameters,
    IReadOnlyList<string> Tensors,
    LedgerEntry? TakenBack,
    IReadOnlyList<LedgerPromise> Promises,
    IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Pictures,
    IReadOnlyList<string> Back
);
