using System.Diagnostics.CodeAnalysis;

namespace Retouch.Images;

/// <summary>Paths that lead into archives: the archive's own, an exclamation mark, and the image's within.</summary>
static class ImagePath
{
    /// <summary>What ends the path of an archive.</summary>
    public const char Mark = '!';

    /// <summary>Takes a path apart where it leads into an archive.</summary>
    /// <param name="path">The path.</param>
    /// <param name="archive">The archive's path.</param>
    /// <param name="name">The image's name within, with / between the parts.</param>
    public static bool TrySplit(string path, out string archive, out string name)
    {
        for (
            int mark = path.IndexOf(Mark, StringComparison.Ordinal);
            mark >= 0 && mark + 1 < path.Length;
            mark = path.IndexOf(Mark, mark + 1)
        )
        {
            if (path[mark + 1] is not ('/' or '\\') || !ImageArchive.Is(path[..mark]))
                continue;
            (archive, name) = (path[..mark], path[(mark + 2)..].Replace('\\', '/'));
            return true;
        }
        (archive, name) = ("", "");
        return false;
    }

    /// <summary>The archive that a root of images stands for; null where it is no archive.</summary>
    /// <param name="root">A folder or an archive, with or without its mark.</param>
    public static string? Archive(string root)
    {
        string bare = root.EndsWith(Mark) ? root[..^1] : root;
        return !Directory.Exists(root) && ImageArchive.Is(bare) ? bare : null;
    }

    /// <summary>What a folder or an archive is called: an archive without its extension.</summary>
    /// <param name="folder">The folder, or the archive with its mark.</param>
    public static string NameOf(string folder)
    {
        string name = Path.GetFileName(folder);
        return name.EndsWith(Mark) && Archive(folder) is not null ? Path.GetFileNameWithoutExtension(name) : name;
    }

    /// <summary>
    /// Whether an archive's entry has a name that can be part of a path: relative, staying inside, and not one of those
    /// that a folder's walk leaves out.
    /// </summary>
    /// <param name="name">The entry's name.</param>
    /// <param name="why">What is wrong with one that leads elsewhere; null where it is only left out.</param>
    public static bool IsNameable(string name, [NotNullWhen(false)] out string? why)
    {
        why = "";
        if (name.Length is 0 or > 1024 || name[0] is '/' or '\\' || name.Contains(':') || name.Any(char.IsControl))
            why = "its name is not a path within the archive";
        string[] parts = name.Split('/', '\\');
        if (parts.Any(p => p is ".." or "." or ""))
            why = "its name leads out of the archive";
        if (why.Length > 0)
            return false;
        if (parts.Any(ImageNames.IsForeign))
            return false;
        why = null;
        return true;
    }
}
