using Retouch.Patches;

namespace Retouch.UseCases;

/// <summary>Looks for the files of patches that a model's file names.</summary>
public static class PatchSearch
{
    const int MostFiles = 10_000;

    /// <summary>
    /// Loads those that lie in some folders, whatever they are called there: a file of the right length is one if its
    /// SHA-256 says so. What is not found is left out. The caller disposes them.
    /// </summary>
    /// <param name="wanted">The patches.</param>
    /// <param name="folders">The folders, without those below them; one that cannot be listed is passed over.</param>
    public static IReadOnlyList<LoadedPatch> Find(IReadOnlyList<AppliedPatch> wanted, IReadOnlyList<string> folders)
    {
        List<LoadedPatch> found = [];
        HashSet<string> left = [.. wanted.Select(w => w.Sha256)];
        HashSet<long> lengths = [.. wanted.Select(w => w.Bytes)];
        try
        {
            foreach (string path in folders.Select(Path.GetFullPath).Distinct().SelectMany(Files))
            {
                if (left.Count == 0)
                    break;
                if (new FileInfo(path) is not { Exists: true } file || !lengths.Contains(file.Length))
                    continue;
                (string sha256, _) = LoadedPatch.Identify(path);
                if (left.Remove(sha256))
                    found.Add(LoadedPatch.Load(path));
            }
            return found;
        }
        catch
        {
            found.ForEach(p => p.Dispose());
            throw;
        }
    }

    static string[] Files(string folder)
    {
        try
        {
            return [.. Directory.EnumerateFiles(folder).Take(MostFiles).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
