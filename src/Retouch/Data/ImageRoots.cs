using System.Security.Cryptography;
using Retouch.Images;

namespace Retouch.Data;

/// <summary>
/// Folders and archives in which a benchmark's images are looked for; an image is taken by its hash, so that their
/// order does not matter.
/// </summary>
public sealed class ImageRoots
{
    readonly IReadOnlyList<string> _folders;

    /// <summary>Takes one folder or archive, or more.</summary>
    /// <exception cref="BadInputException">A folder does not exist.</exception>
    public ImageRoots(IReadOnlyList<string> folders)
    {
        if (folders.FirstOrDefault(f => !Directory.Exists(f) && ImagePath.Archive(f) is null) is string missing)
            throw BadInput.Missing(
                missing,
                Shards.IsPattern(missing)
                    ? $"No file matches {missing}: check the pattern, which * and ? are part of."
                    : $"There is no folder {missing}: check the path."
            );
        // One that cannot be read is refused before any image is sought in it.
        foreach (string list in folders.Where(f => ImageFolder.IsList(f, out _)))
            ImageArchive.Open(list);
        _folders = [.. folders.Select(f => ImagePath.Archive(f) is string archive ? $"{archive}{ImagePath.Mark}" : f)];
    }

    /// <summary>Refuses images of which several are nowhere, at once; one alone <see cref="Find"/> names.</summary>
    /// <param name="paths">The images' paths.</param>
    /// <exception cref="BadInputException">No folder holds them; the first are named.</exception>
    internal void Require(IEnumerable<string> paths)
    {
        const int named = 5;
        string[] all = [.. paths];
        string[] lost = [.. all.Where(p => !_folders.Any(f => ImageFile.Exists(Path.Combine(f, p))))];
        if (lost.Length < 2)
            return;
        string more = lost.Length > named ? $" and {lost.Length - named} more" : "";
        throw BadInput.Mismatch(
            lost[0],
            $"{lost.Length} of the {all.Length} images that the benchmark names are not below "
                + $"{string.Join(", ", _folders)}: {string.Join(", ", lost.Take(named))}{more}; name the folders that "
                + "it was mined from."
        );
    }

    /// <summary>The full path of an image.</summary>
    /// <exception cref="BadInputException">
    /// No folder holds it, or only a file of this name with other bytes.
    /// </exception>
    public string Find(string path, string sha256)
    {
        string? other = null;
        foreach (string folder in _folders)
        {
            string full = Path.Combine(folder, path);
            if (!ImageFile.Exists(full))
                continue;
            if (Hash(full) == sha256)
                return full;
            other = full;
        }
        throw BadInput.Mismatch(
            path,
            other is null
                ? $"The benchmark names the image {path}, which is not below {string.Join(", ", _folders)}; name the "
                    + "folders that it was mined from."
                : $"{other} is not the image that the benchmark names: its SHA-256 differs from {sha256}; use the "
                    + "original images, or mine the benchmark again."
        );
    }

    /// <summary>SHA-256 of a file's bytes in lower-case hexadecimal.</summary>
    /// <exception cref="BadInputException">The file cannot be read.</exception>
    public static string Hash(string path)
    {
        try
        {
            // A pipe, which would be waited for without end, has no length either.
            if (ImageFile.Length(path) == 0)
                return Convert.ToHexStringLower(SHA256.HashData([]));
            using Stream stream = ImageFile.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(path, $"{path} cannot be read: {SystemMessage.Of(e)}.", cause: e);
        }
    }
}
