using System.IO.Compression;

namespace Retouch.Formats;

/// <summary>
/// An untrusted zip archive, opened for reading: its table of contents is checked at once, and
/// no entry gives more bytes than it announces. Nothing is ever extracted to the disk. Not safe for use from
/// several threads.
/// </summary>
sealed class CheckedArchive : IDisposable
{
    // PyTorch writes one entry a tensor; the largest optimizers have thousands.
    const int MostEntries = 100_000;

    readonly ZipArchive _zip;

    CheckedArchive(string path, ZipArchive zip, long fileLength)
    {
        (Path, _zip, Length) = (path, zip, fileLength);
        if (zip.Entries.Count > MostEntries)
            throw Damaged($"it lists {zip.Entries.Count} entries, and {MostEntries} are allowed");
        long total = 0;
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            string name = entry.FullName;
            if (
                name.Split('/', '\\').Contains("..")
                || name.StartsWith('/')
                || name.StartsWith('\\')
                || name.Contains('\0')
                || (name.Length > 1 && name[1] == ':')
            )
                throw Damaged($"the entry {UserText.Quote(name)} points out of the archive");
            if (entry.Length < 0 || entry.CompressedLength < 0 || entry.CompressedLength > fileLength)
                throw Damaged(
                    $"the entry {UserText.Quote(name)} announces {entry.CompressedLength} bytes in a file of "
                        + $"{fileLength}"
                );
            total = entry.Length > long.MaxValue - total ? long.MaxValue : total + entry.Length;
            if (!Entries.TryAdd(name, entry))
                throw Damaged($"it holds two entries {UserText.Quote(name)}");
        }
        // Weights hardly shrink under deflate, but for the zeros of a new head.
        ReadingBudget.Require(
            total,
            fileLength,
            ReadingBudget.ArchiveGrowth,
            path,
            $"{path} is not a sound archive: weights never shrink so far, so this is a zip bomb. Unpacked it"
        );
    }

    /// <summary>The path that it was opened by.</summary>
    public string Path { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>The entries by name.</summary>
    public Dictionary<string, ZipArchiveEntry> Entries { get; } = new(StringComparer.Ordinal);

    /// <exception cref="BadInputException">It cannot be read or is no sound archive.</exception>
    public static CheckedArchive Open(string path)
    {
        FileStream stream = InputFile.Open(path);
        try
        {
            return new CheckedArchive(path, new ZipArchive(stream, ZipArchiveMode.Read), stream.Length);
        }
        catch (Exception e)
        {
            stream.Dispose();
            throw IsDamage(e) ? Unreadable(path, e) : e;
        }
    }

    /// <summary>Reads from an entry, with every way in which the archive can be damaged as one exception.</summary>
    /// <exception cref="BadInputException">The entry is damaged or ends early.</exception>
    public T Read<T>(string name, Func<Stream, T> read)
    {
        try
        {
            using Stream stream = Entries[name].Open();
            return read(stream);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw BadInput.Damaged(
                Path,
                $"{Path}: the entry {UserText.Quote(name)} is damaged or cut short; was the download cut short?",
                cause: e
            );
        }
    }

    /// <exception cref="BadInputException">The archive is damaged, in the way that the message says.</exception>
    public BadInputException Damaged(string what) => BadInput.Damaged(Path, $"{Path} is not a sound archive: {what}.");

    /// <inheritdoc/>
    public void Dispose() => _zip.Dispose();

    static bool IsDamage(Exception e) =>
        e
            is InvalidDataException
                or EndOfStreamException
                or IOException
                or NotSupportedException
                or ArgumentException
                or OverflowException
                or InvalidOperationException
        && e is not BadInputException;

    static BadInputException Unreadable(string path, Exception e) =>
        BadInput.Damaged(
            path,
            $"{path} is a damaged zip archive ({SystemMessage.Of(e)}); was the download cut short?",
            cause: e
        );
}
