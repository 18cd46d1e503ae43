using System.Text.Json;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Patches;

namespace Retouch.UseCases;

/// <summary>What is done with a ledger: patches are added and taken back, its states are built and verified.</summary>
public static class LedgerUseCase
{
    const int MostJson = 1 << 20;
    const int LongestName = 1000;
    const string AddVerb = "ledger add";
    const string RevertVerb = "ledger revert";

    // The extensions under which pictures are found again; what a file is its bytes say.
    static readonly string[] s_pictures = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"];

    /// <summary>Adds patches to a ledger, all or none.</summary>
    /// <returns>The ledger with them.</returns>
    /// <exception cref="BadInputException">
    /// The ledger cannot be read or written, a patch is of another model, is in it already or cancels one that is, an
    /// image to be kept is not found, or a JSON file is none.
    /// </exception>
    public static Ledger Add(LedgerAddition addition)
    {
        (string? criteria, string? check) = (Json(addition.Criteria), Json(addition.Check));
        IReadOnlyList<ImageFolder> folders = [.. addition.ImageFolders.Select(ImageFolder.Open)];
        List<LoadedPatch> added = [];
        try
        {
            foreach (string path in addition.Patches)
                added.Add(LoadedPatch.Load(path));
            return Ledger.Append(addition.Ledger, AddVerb, ledger => Entries(ledger));
        }
        finally
        {
            added.ForEach(p => p.Dispose());
        }

        IReadOnlyList<LedgerEntry> Entries(Ledger ledger)
        {
            LedgerState state = ledger.State;
            RequireNew(ledger, state, added);
            RequireAgreement(ledger, state, added, addition.Force);
            Lazy<Dictionary<string, string>> byHash = new(() => PatchedImages.ByHash(folders));
            List<(string Sha256, string Name, byte[] Bytes)> kept = [];
            foreach (LoadedPatch patch in addition.KeepImages ? added : [])
            {
                foreach (PatchImage image in patch.Patch.Provenance.Images)
                {
                    byte[] bytes =
                        PatchedImages.Find(patch, image, byHash).Bytes
                        ?? throw BadInput.Missing(
                            patch.Path,
                            $"{image.Name}, which {patch.Path} mends, is not found, so it cannot be kept.",
                            Remedy.Option(Parameter.PromisedImages)
                        );
                    kept.Add((image.Sha256, image.Name, bytes));
                }
            }
            // Everything that the entries name is there before they are.
            IReadOnlyList<LedgerPatch> patches = [.. added.Select(p => Put(ledger, p))];
            foreach ((string sha256, string name, byte[] bytes) in kept)
                Keep(ledger, sha256, name, bytes);
            return
            [
                .. added.Select(
                    (p, i) =>
                        new LedgerEntry
                        {
                            Kind = LedgerEntryKind.Add,
                            Author = addition.Author,
                            Time = addition.Time,
                            Reason = addition.Reason,
                            Patch = patches[i],
                            Images =
                            [
                                .. p.Patch.Provenance.Images.Select(image => new LedgerImage(
                                    image.Sha256,
                                    image.Name.Length > LongestName ? image.Name[..LongestName] : image.Name,
                                    image.Label ?? p.Patch.Provenance.Label,
                                    image.Label is null ? p.Patch.Provenance.LabelName : image.LabelName,
                                    addition.KeepImages
                                )),
                            ],
                            Criteria = criteria,
                            Check = check,
                        }
                ),
            ];
        }
    }

    /// <summary>Takes patches of a ledger back, by an entry that says so.</summary>
    /// <param name="path">The ledger.</param>
    /// <param name="names">The entries or patches, as <see cref="Ledger.Named"/> finds them.</param>
    /// <param name="author">Who takes them back.</param>
    /// <param name="reason">Why.</param>
    /// <param name="time">The time.</param>
    /// <returns>The ledger with the entry.</returns>
    /// <exception cref="BadInputException">
    /// The ledger cannot be read or written, or there is no such entry, or none that is still in.
    /// </exception>
    public static Ledger Revert(
        string path,
        IReadOnlyList<string> names,
        string author,
        string reason,
        DateTimeOffset time
    ) =>
        Ledger.Append(
            path,
            RevertVerb,
            ledger =>
            {
                HashSet<string> reverted = [.. ledger.Entries.SelectMany(e => e.Reverts)];
                LedgerEntry[] targets =
                [
                    .. names
                        .SelectMany(name =>
                        {
                            IReadOnlyList<LedgerEntry> named = ledger.Named(name);
                            LedgerEntry[] present =
                            [
                                .. named.Where(e => e.Kind == LedgerEntryKind.Add && !reverted.Contains(e.Id)),
                            ];
                            return present.Length > 0 ? present : throw NotIn(ledger, name, named[^1]);
                        })
                        // A patch that two branches added is taken back as a whole.
                        .SelectMany(e => ledger.Entries.Where(o => o.Patch?.Change == e.Patch!.Change))
                        .Where(e => !reverted.Contains(e.Id))
                        .DistinctBy(e => e.Id)
                        .OrderBy(e => e.Number),
                ];
                return
                [
                    new LedgerEntry
                    {
                        Kind = LedgerEntryKind.Revert,
                        Author = author,
                        Time = time,
                        Reason = reason,
                        Reverts = [.. targets.Select(t => t.Id)],
                    },
                ];
            }
        );

