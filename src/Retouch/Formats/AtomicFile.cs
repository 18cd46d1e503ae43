using System.Text;

namespace Retouch.Formats;

/// <summary>
/// Writes a file completely or not at all: into a temporary file beside it, flushed to the disk, then
/// renamed. A reader, a crash or a full disk never meets half a file, and an old file stays until the
/// new one is whole. What a killed process left under such a temporary name goes when the next one writes
/// into the folder.
/// </summary>
public static class AtomicFile
{
    const int LongestName = 255;

    /// <summary>
    /// Checks everything that can be known before a long computation whose result goes to
    /// <paramref name="path"/>; its folder is probed with a temporary file.
    /// </summary>
    /// <exception cref="BadInputException">The file could not be written, and why.</exception>
    public static void CheckWritable(string path, bool overwrite)
    {
        string target = CheckPath(path);
        if (!overwrite && File.Exists(target))
            throw Exists(path);
        TemporaryFile.Sweep(Path.GetDirectoryName(target)!);
        Create(target).Dispose();
    }

    /// <summary>Lets <paramref name="write"/> fill a stream and puts the result at <paramref name="path"/>.</summary>
    /// <param name="path">Where the file is to be; a symbolic link there is replaced, not followed.</param>
    /// <param name="overwrite">Whether a file that is there already may be replaced.</param>
    /// <param name="write">
    /// Fills the stream, which it must not close. What it throws passes through, a full disk excepted.
    /// </param>
    /// <exception cref="BadInputException">
    /// The folder is missing, the path is a directory, the file exists and <paramref name="overwrite"/> is
    /// false, permission is lacking, or the disk is full. Nothing has changed on the disk then.
    /// </exception>
    public static void Write(string path, bool overwrite, Action<Stream> write)
    {
        string target = CheckPath(path);
        if (!overwrite && File.Exists(target))
            throw Exists(path);
        if (!Put(target, overwrite, write))
            throw Exists(target);
    }

    /// <summary>The same where several processes may want to make one file: whoever is the first does.</summary>
    /// <param name="path">Where the file is to be.</param>
    /// <param name="write">Fills the stream, which it must not close.</param>
    /// <returns>Whether it was written; false where a file is there, now or by the time it would be.</returns>
    /// <exception cref="BadInputException">It cannot be written, for another reason than that it is there.</exception>
    public static bool TryCreate(string path, Action<Stream> write)
    {
        string target = CheckPath(path);
        return !File.Exists(target) && Put(target, overwrite: false, write);
    }

    // False where a file is there that may not be replaced.
    static bool Put(string target, bool overwrite, Action<Stream> write)
    {
        TemporaryFile.SweepOnce(Path.GetDirectoryName(target)!);
        try
        {
            using TemporaryFile temporary = Create(target);
            write(temporary.Stream);
            temporary.Stream.Flush(flushToDisk: true);
            Reach(target);
            return Rename(temporary, target, overwrite);
        }
        catch (IOException e) when (IsDiskFull(e))
        {
            throw DiskFull(target, e);
        }
    }

    /// <summary>Deletes a file that is no longer needed; one that is not there is no error.</summary>
    /// <exception cref="BadInputException">It cannot be deleted.</exception>
    public static void Delete(string path)
    {
        if (!File.Exists(path))
            return;
        Reach(path);
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(
                path,
                $"{path}, which is no longer needed, cannot be deleted: {SystemMessage.Of(e)}.",
                cause: e
            );
        }
    }

    /// <summary>
    /// Told of the file before each step that others can see on the disk; a test that throws there is as good as a
    /// kill.
    /// </summary>
    internal static AsyncLocal<Action<string>?> BeforeStep { get; } = new();

    /// <summary>Announces a step to <see cref="BeforeStep"/>.</summary>
    internal static void Reach(string path) => BeforeStep.Value?.Invoke(path);

    static string CheckPath(string path)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0'))
            throw BadInput.Missing(null, "The name of the file to write is empty or not a file name; give another.");
        string target = Path.GetFullPath(path);
        if (Directory.Exists(target) || Path.EndsInDirectorySeparator(path))
            throw BadInput.Mismatch(path, $"{path} is a directory; give the name of a file to write.");
        string? folder = Path.GetDirectoryName(target);
        if (!Directory.Exists(folder))
            throw BadInput.Missing(
                folder,
                $"The folder {folder} does not exist, so {path} cannot be written; create it first."
            );
        // The temporary file, having a short name, would not find this out before the rename.
        if (Encoding.UTF8.GetByteCount(Path.GetFileName(target)) > LongestName)
            throw BadInput.OutOfRange(
                path,
                $"{path} cannot be written: its name is longer than {LongestName} bytes; give a shorter one."
            );
        // A rename would put an ordinary file in the place of /dev/null.
        if (!OperatingSystem.IsWindows() && folder == "/dev")
            throw BadInput.Mismatch(path, $"{path} is a device; give the name of a file to write.");
        return target;
    }

    static TemporaryFile Create(string target)
    {
        string temporary = "";
        try
        {
            return TemporaryFile.Create(Path.GetDirectoryName(target)!, target, out temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Explain(e, temporary, target);
        }
    }

    static bool Rename(TemporaryFile temporary, string target, bool overwrite)
    {
        try
        {
            temporary.MoveTo(target, overwrite);
            return true;
        }
        // Someone else created the file while this one was being written.
        catch (IOException) when (!overwrite && File.Exists(target))
        {
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Explain(e, temporary.Path, target);
        }
    }

    static BadInputException Explain(Exception e, string temporary, string target) =>
        e switch
        {
            UnauthorizedAccessException => BadInput.Inaccessible(
                target,
                $"There is no permission to write {Path.GetFileName(target)} in {Path.GetDirectoryName(target)}; "
                    + "choose another folder or change its permissions.",
                cause: e
            ),
            IOException io when IsDiskFull(io) => DiskFull(target, io),
            // The temporary name means nothing to a reader.
            _ => BadInput.Inaccessible(
                target,
                $"{target} cannot be written: {SystemMessage.Without(e, temporary)}.",
                cause: e
            ),
        };

    static BadInputException DiskFull(string target, IOException e) =>
        BadInput.Inaccessible(
            Path.GetDirectoryName(target),
            $"The disk that holds {Path.GetDirectoryName(target)} is full, so {Path.GetFileName(target)} was not "
                + "written and nothing there has changed; free some space and try again.",
            cause: e
        );

    static BadInputException Exists(string path) => BadInput.Exists(path, $"{path} exists.", Remedy.Overwrite);

    static bool IsDiskFull(IOException e) =>
        OperatingSystem.IsWindows()
            ? (e.HResult & 0xFFFF) is 0x70 or 0x27 // ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL
            : e.HResult is 28 // ENOSPC
                || e.HResult == (OperatingSystem.IsMacOS() ? 69 : 122); // EDQUOT: the user's quota, not the disk
}
