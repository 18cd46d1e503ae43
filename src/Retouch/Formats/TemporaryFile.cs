using System.Collections.Concurrent;

namespace Retouch.Formats;

/// <summary>
/// A file under a name of our own beside the one that it will be. It is held open, and so locked, until it has its
/// name: what can be opened alone is what a killed process left. Not safe for use from several threads.
/// </summary>
sealed class TemporaryFile : IDisposable
{
    /// <summary>What the names have in common.</summary>
    public const string Pattern = Start + "*" + End;

    const string Start = ".retouch-";
    const string End = ".tmp";
    const int Tries = 4;

    static readonly ConcurrentDictionary<string, byte> Swept = new(StringComparer.Ordinal);

    readonly FileStream? _hold;

    TemporaryFile(string path, FileStream stream, FileStream? hold) => (Path, Stream, _hold) = (path, stream, hold);

    /// <summary>The file's path.</summary>
    public string Path { get; }

    /// <summary>Writes the file.</summary>
    public FileStream Stream { get; }

    /// <summary>A name that no other process uses.</summary>
    public static string NameIn(string folder) => System.IO.Path.Combine(folder, $"{Start}{Guid.NewGuid():N}{End}");

    /// <summary>Creates a file.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="like">A file whose mode it takes where there is one.</param>
    /// <param name="path">The file's path, also where it cannot be created.</param>
    /// <exception cref="IOException">It cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to create it.</exception>
    public static TemporaryFile Create(string folder, string like, out string path)
    {
        FileStreamOptions options = new()
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 1 << 16,
        };
        // Whoever kept the old file private wants the new one private too.
        if (!OperatingSystem.IsWindows() && File.Exists(like))
            options.UnixCreateMode = File.GetUnixFileMode(like);
        for (int tries = 1; ; tries++)
        {
            path = NameIn(folder);
            FileStream? stream = null;
            try
            {
                stream = new FileStream(path, options);
                return new TemporaryFile(path, stream, Hold(path));
            }
            // Another process that tidies up may meet the file before it is locked.
            catch (IOException) when (tries < Tries)
            {
                stream?.Dispose();
            }
        }
    }

    /// <summary>Closes the file and gives it its name.</summary>
    public void MoveTo(string target, bool overwrite)
    {
        Stream.Dispose();
        File.Move(Path, target, overwrite);
    }

    /// <summary>Takes away what killed processes left in a folder.</summary>
    public static void Sweep(string folder)
    {
        Swept.TryAdd(folder, 0);
        try
        {
            foreach (string path in Directory.EnumerateFiles(folder, Pattern))
            {
                if (IsOurs(path))
                    TakeAwayIfNobodys(path);
            }
        }
        // A leftover does no harm; whether the folder can be written to is found out by writing.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
    }

    /// <summary>Takes away what killed processes left in a folder, once in the life of this process.</summary>
    public static void SweepOnce(string folder)
    {
        if (!Swept.ContainsKey(folder))
            Sweep(folder);
    }

    /// <summary>Closes the file, and deletes it unless it has its name.</summary>
    public void Dispose()
    {
        try
        {
            // What is still to be written may find a full disk.
            Stream.Dispose();
        }
        finally
        {
            // Deleting in a folder that has vanished would throw, and hide the reason of the failure.
            if (File.Exists(Path))
                File.Delete(Path);
            _hold?.Dispose();
        }
    }

    // Of the stream alone the lock would end before the file has its name, and there is none on a network's disk.
    static FileStream? Hold(string path)
    {
        try
        {
            const FileShare all = FileShare.ReadWrite | FileShare.Delete;
            FileStream hold = new(path, FileMode.Open, FileAccess.Read, all, bufferSize: 0);
            if (File.Exists(path))
                return hold;
            hold.Dispose();
            throw new IOException("the file was taken away");
        }
        // Its mode lets nobody read it.
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    static bool IsOurs(string path)
    {
        string name = System.IO.Path.GetFileName(path);
        return name.Length > Start.Length + End.Length
            && Guid.TryParseExact(name[Start.Length..^End.Length], "N", out _)
            && (File.GetAttributes(path) & FileAttributes.ReparsePoint) == 0;
    }

    static void TakeAwayIfNobodys(string path)
    {
        try
        {
            const FileOptions delete = FileOptions.DeleteOnClose;
            new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, delete).Dispose();
        }
        // Somebody's, or gone meanwhile.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
    }
}
