using System.Security.Cryptography;

namespace Retouch.Formats;

/// <summary>A file on a server, as its headers state it.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Address">Where to ask for it.</param>
/// <param name="Etag">What the hub calls its contents by; null elsewhere.</param>
/// <param name="Commit">The commit that it belongs to; null outside the hub.</param>
/// <param name="Size">Its bytes, or null if the server does not say.</param>
/// <param name="Hash">
/// The hash that its contents must have, in lower-case hexadecimal, or null if the server states none.
/// </param>
/// <param name="Kind">Which hash that is.</param>
sealed record RemoteFile(
    string Name,
    Uri Address,
    string? Etag,
    string? Commit,
    long? Size,
    string? Hash,
    RemoteHash Kind
)
{
    /// <summary>Whether a file has the stated hash, or none is stated.</summary>
    public bool Fits(string path)
    {
        if (Hash is null)
            return true;
        using FileStream stream = File.OpenRead(path);
        using IncrementalHash hash = IncrementalHash.CreateHash(
            Kind switch
            {
                RemoteHash.Sha256 => HashAlgorithmName.SHA256,
                RemoteHash.GitSha1 => HashAlgorithmName.SHA1,
                _ => HashAlgorithmName.MD5,
            }
        );
        if (Kind == RemoteHash.GitSha1)
            hash.AppendData(System.Text.Encoding.ASCII.GetBytes($"blob {stream.Length}\0"));
        byte[] buffer = new byte[1 << 20];
        for (int read; (read = stream.Read(buffer)) > 0; )
            hash.AppendData(buffer, 0, read);
        return Convert.ToHexStringLower(hash.GetHashAndReset()) == Hash;
    }
}
