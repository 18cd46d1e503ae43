namespace Retouch.Images;

/// <summary>
/// An image's bytes by its path, which may lead into an archive: <c>photos.zip!/cat/1.jpg</c>. What lies in an archive
/// is read into memory and never written to a disk. Safe for several threads.
/// </summary>
public static class ImageFile
{
    /// <summary>Whether there is such a file, or such an image in an archive.</summary>
    /// <param name="path">The path.</param>
    public static bool Exists(string path) =>
        ImagePath.TrySplit(path, out string archive, out string name)
            ? ImageArchive.TryOpen(archive)?.Has(name) == true
            : File.Exists(path);

    /// <summary>How many bytes it has; null where there is none.</summary>
    /// <param name="path">The path.</param>
    public static long? Length(string path)
    {
        if (ImagePath.TrySplit(path, out string archive, out string name))
            return ImageArchive.TryOpen(archive) is { } open && open.Has(name) ? open.Length(name) : null;
        FileInfo file = new(path);
        return file.Exists ? file.Length : null;
    }

    /// <summary>
    /// What tells a file as it is now from what it was before: length and time of the last change, of the archive where
    /// it lies in one.
    /// </summary>
    /// <param name="path">The path.</param>
    public static (long Length, long Ticks) Stamp(string path)
    {
        FileInfo file = new(ImagePath.TrySplit(path, out string archive, out _) ? archive : path);
        return file.Exists ? (file.Length, file.LastWriteTimeUtc.Ticks) : (-1, 0);
    }

    /// <summary>Opens it for reading; the caller disposes the stream.</summary>
    /// <param name="path">The path.</param>
    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="BadInputException">The archive is damaged, or the image in it too large.</exception>
    public static Stream OpenRead(string path) =>
        ImagePath.TrySplit(path, out string archive, out string name)
            ? new MemoryStream(ImageArchive.Open(archive).Read(name), writable: false)
            : File.OpenRead(path);

    /// <summary>Reads all of it.</summary>
    /// <param name="path">The path.</param>
    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="BadInputException">The archive is damaged, or the image in it too large.</exception>
    public static byte[] ReadAllBytes(string path) =>
        ImagePath.TrySplit(path, out string archive, out string name)
            ? ImageArchive.Open(archive).Read(name)
            : File.ReadAllBytes(path);
}
