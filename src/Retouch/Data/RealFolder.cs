namespace Retouch.Data;

/// <summary>Paths without links on the way, by which folders are told apart.</summary>
static class RealFolder
{
    // As many as Linux follows.
    const int MostLinks = 40;

    /// <summary>
    /// The absolute path of a folder with every link on the way followed; what does not exist is left as it is
    /// written.
    /// </summary>
    /// <exception cref="IOException">Links lead in a circle.</exception>
    public static string Of(string path) => Of(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), 0);

    /// <summary>Whether a folder is another one or lies in it; both without links.</summary>
    public static bool IsIn(string folder, string other) =>
        folder == other
        || folder.StartsWith(
            Path.EndsInDirectorySeparator(other) ? other : other + Path.DirectorySeparatorChar,
            StringComparison.Ordinal
        );

    static string Of(string path, int links)
    {
        if (links > MostLinks)
            throw new IOException($"the links at {path} lead in a circle");
        if (Path.GetDirectoryName(path) is not { } parent)
            return path;
        string here = Path.Combine(Of(parent, links), Path.GetFileName(path));
        return new DirectoryInfo(here).LinkTarget is string target
            ? Of(Path.TrimEndingDirectorySeparator(Path.GetFullPath(target, Path.GetDirectoryName(here)!)), links + 1)
            : here;
    }
}
