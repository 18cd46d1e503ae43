using Retouch.Formats;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Reports;

namespace Retouch.UseCases;

/// <summary>Gathers what a ledger's report says.</summary>
public static class LedgerReporting
{
    /// <summary>Gathers it; where the model is at hand, it is built and asked again.</summary>
    /// <param name="ledger">The ledger.</param>
    /// <param name="state">The state to report.</param>
    /// <param name="file">The unedited model, or null to ask nothing. Not owned.</param>
    /// <param name="labels">The names of its classes, or null.</param>
    /// <param name="folders">Folders in which images are looked for by their contents.</param>
    /// <param name="back">How a patch is taken back, in the caller's terms.</param>
    /// <param name="build">How the state is built and verified, in the caller's terms.</param>
    /// <param name="time">The time.</param>
    /// <param name="cancellation">Stops between two images.</param>
    /// <exception cref="BadInputException">
    /// The model is another, or, where it is given, a patch is missing or another now.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static LedgerReport Of(
        Ledger ledger,
        LedgerState state,
        ModelFile? file,
        LabelSet? labels,
        IReadOnlyList<string> folders,
        Func<LedgerEntry, IReadOnlyList<string>> back,
        IReadOnlyList<string> build,
        DateTimeOffset time,
        CancellationToken cancellation
    )
    {
        (string? fingerprint, IReadOnlyList<LedgerPromise> promises) = file is null
            ? (null, [])
            : Asked(ledger, state, file, folders, cancellation);
        LedgerEntry[] until = [.. ledger.Entries.Take(state.Number + 1)];
        Dictionary<string, LedgerEntry> reverted = [];
        foreach (LedgerEntry entry in until)
        {
            foreach (string id in entry.Reverts)
                reverted.TryAdd(id, entry);
        }
        ILookup<string, LedgerPromise> byEntry = promises.ToLookup(p => p.Entry.Id);
        Dictionary<string, string> kept = PatchedImages.ByHash(LedgerUseCase.ImageFolders(ledger));
        ImageOrientation orientation = file?.Preprocessing.Orientation ?? default;
        return new LedgerReport
        {
            Ledger = ledger,
            State = state,
            Fingerprint = fingerprint,
            Labels = labels,
            Time = time,
            Build = build,
            Entries =
            [
                .. until
                    .Where(e => e.Kind == LedgerEntryKind.Add)
                    .Select(e =>
                    {
                        cancellation.ThrowIfCancellationRequested();
                        using LoadedPatch? patch = TryLoad(ledger, e.Patch!);
                        LedgerPromise[] own = [.. byEntry[e.Id]];
                        return new LedgerReportEntry(
                            e,
                            patch?.Patch.Provenance,
                            patch?.Patch.Change.Parameters ?? 0,
                            patch?.Patch.Change.Names ?? [],
                            reverted.GetValueOrDefault(e.Id),
                            own,
                            Pictures(e, own, kept, orientation),
                            back(e)
                        );
                    }),
            ],
        };
    }

    static (string, IReadOnlyList<LedgerPromise>) Asked(
        Ledger ledger,
        LedgerState state,
        ModelFile file,
        IReadOnlyList<string> folders,
        CancellationToken cancellation
    )
    {
        IReadOnlyList<LoadedPatch> patches = ledger.Load(state);
        try
        {
            using BuiltModel built = LedgerUseCase.Build(ledger, state, file, patches, force: true);
            LedgerVerification now = LedgerUseCase.Verify(ledger, state, file, patches, built, folders, cancellation);
            IReadOnlyList<PatchedImage> before = PatchedImages.Measure(
                file.Model,
                file.Preprocessing,
                patches,
                LedgerUseCase.Folders(ledger, folders),
                cancellation
            );
            return (now.Fingerprint, [.. now.Promises.Zip(before, (p, b) => p with { Before = b })]);
        }
        finally
        {
            foreach (LoadedPatch patch in patches)
                patch.Dispose();
        }
    }

    static Dictionary<string, ReadOnlyMemory<byte>> Pictures(
        LedgerEntry entry,
        LedgerPromise[] promises,
        Dictionary<string, string> kept,
        ImageOrientation orientation
    )
    {
        Dictionary<string, ReadOnlyMemory<byte>> pictures = [];
        foreach (LedgerImage image in entry.Images.Take(LedgerReportPictures.Most))
        {
            string? path =
                kept.GetValueOrDefault(image.Sha256)
                ?? promises.FirstOrDefault(p => p.Image.Image.Sha256 == image.Sha256)?.Image.Path;
            if (path is not null && LedgerReportPictures.Of(path, orientation) is { } picture)
                pictures[image.Sha256] = picture;
        }
        return pictures;
    }

    static LoadedPatch? TryLoad(Ledger ledger, LedgerPatch named)
    {
        string path = ledger.PathOf(named);
        if (!File.Exists(path) || new FileInfo(path).Length != named.Bytes)
            return null;
        return LoadedPatch.Identify(path).Sha256 == named.Sha256 ? LoadedPatch.Load(path) : null;
    }
}
