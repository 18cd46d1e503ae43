using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Retouch.Formats;

/// <summary>
/// Keeps all others from writing what this process writes: an open file beside the output, locked by the operating
/// system, which sets it free when the process ends, however it ends. Its text says who holds it. On a shared folder it
/// holds between machines as far as the file system knows locks. Disposing it sets it free.
/// </summary>
public sealed partial class WriterLock : IDisposable
{
    const int LongestName = 255;
    const int LongestText = 400;
    const int Tries = 5;
    const int Waits = 600;
    const int ShortWaits = 20;

    static readonly TimeSpan BetweenWaits = TimeSpan.FromMilliseconds(100);

    readonly FileStream _file;

    WriterLock(FileStream file) => _file = file;

    /// <summary>Takes the lock of an output, also one that a process left that no longer lives.</summary>
    /// <param name="path">The folder, which must exist, or the file, whose folder must, that will be written.</param>
    /// <param name="verb">What writes it, such as <c>bench</c>.</param>
    /// <param name="shown">What to call it in a refusal; the path where it is null.</param>
    /// <exception cref="BadInputException">
    /// Another writer has it, who is named, or no lock can be made there.
    /// </exception>
    public static WriterLock Take(string path, string verb, string? shown = null) =>
        TryTake(path, verb, shown, out BadInputException? refusal) ?? throw refusal!;

    // That a file is locked, and cannot be made, the system says by an exception alone: it is caught nowhere else.
    static WriterLock? TryTake(string path, string verb, string? shown, out BadInputException? refusal)
    {
        refusal = null;
        string file = FileOf(path);
        TemporaryFile.Sweep(Path.GetDirectoryName(file)!);
        for (int tries = 1; ; tries++)
        {
            try
            {
                return Open(file, verb);
            }
            // It may have been set free, and so deleted, at this very moment.
            catch (IOException e) when (IsHeld(e) && !File.Exists(file) && tries < Tries) { }
            catch (IOException e) when (IsHeld(e))
            {
                refusal = BadInput.Busy(
                    shown ?? path,
                    $"{shown ?? path} is being written by {Holder(file)}; "
                        + "wait until that is done, or name another place to write to.",
                    cause: e
                );
                return null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                refusal = BadInput.Inaccessible(
                    shown ?? path,
                    $"{shown ?? path} cannot be written: {SystemMessage.Of(e)}.",
                    cause: e
                );
                return null;
            }
        }
    }

    /// <summary>The same; null where another has it, or no lock can be made there.</summary>
    internal static WriterLock? TryTake(string path, string verb) => TryTake(path, verb, null, out _);

    /// <summary>The same, which says whether another has it.</summary>
    internal static WriterLock? TryTake(string path, string verb, out bool isBusy)
    {
        WriterLock? taken = TryTake(path, verb, null, out BadInputException? refusal);
        isBusy = refusal is { Kind: BadInputKind.Busy };
        return taken;
    }

    /// <summary>The same for what is held for moments only: waits until it is free, for a minute at most.</summary>
    internal static WriterLock Wait(string path, string verb) => Wait(path, verb, Waits, default);

    /// <summary>The same for what a person waits for: two seconds at most.</summary>
    internal static WriterLock WaitShortly(string path, string verb) => Wait(path, verb, ShortWaits, default);

    /// <summary>The same for what takes its time: waits until it is free.</summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    internal static WriterLock Wait(string path, string verb, CancellationToken cancellation) =>
        Wait(path, verb, int.MaxValue, cancellation);

    static WriterLock Wait(string path, string verb, int most, CancellationToken cancellation)
    {
        for (int waits = 0; ; waits++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryTake(path, verb, null, out BadInputException? refusal) is { } taken)
                return taken;
            if (waits >= most || refusal!.Kind != BadInputKind.Busy)
                throw refusal!;
            Thread.Sleep(BetweenWaits);
        }
    }

    /// <summary>Sets the lock free.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>The file that is locked for an output.</summary>
    internal static string FileOf(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Directory.Exists(full))
            return Path.Combine(full, ".retouch.lock");
        string name = $".retouch-{Path.GetFileName(full)}.lock";
        if (Encoding.UTF8.GetByteCount(name) > LongestName)
            name = $".retouch-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))}.lock";
        return Path.Combine(Path.GetDirectoryName(full)!, name);
    }

    static WriterLock Open(string file, string verb)
    {
        FileStream stream = new(
            file,
            new FileStreamOptions
            {
                // With these .NET makes sure that the file that it locked is still the one of that name.
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = OperatingSystem.IsWindows() ? FileShare.Read : FileShare.None,
                Options = FileOptions.DeleteOnClose,
                BufferSize = 0,
            }
        );
        try
        {
            using Process me = Process.GetCurrentProcess();
            string since = me.StartTime.ToUniversalTime().ToString("u", CultureInfo.InvariantCulture);
            stream.SetLength(0);
            string who = $"'retouch {verb}', process {me.Id} on {Environment.MachineName}, started {since}";
            stream.Write(Encoding.UTF8.GetBytes(who));
            stream.Flush();
        }
        // On a full disk a lock that says nothing still locks.
        catch (IOException) { }
        return new WriterLock(stream);
    }

    static bool IsHeld(IOException e) =>
        OperatingSystem.IsWindows()
            ? (e.HResult & 0xFFFF) is 0x20 or 0x21 // ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
            : e.HResult == (OperatingSystem.IsLinux() ? 11 : 35); // EWOULDBLOCK

    static string Holder(string file)
    {
        const string unknown = "another process";
        try
        {
            using SafeFileHandle handle = OperatingSystem.IsWindows()
                ? File.OpenHandle(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete)
                : new SafeFileHandle(OpenUnlocked(file, 0), ownsHandle: true);
            byte[] text = new byte[LongestText];
            int length = handle.IsInvalid ? 0 : RandomAccess.Read(handle, text, 0);
            return length > 0 ? Encoding.UTF8.GetString(text, 0, length) : unknown;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TypeLoadException)
        {
            return unknown;
        }
    }

    // .NET opens no file without a lock of its own, which the holder's forbids.
    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int OpenUnlocked(string path, int flags);
}
