using System.Security.Cryptography;
using Retouch.Data;
using Retouch.Images;

namespace Retouch.Measurement;

/// <summary>Finds images that are edited among others, by their bytes, whatever the files are called.</summary>
static class EditedImages
{
    /// <summary>A folder without the images that are edited.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="images">The edited images' paths.</param>
    /// <returns>The others, and the files that were left out.</returns>
    /// <exception cref="BadInputException">An edited image cannot be read, or the folder holds no other.</exception>
    public static (ImageFolder Others, IReadOnlyList<string> LeftOut) LeaveOut(
        ImageFolder folder,
        IReadOnlyList<string> images
    )
    {
        HashSet<string> hashes = [.. images.Select(ImageRoots.Hash)];
        HashSet<long> lengths = [.. images.Select(Length)];
        ILookup<bool, string> files = folder.Files.ToLookup(f => IsEdited(folder.FullPath(f)));
        return files[false].Any()
            ? (folder.With([.. files[false]]), [.. files[true]])
            : throw BadInput.Mismatch(
                folder.Root,
                $"{folder.Root} holds nothing but images that are edited; name a folder of others."
            );

        // A link has the length of its target only when opened.
        static long Length(string path)
        {
            using Stream stream = ImageFile.OpenRead(path);
            return stream.Length;
        }

        // One that cannot be read is named where it is decoded.
        bool IsEdited(string path)
        {
            try
            {
                using Stream stream = ImageFile.OpenRead(path);
                return lengths.Contains(stream.Length)
                    && hashes.Contains(Convert.ToHexStringLower(SHA256.HashData(stream)));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or BadInputException)
            {
                return false;
            }
        }
    }
}
