using System.Security.Cryptography;
using System.Text;

namespace Retouch.Formats;

/// <summary>
/// The SHA-256 of a part's file in a file beside it, as sha256sum writes and reads it. That it is there says that the
/// part came to its end; where it does not fit, the part was changed since.
/// </summary>
static class PartSum
{
    const string Extension = ".sha256";
    const int LongestSum = 1 << 12;

    /// <summary>Where a part's sum is.</summary>
    /// <param name="part">The part's file.</param>
    public static string PathOf(string part) => part + Extension;

    /// <summary>Writes the sum of a part that came to its end.</summary>
    /// <param name="part">The part's file.</param>
    /// <exception cref="BadInputException">The part cannot be read, or its sum not be written.</exception>
    public static void Write(string part) =>
        AtomicFile.Write(
            PathOf(part),
            overwrite: true,
            stream => stream.Write(Encoding.UTF8.GetBytes($"{Of(part)}  {Path.GetFileName(part)}\n"))
        );

    /// <summary>Takes away the sum of a part that is written again.</summary>
    /// <param name="part">The part's file.</param>
    /// <exception cref="BadInputException">It cannot be deleted.</exception>
    public static void Forget(string part) => AtomicFile.Delete(PathOf(part));

    /// <summary>Whether a part is as it was when it came to its end; null where no sum says it.</summary>
    /// <param name="part">The part's file.</param>
    /// <exception cref="BadInputException">One of the two cannot be read.</exception>
    public static bool? Fits(string part)
    {
        string path = PathOf(part);
        return File.Exists(path)
            ? InputFile.ReadText(path, LongestSum).Split(' ')[0].Equals(Of(part), StringComparison.OrdinalIgnoreCase)
            : null;
    }

    /// <summary>Refuses a part that was changed since it came to its end.</summary>
    /// <param name="part">The part's file.</param>
    /// <returns>Whether a sum says that it was not; false where there is none.</returns>
    /// <exception cref="BadInputException">It was changed, or cannot be read.</exception>
    public static bool Require(string part) =>
        Fits(part) is not bool fits ? false
        : fits ? true
        : throw Changed(part);

    /// <summary>The error of a part's file that was changed.</summary>
    /// <param name="file">The file.</param>
    public static BadInputException Changed(string file) =>
        BadInput.Damaged(
            file,
            $"{file} is not as its task wrote it: its SHA-256 is another. Run that task again, or copy the file again, "
                + "then merge again."
        );

    /// <summary>A file's SHA-256 in lower-case hexadecimal.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="BadInputException">It cannot be read.</exception>
    public static string Of(string file)
    {
        using FileStream stream = InputFile.Open(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