    /// <summary>Builds the model of a state; the caller disposes it.</summary>
    /// <param name="ledger">The ledger.</param>
    /// <param name="state">One of its states.</param>
    /// <param name="file">The unedited model. Not owned.</param>
    /// <param name="patches">What <see cref="Ledger.Load"/> gave for the state.</param>
    /// <param name="force">Whether patches that cancel each other are taken.</param>
    /// <exception cref="BadInputException">The model is another, or patches cancel each other.</exception>
    public static BuiltModel Build(
        Ledger ledger,
        LedgerState state,
        ModelFile file,
        IReadOnlyList<LoadedPatch> patches,
        bool force
    )
    {
        ledger.RequireModel(file.Model, file.Path);
        // Each of two branches may have added one of them.
        if (!force && PatchLedger.Contradictions([.. patches.Select(p => p.Patch)]) is [var first, ..])
            throw Contradiction(
                ledger,
                $"the patch of entry {state.Added[first.First].Number} ({state.Added[first.First].Patch!.File})",
                $"that of entry {state.Added[first.Second].Number} ({state.Added[first.Second].Patch!.File})",
                first
            );
        return BuiltModel.Of(file, patches);
    }

    /// <summary>Asks the model of a state again about every image that the state promises.</summary>
    /// <param name="ledger">The ledger.</param>
    /// <param name="state">The state.</param>
    /// <param name="file">The unedited model. Not owned.</param>
    /// <param name="patches">The state's patches.</param>
    /// <param name="built">The state's model.</param>
    /// <param name="folders">
    /// Folders in which images are looked for by their contents, beside the ledger's own and where they were.
    /// </param>
    /// <param name="cancellation">Stops between two images.</param>
    /// <exception cref="BadInputException">A folder cannot be listed.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static LedgerVerification Verify(
        Ledger ledger,
        LedgerState state,
        ModelFile file,
        IReadOnlyList<LoadedPatch> patches,
        BuiltModel built,
        IReadOnlyList<string> folders,
        CancellationToken cancellation
    )
    {
        IReadOnlyList<PatchedImage> images = PatchedImages.Measure(
            built.Model,
            file.Preprocessing,
            patches,
            Folders(ledger, folders),
            cancellation
        );
        return new LedgerVerification(
            state,
            built.Model.Fingerprint,
            [.. images.Select(i => new LedgerPromise(state.Added[i.Patch], i))]
        );
    }

    /// <summary>Where a ledger's images are looked for: its own, and some folders.</summary>
    internal static IReadOnlyList<ImageFolder> Folders(Ledger ledger, IReadOnlyList<string> folders) =>
        [.. ImageFolders(ledger), .. folders.Select(ImageFolder.Open)];

    /// <summary>The ledger's own images, where there are any.</summary>
    internal static IReadOnlyList<ImageFolder> ImageFolders(Ledger ledger) =>
        Directory.Exists(ledger.ImageFolder) && Directory.EnumerateFiles(ledger.ImageFolder).Any()
            ? [ImageFolder.Open(ledger.ImageFolder)]
            : [];

    static void RequireNew(Ledger ledger, LedgerState state, IReadOnlyList<LoadedPatch> added)
    {
        Dictionary<string, string> present = [];
        foreach (LedgerEntry entry in state.Added)
            present[entry.Patch!.Change] = $"entry {entry.Number} ({entry.Patch.File})";
        foreach (LoadedPatch patch in added)
        {
            if (patch.Patch.Provenance.ModelFingerprint != ledger.Base)
                throw BadInput.Mismatch(
                    patch.Path,
                    $"{patch.Path} is for the model {patch.Patch.Provenance.ModelFingerprint}, but {ledger.Path} is of "
                        + $"{ledger.Base}; all patches of a ledger are made for its unedited model."
                );
            if (!present.TryAdd(patch.Change, patch.Path))
                throw BadInput.Exists(
                    patch.Path,
                    $"{patch.Path} is in the ledger already, as {present[patch.Change]}: the same patch twice would "
                        + "count "
                        + "twice."
                );
        }
    }

    static void RequireAgreement(Ledger ledger, LedgerState state, IReadOnlyList<LoadedPatch> added, bool force)
    {
        if (force)
            return;
        IReadOnlyList<LoadedPatch> present = ledger.Load(state);
        try
        {
            LoadedPatch[] all = [.. present, .. added];
            PatchContradiction? first = PatchLedger
                .Contradictions([.. all.Select(p => p.Patch)])
                .FirstOrDefault(c => c.Second >= present.Count);
            if (first is not null)
                throw Contradiction(ledger, all[first.Second].Path, all[first.First].Path, first);
        }
        finally
        {
            foreach (LoadedPatch patch in present)
                patch.Dispose();
        }
    }

    // The patch in the ledger's folder, into which it is copied where it lies elsewhere.
    static LedgerPatch Put(Ledger ledger, LoadedPatch patch)
    {
        string path = Path.GetRelativePath(ledger.Folder, Path.GetFullPath(patch.Path))
            .Replace(Path.DirectorySeparatorChar, '/');
        if (LedgerText.IsWithin(path))
            return Named(path, OriginOf(ledger, path, patch));
        string name = Path.GetFileName(patch.Path);
        if (!LedgerText.IsWithin(name))
            throw BadInput.Unsupported(
                patch.Path,
                $"{patch.Path} cannot be named in a ledger; give it a plainer name."
            );
        Copy(patch, Path.Combine(ledger.Folder, name));
        return Named(name, path);

        LedgerPatch Named(string file, string? from) =>
            new(file, patch.Sha256, patch.Bytes, patch.Change, patch.Patch.Provenance.Method, from);
    }

    // A copy that is added again has still lost its images' way.
    static string? OriginOf(Ledger ledger, string file, LoadedPatch patch) =>
        ledger.Entries.LastOrDefault(e => e.Patch?.File == file && e.Patch.Sha256 == patch.Sha256)?.Patch!.From;

    static void Copy(LoadedPatch patch, string copy)
    {
        if (!File.Exists(copy))
        {
            using FileStream from = InputFile.Open(patch.Path);
            AtomicFile.TryCreate(copy, from.CopyTo);
            if (LoadedPatch.Identify(copy).Sha256 != patch.Sha256)
                throw BadInput.Mismatch(patch.Path, $"{patch.Path} was written to while it was copied to {copy}.");
        }
        else if (LoadedPatch.Identify(copy).Sha256 != patch.Sha256)
            throw BadInput.Exists(
                copy,
                $"{patch.Path} lies outside the ledger's folder, where another file has its name already; rename it."
            );
    }

    static void Keep(Ledger ledger, string sha256, string name, byte[] bytes)
    {
        string extension = Path.GetExtension(name).ToLowerInvariant();
        Directory.CreateDirectory(ledger.ImageFolder);
        AtomicFile.TryCreate(
            Path.Combine(ledger.ImageFolder, sha256 + (s_pictures.Contains(extension) ? extension : s_pictures[0])),
            s => s.Write(bytes)
        );
    }

    static string? Json(string? path)
    {
        if (path is null)
            return null;
        ReadOnlyMemory<byte> text = InputFile.ReadJson(path, MostJson);
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return document.RootElement.GetRawText();
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(path, $"{path} is no JSON: {JsonPlace.Describe(e, text.Span)}.", cause: e);
        }
    }

    static BadInputException NotIn(Ledger ledger, string name, LedgerEntry entry)
    {
        if (entry.Kind != LedgerEntryKind.Add)
            return BadInput.Mismatch(
                name,
                $"Entry {entry.Number} of {ledger.Path} added no patch, so none is taken back."
            );
        LedgerEntry by = ledger.Entries.Last(e => e.Reverts.Contains(entry.Id));
        return BadInput.Exists(
            name,
            $"{entry.Patch!.File} was taken back by entry {by.Number} of {ledger.Path} already "
                + $"({UserText.Quote(by.Reason)})."
        );
    }

    static BadInputException Contradiction(Ledger ledger, string one, string other, PatchContradiction c) =>
        BadInput.Mismatch(
            ledger.Path,
            $"In {ledger.Path} {c.Why(one, other)}.",
            Remedy.Option(Parameter.Contradictions)
        );
}
