using System.Security.Cryptography;
using Retouch.Images;

namespace Retouch.Data;

/// <summary>
/// The images of several folders as one list, in an order that is the same on every machine. Immutable.
/// </summary>
public sealed class ImageFolders
{
    readonly string[] _paths;
    string? _hash;

    ImageFolders(string[] paths, string[] leftOut) => (_paths, LeftOut) = (paths, leftOut);

    /// <summary>What lies in the folders and is not listed, each with the reason.</summary>
    public IReadOnlyList<string> LeftOut { get; }

    /// <summary>The paths of the files, folder by folder as they were given, each folder's in ordinal order.</summary>
    public IReadOnlyList<string> Paths => _paths;

    /// <summary>Lists the images of folders and their subfolders.</summary>
    /// <exception cref="BadInputException">
    /// There is no folder, one cannot be listed, holds no image, or lies in another.
    /// </exception>
    public static ImageFolders Open(IReadOnlyList<string> folders)
    {
        if (folders.Count == 0)
            throw BadInput.OutOfRange(null, "Name at least one folder of images.");
        ImageFolder[] opened = [.. folders.Select(ImageFolder.Open)];
        IEnumerable<string> real = opened.SelectMany(f => f.Files.Select(f.RealPath));
        if (real.GroupBy(p => p).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw BadInput.Ambiguous(null, $"{twice.Key} lies in two of the given folders; name each folder once.");
        return new ImageFolders(
            [.. opened.SelectMany(f => f.Files.Select(f.FullPath))],
            [.. opened.SelectMany(f => f.LeftOut)]
        );
    }

    /// <summary>Some files of one folder, whose hashes are known.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="files">Some of <see cref="ImageFolder.Files"/>, in their order, with their SHA-256.</param>
    internal static ImageFolders Of(ImageFolder folder, IReadOnlyList<(string File, string Sha256)> files) =>
        new([.. files.Select(f => folder.FullPath(f.File))], [])
        {
            _hash = Convert.ToHexStringLower(
                SHA256.HashData([.. files.SelectMany(f => Convert.FromHexString(f.Sha256))])
            ),
        };

    /// <summary>
    /// SHA-256 over the files' contents in their order, in lower-case hexadecimal: two copies of the same folders
    /// agree. Read on first use.
    /// </summary>
    /// <exception cref="BadInputException">A file cannot be read.</exception>
    public string Hash()
    {
        if (_hash is not null)
            return _hash;
        byte[][] hashes = new byte[_paths.Length][];
        try
        {
            Parallel.For(
                0,
                _paths.Length,
                ReadingBudget.Parallelism,
                i =>
                {
                    using Stream stream = ImageFile.OpenRead(_paths[i]);
                    hashes[i] = SHA256.HashData(stream);
                }
            );
        }
        catch (AggregateException e) when (e.InnerException is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(
                null,
                $"An image cannot be read: {SystemMessage.Of(e.InnerException)}.",
                cause: e
            );
        }
        return _hash = Convert.ToHexStringLower(SHA256.HashData([.. hashes.SelectMany(h => h)]));
    }
}
