using System.Collections.Concurrent;

namespace Retouch.Images;

/// <summary>
/// A file with many images in it. Its images are listed once; each is read when it is asked for, into memory. Where
/// the archive itself says their classes, they are listed in folders that are called by them. Safe for several threads.
/// </summary>
abstract class ImageArchive
{
    // How long an archive is taken to be the one that was opened, in milliseconds.
    const long Fresh = 2000;

    static readonly ConcurrentDictionary<string, Opened> s_open = [];
    static readonly Lock s_opening = new();

    readonly List<string> _names = [];
    readonly List<string> _leftOut = [];
    int _unnameable;

    protected ImageArchive(string path) => Path = path;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The images' names, with / between the parts, in ordinal order.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>What lies there and is not listed, each with the reason.</summary>
    public IReadOnlyList<string> LeftOut => _leftOut;

    /// <summary>Whether a name ends as an archive's does, and there is such a file.</summary>
    /// <param name="path">A path.</param>
    public static bool Is(string path) =>
        System.IO.Path.GetExtension(path).ToLowerInvariant() is ".zip" or ".tar" or ".parquet"
            // One that is open need not be looked for again: this is asked of every image that is read.
            ? s_open.ContainsKey(System.IO.Path.GetFullPath(path)) || Shards.Of(path).Count > 0
            : ImageList.Is(path);

    /// <summary>Opens an archive, or gives the one that is open already.</summary>
    /// <param name="path">The archive, or a pattern of several: <c>shards-{000..123}.tar</c>, <c>*.parquet</c>.</param>
    /// <exception cref="BadInputException">It cannot be read, is damaged, or holds no image.</exception>
    public static ImageArchive Open(string path)
    {
        bool list = ImageList.Is(path);
        string key = System.IO.Path.GetFullPath(list ? ImageList.Whole(path) : path);
        if (s_open.TryGetValue(key, out Opened? known) && Environment.TickCount64 - known.Seen < Fresh)
            return known.Archive;
        lock (s_opening)
        {
            IReadOnlyList<string> files = list ? [ImageList.Split(path).File] : Shards.Of(path);
            string stamp = string.Join(';', files.Select(ImageFile.Stamp).Select(s => $"{s.Length}.{s.Ticks}"));
            ImageArchive archive =
                s_open.TryGetValue(key, out known) && known.Stamp == stamp ? known.Archive : New(path, files);
            s_open[key] = new Opened(stamp, Environment.TickCount64, archive);
            return archive;
        }
    }

    /// <summary>The same; null where it cannot be read.</summary>
    /// <param name="path">The archive.</param>
    public static ImageArchive? TryOpen(string path)
    {
        try
        {
            return Open(path);
        }
        catch (BadInputException)
        {
            return null;
        }
    }

    /// <summary>Whether there is an image of a name.</summary>
    /// <param name="name">One of <see cref="Names"/>, perhaps.</param>
    public abstract bool Has(string name);

    /// <summary>How many bytes an image has.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    public abstract long Length(string name);

    /// <summary>What tells an image from all others: the same of two paths of one image.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    public virtual string RealPath(string name) => $"{System.IO.Path.GetFullPath(Path)}{ImagePath.Mark}/{name}";

    /// <summary>Reads an image.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="FileNotFoundException">There is none of this name.</exception>
    /// <exception cref="BadInputException">The archive is damaged, or the image too large.</exception>
    public abstract byte[] Read(string name);

    sealed record Opened(string Stamp, long Seen, ImageArchive Archive);

    static ImageArchive New(string path, IReadOnlyList<string> files)
    {
        if (files.Count == 0)
            throw BadInput.Missing(path, $"There is no file {path}: check the path.");
        ImageArchive archive;
        try
        {
            archive =
                files.Count > 1
                    ? new Shards(path, [.. files.Select(Open)])
                    : System.IO.Path.GetExtension(path).ToLowerInvariant() switch
                    {
                        ".zip" => new ZipImages(files[0]),
                        ".tar" => new TarImages(files[0]),
                        _ when ImageList.Is(path) => new ListImages(path),
                        _ => new ParquetImages(files[0]),
                    };
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw BadInput.Damaged(path, $"{path} is damaged: {e.Message}", cause: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(path, $"{path} cannot be read: {SystemMessage.Of(e)}.", cause: e);
        }
        archive._names.Sort(StringComparer.Ordinal);
        if (archive._unnameable > 1)
            archive._leftOut.Add($"{archive._unnameable - 1} more entries of {path} are left out for the like.");
        return archive._names.Count > 0
            ? archive
            : throw BadInput.Missing(
                path,
                ImageList.Is(path)
                    ? $"{path} names no image."
                    : $"{path} holds no image: it needs {string.Join(", ", ImageNames.Extensions)} files in it"
                        + (archive._leftOut is [string first, ..] ? $"; {first}" : ".")
            );
    }

    /// <summary>Whether an entry is an image that can be listed; one whose name leads elsewhere is named.</summary>
    /// <param name="name">The entry's name.</param>
    protected bool IsImage(string name)
    {
        if (!ImageNames.IsImage(name))
            return false;
        if (ImagePath.IsNameable(name, out string? why))
            return true;
        if (why.Length > 0 && _unnameable++ == 0)
            LeaveOut($"an entry of {Path} is left out: {why}.");
        return false;
    }

    /// <summary>Lists an image.</summary>
    /// <param name="name">Its name.</param>
    protected void List(string name) => _names.Add(name);

    /// <summary>Names what is not listed.</summary>
    /// <param name="what">What, and why.</param>
    protected void LeaveOut(string what) => _leftOut.Add(what);

    /// <summary>The error where an image is larger than any may be.</summary>
    /// <param name="name">The image.</param>
    protected BadInputException TooLarge(string name) =>
        BadInput.TooLarge(
            $"{Path}{ImagePath.Mark}/{name}",
            $"{name} in {Path} has more than the {ImageDecoder.MaxFileBytes >> 20} MiB that an image file may have."
        );

    /// <summary>The error where there is no such image.</summary>
    /// <param name="name">The image.</param>
    protected FileNotFoundException Lacks(string name) => new($"there is no {name} in {Path}");
}
