using Microsoft.Win32.SafeHandles;

namespace Retouch.Formats;

/// <summary>
/// A file that is read through the handle that it was opened by, whatever happens at its path meanwhile: where
/// another file is put in its place, it stays the one that was opened; where it is cut short or written to, that is
/// an error in words. A mapping could do neither: it ends the process where its file is cut short. Safe for use
/// from several threads.
/// </summary>
sealed class OpenedFile : IDisposable
{
    readonly FileStream _stream;
    readonly SafeFileHandle _handle;
    readonly DateTime _written;

    OpenedFile(string path, FileStream stream)
    {
        (Path, _stream, _handle) = (path, stream, stream.SafeFileHandle);
        Length = stream.Length;
        _written = File.GetLastWriteTimeUtc(_handle);
    }

    /// <summary>The path that it was opened by.</summary>
    public string Path { get; }

    /// <summary>Its length in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>Opens a regular file.</summary>
    /// <exception cref="BadInputException">It is missing, a directory, a device, or may not be read.</exception>
    public static OpenedFile Open(string path) => new(path, InputFile.Open(path));

    /// <summary>Fills a buffer from a place in the file.</summary>
    /// <exception cref="BadInputException">The file has become shorter, or the disk cannot be read.</exception>
    public void Read(long offset, Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            int read;
            try
            {
                read = RandomAccess.Read(_handle, buffer, offset);
            }
            catch (IOException e)
            {
                throw BadInput.Inaccessible(Path, $"{Path} cannot be read: {SystemMessage.Of(e)}.", cause: e);
            }
            if (read == 0)
                throw Changed("was cut short");
            offset += read;
            buffer = buffer[read..];
        }
    }

    /// <summary>A part of the file as a stream.</summary>
    public Stream Range(long offset, long length) => new FileRange(this, offset, length);

    /// <summary>Checks that nobody has written to the file since it was opened.</summary>
    /// <exception cref="BadInputException">Its length or its time of change is another.</exception>
    public void RequireUnchanged()
    {
        if (RandomAccess.GetLength(_handle) != Length)
            throw Changed("has another length now");
        if (File.GetLastWriteTimeUtc(_handle) != _written)
            throw Changed("was written to");
    }

    /// <summary>What to throw where what is read again is not what was read before.</summary>
    public BadInputException Changed(string how = "was written to") =>
        BadInput.Damaged(
            Path,
            $"{Path} {how} while it was being read; nothing was written. Start again when it is at rest."
        );

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
