using System.IO.Enumeration;
using Retouch.Images;

namespace Retouch.Data;

/// <summary>
/// A walk through a folder and its subfolders, with links to folders, by which each folder is entered once.
/// </summary>
sealed class FolderWalk
{
    static readonly string[] OtherFormats =
    [
        ".tif",
        ".tiff",
        ".heic",
        ".heif",
        ".avif",
        ".jp2",
        ".jxl",
        ".ppm",
        ".pgm",
    ];

    static readonly EnumerationOptions Options = new()
    {
        IgnoreInaccessible = false,
        AttributesToSkip = FileAttributes.Hidden,
    };

    readonly string _root;
    readonly List<string> _files = [];
    readonly List<string> _leftOut = [];
    readonly Dictionary<string, string> _realFolders = [];
    readonly Dictionary<string, string> _entered = []; // real path → relative path
    readonly SortedDictionary<string, int> _otherFormats = new(StringComparer.Ordinal);
    readonly Queue<string> _links = [];

    FolderWalk(string root) => _root = root;

    /// <summary>The images, relative to the root, with / between the parts, in no order.</summary>
    public IReadOnlyList<string> Files => _files;

    /// <summary>What was left out, each with the reason.</summary>
    public IReadOnlyList<string> LeftOut => _leftOut;

    /// <summary>
    /// The folders by their relative paths, the root's being empty, each with its path without links.
    /// </summary>
    public IReadOnlyDictionary<string, string> RealFolders => _realFolders;

    /// <summary>Walks through a folder that exists.</summary>
    /// <exception cref="IOException">A folder cannot be listed.</exception>
    /// <exception cref="UnauthorizedAccessException">A folder may not be listed.</exception>
    public static FolderWalk Through(string root)
    {
        FolderWalk walk = new(root);
        walk.Enter("", RealFolder.Of(root));
        // After the folders themselves, so that what lies in the root keeps its own path.
        while (walk._links.TryDequeue(out string? link))
            walk.Follow(link);
        foreach ((string extension, int count) in walk._otherFormats)
            walk._leftOut.Add(
                $"{count} {extension} {(count == 1 ? "file is" : "files are")} left out of {root}: "
                    + "the format is not read; convert to PNG or JPEG."
            );
        return walk;
    }

    void Enter(string relative, string real)
    {
        if (!_entered.TryAdd(real, relative))
        {
            _leftOut.Add(
                $"{Shown(relative)} is left out: it is the folder that is listed as {Shown(_entered[real])} "
                    + $"already."
            );
            return;
        }
        _realFolders[relative] = real;
        List<string> folders = [];
        List<string> links = [];
        foreach ((string name, bool isFolder, bool isLink) in Entries(Path.Combine(_root, relative)))
        {
            string path = relative.Length == 0 ? name : $"{relative}/{name}";
            if (isLink && !isFolder && LeadsNowhere(Path.Combine(_root, path)))
                _leftOut.Add($"{Shown(path)} is left out: it is a link that leads nowhere.");
            else if (isFolder)
                (isLink ? links : folders).Add(name);
            else
                List(path);
        }
        foreach (string link in links.Order(StringComparer.Ordinal))
            _links.Enqueue(relative.Length == 0 ? link : $"{relative}/{link}");
        foreach (string folder in folders.Order(StringComparer.Ordinal))
            Enter(relative.Length == 0 ? folder : $"{relative}/{folder}", Path.Combine(real, folder));
    }

    void Follow(string link)
    {
        int end = link.LastIndexOf('/');
        string holder = _realFolders[end < 0 ? "" : link[..end]];
        string target = RealFolder.Of(Path.Combine(holder, link[(end + 1)..]));
        if (RealFolder.IsIn(holder, target))
            _leftOut.Add(
                $"{Shown(link)} is left out: it is a link to {target}, in which it lies itself, and would "
                    + $"lead in a circle."
            );
        else
            Enter(link, target);
    }

    void List(string path)
    {
        string extension = Path.GetExtension(path).ToLowerInvariant();
        if (ImageNames.IsImage(path))
            _files.Add(path);
        else if (OtherFormats.Contains(extension))
            _otherFormats[extension] = _otherFormats.GetValueOrDefault(extension) + 1;
    }

    // A link exists for the system even where what it names does not.
    static bool LeadsNowhere(string link)
    {
        try
        {
            return File.ResolveLinkTarget(link, returnFinalTarget: true) is not { } target
                || !File.Exists(target.FullName);
        }
        catch (IOException)
        {
            return true;
        }
    }

    static IEnumerable<(string Name, bool IsFolder, bool IsLink)> Entries(string folder) =>
        new FileSystemEnumerable<(string Name, bool IsFolder, bool IsLink)>(
            folder,
            // Cloud-synchronized folders are reparse points, too, but no links.
            (ref entry) =>
                (
                    entry.FileName.ToString(),
                    entry.IsDirectory,
                    entry.Attributes.HasFlag(FileAttributes.ReparsePoint)
                        && entry.ToFileSystemInfo().LinkTarget is not null
                ),
            Options
        )
        {
            ShouldIncludePredicate = (ref entry) => !ImageNames.IsForeign(entry.FileName.ToString()),
        };

    string Shown(string relative) => relative.Length == 0 ? _root : Path.Combine(_root, relative);
}
