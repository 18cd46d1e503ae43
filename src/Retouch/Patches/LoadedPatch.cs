using System.Security.Cryptography;
using Retouch.Formats;

namespace Retouch.Patches;

/// <summary>A patch that was read from a file, and what names the two. Owns the patch.</summary>
public sealed class LoadedPatch : IDisposable
{
    LoadedPatch(string path, Patch patch, string sha256, long bytes, string? origin) =>
        (Path, Patch, Change, Sha256, Bytes, Origin) = (path, patch, PatchFile.Digest(patch), sha256, bytes, origin);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The patch.</summary>
    public Patch Patch { get; }

    /// <summary>
    /// SHA-256 over what the patch changes, in lower-case hexadecimal: the same for patches that do the same, wherever
    /// they come from.
    /// </summary>
    public string Change { get; }

    /// <summary>SHA-256 of the file's bytes, in lower-case hexadecimal.</summary>
    public string Sha256 { get; }

    /// <summary>The file's length in bytes.</summary>
    public long Bytes { get; }

    /// <summary>
    /// Where the file lay before a ledger copied it, or null: its images' paths go on from there, too.
    /// </summary>
    public string? Origin { get; }

    /// <summary>Reads a patch; the caller disposes it.</summary>
    /// <exception cref="BadInputException">The file cannot be read or is not a patch; the message says why.</exception>
    public static LoadedPatch Load(string path) => Load(path, origin: null);

    internal static LoadedPatch Load(string path, string? origin)
    {
        (string sha256, long bytes) = Identify(path);
        return new LoadedPatch(path, PatchFile.Load(path), sha256, bytes, origin);
    }

    /// <summary>SHA-256 of a file's bytes, in lower-case hexadecimal, and how many they are.</summary>
    /// <exception cref="BadInputException">The file cannot be read.</exception>
    public static (string Sha256, long Bytes) Identify(string path)
    {
        using FileStream stream = InputFile.Open(path);
        try
        {
            return (Convert.ToHexStringLower(SHA256.HashData(stream)), stream.Length);
        }
        catch (IOException e)
        {
            throw BadInput.Inaccessible(path, $"{path} cannot be read: {SystemMessage.Of(e)}.", cause: e);
        }
    }

    /// <summary>Frees the patch.</summary>
    public void Dispose() => Patch.Dispose();
}
