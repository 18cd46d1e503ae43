using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Retouch.Formats;
using Retouch.Vit;

namespace Retouch.Patches;

/// <summary>
/// Who changed what in a model, when and why: one file beside its patches, to which entries are added and in which
/// nothing is ever changed or erased. Taking a patch back is an entry, too. As read, immutable.
/// </summary>
public sealed class Ledger
{
    readonly IReadOnlyList<byte[]> _lines;

    Ledger(string path, IReadOnlyList<LedgerEntry> entries, IReadOnlyList<byte[]> lines, IReadOnlyList<string> heads) =>
        (Path, Entries, _lines, Heads) = (path, entries, lines, heads);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The folder that it lies in, and its patches.</summary>
    public string Folder => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;

    /// <summary>The folder for the images that its patches mend, beside it; it need not exist.</summary>
    public string ImageFolder =>
        System.IO.Path.Combine(Folder, System.IO.Path.GetFileNameWithoutExtension(Path) + ".images");

    /// <summary>The fingerprint of the model that all of its patches are for.</summary>
    public string Base => Entries[0].Base!;

    /// <summary>All entries, the beginning first.</summary>
    public IReadOnlyList<LedgerEntry> Entries { get; }

    /// <summary>
    /// The ids of the last entries; several after branches of a repository were merged, until the next.
    /// </summary>
    public IReadOnlyList<string> Heads { get; }

