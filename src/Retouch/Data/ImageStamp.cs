using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Retouch.Images;

namespace Retouch.Data;

/// <summary>
/// What tells a file's content from any other without reading it: its number on the disk, its length, and when its
/// content and its entry were last changed, to the nanosecond. The last of these nobody can set, so that a file whose
/// times were put back has another stamp. Where it lies, and what it is called, is no part of it.
/// </summary>
static partial class ImageStamp
{
    /// <summary>Bytes of a stamp.</summary>
    public const int Length = 32;

    const int StatLength = 256;
    const int CurrentFolder = -100;
    const uint Basic = 0x7ff;

    // The clock of a disk ticks some hundred times a second: what was written within the same tick looks unchanged.
    static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    static bool s_isUnknown = !OperatingSystem.IsLinux();

    /// <summary>The stamp of a file, or of an image in an archive.</summary>
    /// <param name="path">The path.</param>
    /// <param name="isSettled">Whether it was changed long enough ago that a change from now on would show.</param>
    /// <returns>The stamp; null where there is no file, and where the system does not tell enough.</returns>
    public static byte[]? Of(string path, out bool isSettled)
    {
        isSettled = false;
        if (s_isUnknown)
            return null;
        bool inside = ImagePath.TrySplit(path, out string archive, out string name);
        Span<byte> stat = stackalloc byte[StatLength];
        try
        {
            if (StatX(CurrentFolder, inside ? archive : path, 0, Basic, ref MemoryMarshal.GetReference(stat)) != 0)
                return null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            s_isUnknown = true;
            return null;
        }
        // As linux/stat.h has them: ino and size, then ctime and mtime as seconds, nanoseconds and four bytes of
        // nothing.
        Span<byte> told = stackalloc byte[48];
        stat.Slice(32, 16).CopyTo(told);
        stat.Slice(96, 16).CopyTo(told[16..]);
        stat.Slice(112, 16).CopyTo(told[32..]);
        long changed = Math.Max(
            BinaryPrimitives.ReadInt64LittleEndian(stat[96..]),
            BinaryPrimitives.ReadInt64LittleEndian(stat[112..])
        );
        isSettled = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - changed > Settled.TotalSeconds;
        return inside ? SHA256.HashData([.. told, .. Encoding.UTF8.GetBytes(name)]) : SHA256.HashData(told);
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int StatX(int folder, string path, int flags, uint mask, ref byte stat);
}
