using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;

namespace Retouch.UseCases;

/// <summary>
/// Preparations that were made on the way, kept in a folder so that the same is not made twice. An entry is the file
/// that <see cref="Preparation.Save"/> writes; its name says what it was made of (the model, the images' bytes, the
/// preparation and this very build of it) and, by a hash over that and its content, that it is whole: whatever else
/// lies there is taken away and made again. Several processes may use one folder at once. Immutable.
/// </summary>
/// <param name="folder">The folder, made on first use.</param>
/// <param name="most">Bytes that the entries may take together; beyond it those that were used longest ago go.</param>
public sealed class PreparationCache(string folder, long most = PreparationCache.Usual)
{
    const long Usual = 1L << 30;
    const string Ending = ".safetensors";
    const string Begun = ".partial";

    // Of the hashes in names: 128 bits each.
    const int Digits = 32;

    /// <summary>The folder.</summary>
    public string Folder => folder;

    /// <summary>
    /// That of the user: <c>statistics</c> in the folder that RETOUCH_CACHE names, else in <c>retouch</c> among the
    /// user's caches (XDG_CACHE_HOME, or where the system has them); null where there is no such place.
    /// </summary>
    /// <param name="variable">Gives a variable's value, or null for the process's own environment.</param>
    public static PreparationCache? OfUser(Func<string, string?>? variable = null)
    {
        variable ??= Environment.GetEnvironmentVariable;
        string? root = Set("RETOUCH_CACHE") ?? (Caches() is string caches ? Path.Combine(caches, "retouch") : null);
        return root is null ? null : new PreparationCache(Path.Combine(Path.GetFullPath(root), "statistics"));

        string? Set(string name) => variable(name) is { Length: > 0 } value ? value : null;

        string? Caches()
        {
            if (Set("XDG_CACHE_HOME") is string xdg)
                return xdg;
            if (OperatingSystem.IsWindows())
                return Known(Environment.SpecialFolder.LocalApplicationData);
            string? home = Known(Environment.SpecialFolder.UserProfile);
            return home is null ? null
                : OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches")
                : Path.Combine(home, ".cache");
        }

        static string? Known(Environment.SpecialFolder place) =>
            Environment.GetFolderPath(place) is { Length: > 0 } path ? path : null;
    }

    /// <summary>Takes a preparation from the folder, or makes and keeps it.</summary>
    /// <param name="preparation">How it is made.</param>
    /// <param name="split">The model.</param>
    /// <param name="images">The images to learn from.</param>
    /// <param name="make">
    /// Makes it, gets the file where what is learned so far may be kept; null where that is nowhere.
    /// </param>
    /// <param name="notKept">Told where it could not be kept; null to ignore.</param>
    /// <returns>The preparation, which the caller disposes, and whether it was there.</returns>
    /// <exception cref="OperationCanceledException">The work was cancelled; the message says what is kept.</exception>
    internal (Preparation Preparation, bool WasThere) Get(
        IPreparation preparation,
        SplitVit split,
        PreparationImages images,
        Func<string?, Preparation> make,
        Action? notKept = null
    )
    {
        string key = KeyOf(preparation, split, images);
        if (Find(key, preparation, split) is { } found)
            return (found, true);
        if (!TryMakeFolder())
        {
            notKept?.Invoke();
            return (make(null), false);
        }
        using WriterLock? writer = WriterLock.TryTake(PathOf(key), "edit", out bool isBusy);
        // Whoever has it makes the same; neither waits for the other.
        if (writer is null)
        {
            if (!isBusy)
                notKept?.Invoke();
            return (make(null), false);
        }
        if (Find(key, preparation, split) is { } meanwhile)
            return (meanwhile, true);
        Preparation made = Make(key, make).From(images);
        if (!Keep(key, made))
            notKept?.Invoke();
        return (made, false);
    }

    Preparation Make(string key, Func<string?, Preparation> make)
    {
        string begun = PathOf(key + Begun);
        TakeAway(begun);
        bool resumes = TakeUp(key, begun);
        try
        {
            return make(begun);
        }
        // Whole, but not what this preparation can go on with.
        catch (BadInputException) when (resumes)
        {
            TakeAway(begun);
            return make(begun);
        }
        catch (OperationCanceledException e)
        {
            if (Seal(key, begun, Begun) is null)
                throw;
            throw new OperationCanceledException(
                "interrupted; what was learned so far is kept, and the same command goes on from there.",
                e,
                e.CancellationToken
            );
        }
        finally
        {
            TakeAway(begun);
        }
    }

