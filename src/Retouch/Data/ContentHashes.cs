using System.Security.Cryptography;
using Retouch.Formats;
using Retouch.Images;

namespace Retouch.Data;

/// <summary>
/// SHA-256 of files' contents, each read once: what was read is kept in a file by what tells whether it was changed
/// (<see cref="ImageStamp"/>). Safe for several threads.
/// </summary>
/// <param name="path">The file in which they are kept.</param>
/// <exception cref="BadInputException">It is another file, or cannot be read or written.</exception>
sealed class ContentHashes(string path) : IDisposable
{
    readonly RecordLog _known = new(path, SHA256.HashSizeInBytes);
    int _read;

    /// <summary>How many files were read, since nothing was known of them as they are.</summary>
    public int FilesRead => _read;

    /// <summary>The hash of a file's bytes; null where it cannot be read.</summary>
    /// <param name="image">The file, or an image in an archive.</param>
    /// <param name="stamp">What tells this content from another; null where the system does not say.</param>
    public byte[]? Of(string image, out byte[]? stamp)
    {
        byte[] hash = new byte[SHA256.HashSizeInBytes];
        stamp = ImageStamp.Of(image, out bool isSettled);
        if (stamp is not null && _known.TryGet(stamp, hash))
            return hash;
        if (Read(image) is not byte[] read)
            return null;
        Interlocked.Increment(ref _read);
        if (stamp is not null && isSettled && Same(stamp, image))
            _known.Add(stamp, read);
        return read;
    }

    /// <summary>The hash of a file's bytes, which are read; null where it cannot be.</summary>
    /// <param name="image">The file, or an image in an archive.</param>
    public static byte[]? Read(string image)
    {
        try
        {
            // A pipe, which would be waited for without end, has no length.
            if (ImageFile.Length(image) is null or 0)
                return null;
            using Stream stream = ImageFile.OpenRead(image);
            return SHA256.HashData(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or BadInputException)
        {
            return null;
        }
    }

    /// <summary>Whether a file is as it was when it had this stamp; true where the system does not say.</summary>
    public static bool Same(byte[]? stamp, string image) =>
        stamp is null || ImageStamp.Of(image, out _) is { } now && now.AsSpan().SequenceEqual(stamp);

    /// <summary>Brings to the disk what is not there yet.</summary>
    public void Flush() => _known.Flush();

    /// <summary>Closes the file.</summary>
    public void Dispose() => _known.Dispose();
}