    /// <summary>
    /// SHA-256 over the last entries, in lower-case hexadecimal, and so over the whole history: whoever notes it
    /// elsewhere can tell whether a ledger was cut or written anew since.
    /// </summary>
    public string History =>
        Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Heads.Order(StringComparer.Ordinal))))
        );

    /// <summary>The present state.</summary>
    public LedgerState State => field ??= At(Entries.Count - 1);

    HashSet<string> Changes => field ??= [.. State.Added.Select(a => a.Patch!.Change)];

    /// <summary>Reads a ledger and checks every entry against its id, and those that it was made upon.</summary>
    /// <exception cref="BadInputException">
    /// The file cannot be read, or is not what was written; why is said.
    /// </exception>
    public static Ledger Open(string path)
    {
        (List<LedgerEntry> entries, List<byte[]> lines, List<string> heads) = LedgerText.Read(
            InputFile.ReadJson(path, LedgerText.MostBytes),
            path
        );
        return new Ledger(path, entries, lines, heads);
    }

    /// <summary>Begins a ledger.</summary>
    /// <param name="path">The file to write, which must not exist.</param>
    /// <param name="model">The unedited model.</param>
    /// <param name="author">Who begins it.</param>
    /// <param name="reason">What it is for.</param>
    /// <param name="time">The time.</param>
    /// <exception cref="BadInputException">The file exists or cannot be written, or a text is too long.</exception>
    public static Ledger Begin(string path, VitModel model, string author, string reason, DateTimeOffset time)
    {
        LedgerEntry first = Checked(
            new LedgerEntry
            {
                Kind = LedgerEntryKind.Init,
                Author = author,
                Time = time,
                Reason = reason,
                Base = model.Fingerprint,
            }
        );
        OutputName.Require(path, "a ledger", ".json");
        (string id, byte[] line) = LedgerText.Line(first);
        if (!AtomicFile.TryCreate(path, s => s.Write(LedgerText.Whole([line], [id]))))
            throw BadInput.Exists(path, $"{path} exists; a ledger is begun once.");
        return Open(path);
    }

    /// <summary>
    /// Adds entries, made upon what the file holds at that moment: nobody else writes it meanwhile; whoever wants to
    /// waits for moments, and is refused where they become seconds. The file is replaced as a whole, so that a kill
    /// leaves the old ledger or the new one.
    /// </summary>
    /// <param name="path">The ledger.</param>
    /// <param name="verb">What adds to it, for whoever waits.</param>
    /// <param name="entries">
    /// From the ledger as it is then to what is added, without ids and numbers; none to leave it as it is.
    /// </param>
    /// <returns>The ledger with the entries.</returns>
    /// <exception cref="BadInputException">
    /// The ledger cannot be read or written, is full, or a text is too long; it is unchanged then.
    /// </exception>
    public static Ledger Append(string path, string verb, Func<Ledger, IReadOnlyList<LedgerEntry>> entries)
    {
        // Where it is missing or damaged nothing is to be locked.
        Open(path);
        using WriterLock writer = WriterLock.WaitShortly(path, verb);
        Ledger ledger = Open(path);
        List<byte[]> lines = [.. ledger._lines];
        IReadOnlyList<string> heads = ledger.Heads;
        foreach (LedgerEntry entry in entries(ledger))
        {
            (string id, byte[] line) = LedgerText.Line(Checked(entry with { On = heads }));
            heads = [id];
            lines.Add(line);
        }
        if (lines.Count == ledger._lines.Count)
            return ledger;
        byte[] text = LedgerText.Whole(lines, heads);
        if (lines.Count > LedgerText.MostEntries || text.Length > LedgerText.MostBytes)
            throw BadInput.TooLarge(
                path,
                $"{path} is full: a ledger holds {LedgerText.MostEntries} entries and {LedgerText.MostBytes >> 20} "
                    + "MiB; "
                    + "begin another for the model that this one builds."
            );
        // What could not be read again is not written.
        LedgerText.Read(text, path);
        AtomicFile.Write(path, overwrite: true, s => s.Write(text));
        return Open(path);
    }

    /// <summary>The state after an entry.</summary>
    /// <param name="number">The entry's number; 0 is the model without patches.</param>
    /// <exception cref="BadInputException">There is no such entry.</exception>
    public LedgerState At(int number)
    {
        if (number < 0 || number >= Entries.Count)
            throw BadInput.OutOfRange(
                Path,
                $"{Path} has no entry {number}; it has those from 0 to {Entries.Count - 1}."
            );
        IEnumerable<LedgerEntry> until = Entries.Take(number + 1);
        HashSet<string> reverted = [.. until.SelectMany(e => e.Reverts)];
        return new LedgerState(
            Base,
            number,
            [
                .. until
                    .Where(e => e.Kind == LedgerEntryKind.Add && !reverted.Contains(e.Id))
                    .DistinctBy(e => e.Patch!.Change),
            ]
        );
    }

    /// <summary>
    /// The latest state whose patches a model has in it; null where the ledger has none, because the model is not of
    /// this ledger or the ledger was cut since.
    /// </summary>
    /// <param name="applied">What the model's file says.</param>
    public LedgerState? Find(AppliedPatches applied)
    {
        HashSet<string> wanted = [.. applied.Patches.Select(p => p.Change)];
        Dictionary<string, string> live = new(StringComparer.Ordinal); // from an entry to what its patch changes
        Dictionary<string, int> counts = new(StringComparer.Ordinal);
        int strangers = 0;
        int found = -1;
        foreach (LedgerEntry entry in Entries)
        {
            if (entry.Patch is { } patch)
            {
                live[entry.Id] = patch.Change;
                Count(patch.Change, 1);
            }
            foreach (string id in entry.Reverts)
            {
                if (live.Remove(id, out string? change))
                    Count(change, -1);
            }
            if (strangers == 0 && counts.Count == wanted.Count)
                found = entry.Number;
        }
        return found >= 0 && applied.Base == Base ? At(found) : null;

        void Count(string change, int by)
        {
            int now = counts.GetValueOrDefault(change) + by;
            if (!wanted.Contains(change))
                strangers += by;
            else if (now > 0)
                counts[change] = now;
            else
                counts.Remove(change);
        }
    }

    /// <summary>The entries that a user means.</summary>
    /// <param name="name">A number, the beginning of an id (at least 4 digits), or the file of a patch.</param>
    /// <returns>One entry, or all that added that file.</returns>
    /// <exception cref="BadInputException">There is none, or several ids begin so.</exception>
    public IReadOnlyList<LedgerEntry> Named(string name)
    {
        string file = name.Replace('\\', '/');
        LedgerEntry[] files =
        [
            .. Entries.Where(e =>
                e.Patch?.File is string f && (f == file || FileIdentity.Same(System.IO.Path.Combine(Folder, f), name))
            ),
        ];
        if (files.Length > 0)
            return files;
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            return number < Entries.Count ? [Entries[number]] : throw None();
        const int shortest = 4;
        LedgerEntry[] ids =
            name.Length >= shortest ? [.. Entries.Where(e => e.Id.StartsWith(name, StringComparison.Ordinal))] : [];
        return ids.Length switch
        {
            1 => ids,
            0 => throw None(),
            _ => throw BadInput.Ambiguous(name, $"{ids.Length} entries of {Path} begin with {UserText.Quote(name)}."),
        };

        BadInputException None() =>
            BadInput.Missing(
                name,
                $"{Path} has no entry {UserText.Quote(name)}: give its number (0 to {Entries.Count - 1}), the "
                    + "beginning "
                    + "of its id, or the file of its patch."
            );
    }

    /// <summary>Whether a patch, or another that does the same, is in the present state.</summary>
    public bool Holds(LedgerPatch patch) => Changes.Contains(patch.Change);

    /// <summary>The path of an entry's patch.</summary>
    public string PathOf(LedgerPatch patch) => System.IO.Path.Combine(Folder, patch.File);

    /// <summary>Where an entry's patch lay before it was copied into the folder, or null where it was not.</summary>
    internal string? OriginOf(LedgerPatch patch) =>
        patch.From is null ? null : System.IO.Path.GetFullPath(patch.From, Folder);

    /// <summary>
    /// Loads the patches of a state, and checks that each is what was added. The caller disposes them.
    /// </summary>
    /// <exception cref="BadInputException">One is missing, another file now, or of another model.</exception>
    public IReadOnlyList<LoadedPatch> Load(LedgerState state)
    {
        List<LoadedPatch> patches = [];
        try
        {
            foreach (LedgerEntry entry in state.Added)
            {
                string path = PathOf(entry.Patch!);
                if (!File.Exists(path))
                    throw BadInput.Missing(
                        path,
                        $"Entry {entry.Number} of {Path} added {entry.Patch!.File} (SHA-256 {entry.Patch.Sha256}), "
                            + "which is "
                            + "not there."
                    );
                if (LoadedPatch.Identify(path).Sha256 is var hash && hash != entry.Patch!.Sha256)
                    throw Other($"its SHA-256 is {hash}, not {entry.Patch.Sha256}");
                LoadedPatch patch = LoadedPatch.Load(path, OriginOf(entry.Patch));
                patches.Add(patch);
                if (patch.Change != entry.Patch.Change)
                    throw Other($"it changes {patch.Change}, not {entry.Patch.Change}");
                if (patch.Patch.Provenance.ModelFingerprint != Base)
                    throw Other($"it is for the model {patch.Patch.Provenance.ModelFingerprint}, not {Base}");

                BadInputException Other(string why) =>
                    BadInput.Mismatch(
                        path,
                        $"{path} is not the patch that entry {entry.Number} of {Path} added: {why}."
                    );
            }
            return patches;
        }
        catch
        {
            patches.ForEach(p => p.Dispose());
            throw;
        }
    }

    /// <summary>Checks that a model is the ledger's.</summary>
    /// <exception cref="BadInputException">It is another.</exception>
    public void RequireModel(VitModel model, string path)
    {
        if (model.Fingerprint != Base)
            throw BadInput.Mismatch(
                path,
                $"{Path} is of the model {Base}, but {path} is {model.Fingerprint}; give the unedited model."
            );
    }

    static LedgerEntry Checked(LedgerEntry entry)
    {
        foreach (
            (string what, string text) in (ReadOnlySpan<(string, string)>)
                [("author", entry.Author), ("reason", entry.Reason)]
        )
        {
            if (string.IsNullOrWhiteSpace(text))
                throw BadInput.Missing(what, $"An entry of a ledger needs its {what}.");
            if (text.Length > LedgerEntry.LongestText || text.Any(c => char.IsControl(c) && c is not ('\n' or '\t')))
                throw BadInput.OutOfRange(
                    what,
                    $"The {what} of an entry is a text of at most {LedgerEntry.LongestText} characters without control "
                        + "characters."
                );
        }
        return entry with { Time = entry.Time.ToUniversalTime() };
    }
}
