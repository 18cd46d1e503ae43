namespace Retouch.Formats;

/// <summary>The hashes by which servers name contents.</summary>
enum RemoteHash
{
    /// <summary>Of large files on the hub.</summary>
    Sha256,

    /// <summary>Git's name of a blob: SHA-1 over a head and the contents; of small files on the hub.</summary>
    GitSha1,

    /// <summary>Of files in Google's buckets.</summary>
    Md5,
}
