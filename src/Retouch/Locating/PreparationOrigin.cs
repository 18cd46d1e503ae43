using System.Globalization;
using System.Security.Cryptography;
using Retouch.Data;

namespace Retouch.Locating;

/// <summary>
/// Which images a <see cref="Preparation"/> was learned from, by their bytes, and how they were made into pixels:
/// wherever they lie, and whenever they were touched, they are the same. Immutable.
/// </summary>
/// <param name="Images">How many images there were.</param>
/// <param name="Used">Over how many of them what was learned is spread.</param>
/// <param name="Sha256">SHA-256 over the hashes of these in their order, in lower-case hexadecimal.</param>
/// <param name="Preprocessing">How they were made into pixels.</param>
sealed record PreparationOrigin(int Images, int Used, string Sha256, string Preprocessing)
{
    const string ImagesKey = "images";
    const string UsedKey = "imagesUsed";
    const string HashKey = "imagesSha256";
    const string PreprocessingKey = "preprocessing";

    /// <summary>What was learned from images, after it was.</summary>
    public static PreparationOrigin Of(PreparationImages images) => Of(images, images.Used);

    /// <summary>In what images differ from these, as a clause; null where they are the same.</summary>
    public string? Difference(PreparationImages images)
    {
        PreparationOrigin now = Of(images, Used);
        return now.Preprocessing != Preprocessing ? $"other preprocessing ({Preprocessing})"
            : now.Images != Images ? $"{Images} images, not {now.Images}"
            : now.Sha256 != Sha256 ? $"other images (SHA-256 {Sha256[..12]}, not {now.Sha256[..12]})"
            : null;
    }

    /// <summary>Writes it among the texts of a file.</summary>
    public void Write(Dictionary<string, string> metadata)
    {
        metadata[ImagesKey] = Images.ToString(CultureInfo.InvariantCulture);
        metadata[UsedKey] = Used.ToString(CultureInfo.InvariantCulture);
        metadata[HashKey] = Sha256;
        metadata[PreprocessingKey] = Preprocessing;
    }

    /// <summary>Reads it; null where a file says nothing of it.</summary>
    public static PreparationOrigin? Read(IReadOnlyDictionary<string, string> metadata) =>
        Number(metadata, ImagesKey) is int images
        && Number(metadata, UsedKey) is int used
        && used <= images
        && metadata.TryGetValue(HashKey, out string? hash)
        && hash.Length == 2 * SHA256.HashSizeInBytes
        && metadata.TryGetValue(PreprocessingKey, out string? preprocessing)
            ? new PreparationOrigin(images, used, hash, preprocessing)
            : null;

    static int? Number(IReadOnlyDictionary<string, string> metadata, string key) =>
        int.TryParse(metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : null;

    static PreparationOrigin Of(PreparationImages images, int used)
    {
        IReadOnlyList<string> paths = images.Spread(used);
        byte[]?[] hashes = new byte[]?[paths.Count];
        Parallel.For(
            0,
            hashes.Length,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            i => hashes[i] = ContentHashes.Read(paths[i])
        );
        using IncrementalHash all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (byte[]? hash in hashes)
            all.AppendData(hash ?? new byte[SHA256.HashSizeInBytes]);
        return new PreparationOrigin(
            images.Folders.Paths.Count,
            paths.Count,
            Convert.ToHexStringLower(all.GetHashAndReset()),
            images.Preprocessing.ToJson()
        );
    }
}
