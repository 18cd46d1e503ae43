namespace Retouch.Formats;

/// <summary>
/// Tells whether two paths lead to one file or folder: relative or not, through links, and where case does not matter
/// in other case.
/// </summary>
public static class FileIdentity
{
    const int MostLinks = 40;

    /// <summary>
    /// Whether both paths lead to the same existing file or folder. A second name of a file (a hard link) counts as
    /// another.
    /// </summary>
    public static bool Same(string first, string second)
    {
        if (!Exists(first) || !Exists(second))
            return false;
        string one = Real(first);
        string other = Real(second);
        return one == other || (one.Equals(other, StringComparison.OrdinalIgnoreCase) && DifferInCaseAlone(one, other));
    }

    // Every link on the way is followed, not the last alone.
    static string Real(string path, int links = 0)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string real = Path.GetPathRoot(full)!;
        foreach (
            string part in full[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries)
        )
        {
            real = Path.Combine(real, part);
            FileSystemInfo entry = Directory.Exists(real) ? new DirectoryInfo(real) : new FileInfo(real);
            if (entry.LinkTarget is string target && links < MostLinks)
                real = Real(Path.Combine(Path.GetDirectoryName(real)!, target), links + 1);
        }
        return real;
    }

    // Both exist and differ in case: a system that tells case has an entry for each.
    static bool DifferInCaseAlone(string one, string other)
    {
        for (; one != other; (one, other) = (Path.GetDirectoryName(one)!, Path.GetDirectoryName(other)!))
        {
            string folder = Path.GetDirectoryName(one)!;
            string name = Path.GetFileName(one);
            string twin = Path.GetFileName(other);
            if (
                name != twin
                && Directory
                    .EnumerateFileSystemEntries(folder)
                    .Select(Path.GetFileName)
                    .Count(n => n == name || n == twin) > 1
            )
                return false;
        }
        return true;
    }

    static bool Exists(string path) => !string.IsNullOrWhiteSpace(path) && !path.Contains('\0') && Path.Exists(path);
}
