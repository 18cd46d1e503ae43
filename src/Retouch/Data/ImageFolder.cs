using Retouch.Images;

namespace Retouch.Data;

/// <summary>
/// The image files under a folder or in an archive, in an order that is the same on every machine. Immutable.
/// </summary>
public sealed class ImageFolder
{
    readonly IReadOnlyDictionary<string, string> _realFolders;
    readonly ImageArchive? _archive;

    ImageFolder(string root, FolderWalk walk)
    {
        Root = root;
        Files = [.. walk.Files.Order(StringComparer.Ordinal)];
        LeftOut = walk.LeftOut;
        _realFolders = walk.RealFolders;
    }

    ImageFolder(ImageArchive archive)
    {
        _archive = archive;
        Root = archive.Path + ImagePath.Mark;
        Files = archive.Names;
        LeftOut = archive.LeftOut;
        string real = Path.GetFullPath(archive.Path) + ImagePath.Mark;
        _realFolders = archive
            .Names.Select(n => n[..Math.Max(n.LastIndexOf('/'), 0)])
            .Distinct()
            .ToDictionary(f => f, f => f.Length == 0 ? real : $"{real}/{f}");
    }

    ImageFolder(ImageFolder whole, IReadOnlyList<string> files) =>
        (Root, Files, LeftOut, _realFolders, _archive) = (
            whole.Root,
            files,
            whole.LeftOut,
            whole._realFolders,
            whole._archive
        );

    /// <summary>The folder, as it was given; of an archive with an exclamation mark after its name.</summary>
    public string Root { get; }

    /// <summary>What it is called: the folder's own name, or that of the archive's file.</summary>
    public string Name =>
        Path.GetFileName(
            Path.TrimEndingDirectorySeparator(_archive is null ? Root : ImageList.Split(_archive.Path).File)
        );

    /// <summary>The files' paths relative to <see cref="Root"/>, with / between the parts, in ordinal order.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>
    /// What lies there and is not listed, each with the reason: links in a circle, to a folder that is listed already
    /// or to nothing, and images of formats that are not read.
    /// </summary>
    public IReadOnlyList<string> LeftOut { get; }

    /// <summary>Whether a path is of a folder, of an archive or of a list of images, which can be opened so.</summary>
    /// <param name="path">The path.</param>
    public static bool IsAt(string path) => Directory.Exists(path) || ImagePath.Archive(path) is not null;

    /// <summary>Whether a path is of a list of images: a table or JSON.</summary>
    /// <param name="path">The path, perhaps with columns: <c>photos.csv:path=file,label=species</c>.</param>
    /// <param name="file">The list's own file.</param>
    public static bool IsList(string path, out string file)
    {
        file = ImageList.Split(path).File;
        return !Directory.Exists(path) && ImageList.Is(path);
    }

    /// <summary>
    /// Lists a folder and its subfolders by the files' extensions, without opening any file. Links to folders are
    /// followed, each folder once: under its own path before a link's, and under the first link of several. Hidden
    /// entries are left out, those whose names begin with a dot on every system, and so is what archives and file
    /// servers add (<c>__MACOSX</c>, <c>@eaDir</c>). In the place of a folder there may be a ZIP archive, an
    /// uncompressed tar archive (such as WebDataset's), or a Parquet file (such as those of Hugging Face's datasets),
    /// or several by a pattern: <c>shards-{000..123}.tar</c>, <c>*.parquet</c>; or a list of images, a table or JSON,
    /// whose columns are <see cref="ListColumns.Usual"/> or named after it: <c>photos.csv:path=file,label=species</c>.
    /// Where such a file says the classes of its images, they are listed in folders that are called by them.
    /// </summary>
    /// <exception cref="BadInputException">
    /// The folder is missing, another file, unreadable, damaged, or without images.
    /// </exception>
    public static ImageFolder Open(string path)
    {
        if (ImagePath.Archive(path) is string archive)
            return new ImageFolder(ImageArchive.Open(archive));
        if (!Directory.Exists(path))
        {
            throw BadInput.Missing(
                path,
                File.Exists(path)
                        ? $"{path} is a file, where a folder of images is needed: name the folder that holds it, or a "
                            + "ZIP, tar or Parquet file of images, or a list of them (CSV, TSV, JSON)."
                    : Shards.IsPattern(path) ? $"No file matches {path}: check the pattern, which * and ? are part of."
                    : $"There is no folder {path}: check the path."
            );
        }
        try
        {
            ImageFolder folder = new(path, FolderWalk.Through(path));
            if (folder.Files.Count > 0)
            {
                return folder;
            }
            string more = folder.LeftOut.Count > 0 ? $"; {folder.LeftOut[0]}" : ".";
            throw BadInput.Missing(
                path,
                $"{path} holds no image: give a folder with "
                    + $"{string.Join(", ", ImageNames.Extensions)} files in it or below it{more}"
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(
                path,
                $"{path} cannot be listed ({SystemMessage.Of(e)}): check its permissions.",
                cause: e
            );
        }
    }

    /// <summary>The same folder with some of its files.</summary>
    /// <param name="files">Some of <see cref="Files"/>, in their order.</param>
    internal ImageFolder With(IReadOnlyList<string> files) => new(this, files);

    /// <summary>The path of one of <see cref="Files"/>, to open it.</summary>
    public string FullPath(string file) => Path.Combine(Root, file);

    /// <summary>The same without links to folders on the way: equal for the same file under two paths.</summary>
    internal string RealPath(string file) =>
        _archive?.RealPath(file)
        ?? (
            file.LastIndexOf('/') is int end and >= 0
                ? Path.Combine(_realFolders[file[..end]], file[(end + 1)..])
                : Path.Combine(_realFolders[""], file)
        );

    /// <summary>Whether a folder, which need not exist, is one of those listed or lies in one.</summary>
    public bool Covers(string folder)
    {
        string real = RealFolder.Of(folder);
        return _realFolders.Values.Any(listed => RealFolder.IsIn(real, listed));
    }
}