    // The beginning that an interrupt left, under the name by which it is gone on with.
    bool TakeUp(string key, string begun)
    {
        foreach (string path in Entries($"{key}-*{Begun}"))
        {
            if (IsWhole(path, key) && Try(() => File.Move(path, begun, overwrite: true)))
                return true;
            TakeAway(path);
        }
        return false;
    }

    bool Keep(string key, Preparation made)
    {
        string written = PathOf(key + ".new");
        try
        {
            made.Save(written, overwrite: true);
            if (Seal(key, written, Ending) is not string kept)
                return false;
            Trim(kept);
            return true;
        }
        // A full disk, say: it is of use all the same.
        catch (BadInputException)
        {
            return false;
        }
        finally
        {
            TakeAway(written);
        }
    }

    // Gives a file the name that says that it is whole.
    string? Seal(string key, string path, string ending)
    {
        if (Check(path, key) is not string check)
            return null;
        string named = PathOf($"{key}-{check}{ending}");
        AtomicFile.Reach(named);
        return Try(() => File.Move(path, named, overwrite: true)) ? named : null;
    }

    Preparation? Find(string key, IPreparation preparation, SplitVit split)
    {
        foreach (string path in Entries($"{key}-*{Ending}"))
        {
            if (IsWhole(path, key) && Read(path, preparation, split) is { } found)
            {
                Try(() => File.SetLastWriteTimeUtc(path, DateTime.UtcNow));
                return found;
            }
            TakeAway(path);
        }
        return null;
    }

    static Preparation? Read(string path, IPreparation preparation, SplitVit split)
    {
        Preparation? read = null;
        try
        {
            read = Preparation.Load(path);
            if (read.Kind == preparation.Name && read.Fits(split))
                return read;
        }
        catch (BadInputException) { }
        read?.Dispose();
        return null;
    }

    bool IsWhole(string path, string key) =>
        Check(path, key) is string check
        && Path.GetFileNameWithoutExtension(path).Equals($"{key}-{check}", StringComparison.Ordinal);

    // A hash over what the file is for and what it holds; null of what is no ordinary file of a possible length.
    string? Check(string path, string key)
    {
        try
        {
            FileInfo file = new(path);
            if (!file.Exists || file.LinkTarget is not null || file.Length == 0 || file.Length > most)
                return null;
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(Encoding.UTF8.GetBytes(key));
            using FileStream stream = InputFile.Open(path);
            byte[] part = new byte[1 << 16];
            for (int read; (read = stream.Read(part)) > 0; )
                hash.AppendData(part, 0, read);
            return Convert.ToHexStringLower(hash.GetHashAndReset())[..Digits];
        }
        catch (Exception e) when (e is BadInputException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // The entries that were used longest ago go, but never the last one.
    void Trim(string kept)
    {
        FileInfo[] files = [.. Entries("*").Select(path => new FileInfo(path)).Where(f => f.Exists)];
        long all = files.Sum(f => f.Length);
        foreach (FileInfo file in files.Where(f => f.FullName != kept).OrderBy(f => f.LastWriteTimeUtc))
        {
            if (all <= most)
                return;
            if (TakeAway(file.FullName))
                all -= file.Length;
        }
    }

    string[] Entries(string pattern)
    {
        try
        {
            // Names that begin with a dot are those of locks, and of files that are being written.
            return Directory.Exists(folder)
                ? [.. Directory.EnumerateFiles(folder, pattern).Where(f => !Path.GetFileName(f).StartsWith('.'))]
                : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    string PathOf(string name) => Path.Combine(folder, name);

    // What was learned is nobody else's business.
    bool TryMakeFolder() =>
        Directory.Exists(folder)
        || Try(() =>
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(folder);
            else
                Directory.CreateDirectory(
                    folder,
                    UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                );
        });

    static bool TakeAway(string path) => Try(() => File.Delete(path));

    static bool Try(Action act)
    {
        try
        {
            act();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    static string KeyOf(IPreparation preparation, SplitVit split, PreparationImages images)
    {
        string[] lines =
        [
            "retouch preparation 1",
            // Another build may learn otherwise.
            $"{typeof(Preparation).Module.ModuleVersionId:N} {preparation.GetType().Module.ModuleVersionId:N}",
            $"{preparation.GetType().FullName} {preparation.Name}",
            split.Model.Fingerprint,
            Preparation.Describe(split.Space),
            images.Folders.Hash(),
            images.Folders.Paths.Count.ToString(CultureInfo.InvariantCulture),
            images.Preprocessing.ToJson(),
        ];
        byte[] text = Encoding.UTF8.GetBytes(string.Join('\n', lines));
        return Convert.ToHexStringLower(SHA256.HashData(text))[..Digits];
    }
}
