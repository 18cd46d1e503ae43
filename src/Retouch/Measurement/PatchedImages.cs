using System.Security.Cryptography;
using Retouch.Data;
using Retouch.Images;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Measurement;

/// <summary>
/// Asks a model with several patches about the images that each of them was made for: each was measured alone.
/// </summary>
public static class PatchedImages
{
    static readonly Lazy<Dictionary<string, string>> s_nowhere = new(() => []);

    /// <summary>Looks for the patches' images and measures those that are there, unchanged.</summary>
    /// <param name="edited">The model with all of the patches.</param>
    /// <param name="preprocessing">How images are made into its pixels.</param>
    /// <param name="patches">
    /// The patches, each with the path of its file, from whose folder its images' paths go on.
    /// </param>
    /// <param name="folder">A folder in which images are looked for by their contents, too, or null for none.</param>
    /// <param name="cancellation">Stops between two images.</param>
    /// <returns>One result an image, in the order of the patches.</returns>
    public static IReadOnlyList<PatchedImage> Measure(
        VitModel edited,
        Preprocessing preprocessing,
        IReadOnlyList<(string Path, Patch Patch)> patches,
        ImageFolder? folder,
        CancellationToken cancellation
    ) =>
        Measure(
            edited,
            preprocessing,
            patches.Select(p => (p.Patch, (IReadOnlyList<string>)[p.Path])),
            folder is null ? [] : [folder],
            cancellation
        );

    /// <summary>The same of patches that a ledger may have copied, and with several folders.</summary>
    /// <param name="edited">The model with all of the patches.</param>
    /// <param name="preprocessing">How images are made into its pixels.</param>
    /// <param name="patches">The patches.</param>
    /// <param name="folders">The folders, the first the first looked into.</param>
    /// <param name="cancellation">Stops between two images.</param>
    /// <returns>One result an image, in the order of the patches.</returns>
    public static IReadOnlyList<PatchedImage> Measure(
        VitModel edited,
        Preprocessing preprocessing,
        IReadOnlyList<LoadedPatch> patches,
        IReadOnlyList<ImageFolder> folders,
        CancellationToken cancellation
    ) => Measure(edited, preprocessing, patches.Select(p => (p.Patch, Places(p))), folders, cancellation);

    static List<PatchedImage> Measure(
        VitModel edited,
        Preprocessing preprocessing,
        IEnumerable<(Patch Patch, IReadOnlyList<string> Places)> patches,
        IReadOnlyList<ImageFolder> folders,
        CancellationToken cancellation
    )
    {
        SplitVit split = new(edited);
        Lazy<Dictionary<string, string>> byHash = new(() => ByHash(folders));
        List<PatchedImage> results = [];
        foreach ((int p, (Patch patch, IReadOnlyList<string> places)) in patches.Index())
        {
            PatchProvenance provenance = patch.Provenance;
            foreach (PatchImage image in provenance.Images)
            {
                cancellation.ThrowIfCancellationRequested();
                (string? path, byte[]? bytes, Problem? missing) = Find(places, image, byHash);
                PatchedImage result = new(p, image, image.Label ?? provenance.Label, path, missing, null, 0);
                results.Add(bytes is null ? result : Measured(split, preprocessing, bytes, result));
            }
        }
        return results;
    }

    // Where the patch is, and where it was when its images' paths were right.
    static IReadOnlyList<string> Places(LoadedPatch patch) =>
        patch.Origin is string origin ? [patch.Path, origin] : [patch.Path];

    static PatchedImage Measured(SplitVit split, Preprocessing preprocessing, byte[] bytes, PatchedImage result)
    {
        using DisposeScope scope = NewDisposeScope();
        try
        {
            Tensor pixels = preprocessing.ToTensor(
                preprocessing.Apply(ImageDecoder.Decode(bytes, result.Path!, preprocessing.Orientation))
            );
            using PrefixState state = split.Prefix(pixels);
            (Tensor probabilities, Tensor classes) = special.softmax(split.Logits(state), 1).max(1);
            return result with { Predicted = (int)classes.item<long>(), Probability = probabilities.item<float>() };
        }
        catch (BadInputException e)
        {
            return result with { Missing = e.Problem };
        }
    }

    /// <summary>Looks for an image that a patch was made from.</summary>
    /// <param name="patch">The patch.</param>
    /// <param name="image">The image.</param>
    /// <param name="byHash">Further files by their SHA-256; null for none.</param>
    internal static (string? Path, byte[]? Bytes, Problem? Missing) Find(
        LoadedPatch patch,
        PatchImage image,
        Lazy<Dictionary<string, string>>? byHash = null
    ) => Find(Places(patch), image, byHash ?? s_nowhere);

    static (string? Path, byte[]? Bytes, Problem? Missing) Find(
        IReadOnlyList<string> places,
        PatchImage image,
        Lazy<Dictionary<string, string>> byHash
    )
    {
        string? other = null;
        foreach (string path in Candidates(places, image))
        {
            if (Read(path) is not byte[] bytes)
                continue;
            if (Hash(bytes) == image.Sha256)
                return (path, bytes, null);
            other ??= path;
        }
        return
            byHash.Value.TryGetValue(image.Sha256, out string? found)
            && Read(found) is byte[] same
            && Hash(same) == image.Sha256
            ? (found, same, null)
            : (
                null,
                null,
                other is null
                    ? new Problem("not found", BadInputKind.Missing, image.Path)
                    : new Problem($"{other} is another image now", BadInputKind.Mismatch, other)
            );
    }

    // A name is untrusted text, and a relative one goes on from the patch or from where the command runs.
    static IEnumerable<string> Candidates(IReadOnlyList<string> places, PatchImage image) =>
        ((string?[])[image.Path, image.Name])
            .OfType<string>()
            .Where(n => n.Length > 0 && !n.Contains('\0'))
            .SelectMany(n =>
                (string[])
                    [
                        .. places.Select(p => Path.GetFullPath(n, Path.GetDirectoryName(Path.GetFullPath(p))!)),
                        Path.GetFullPath(n),
                    ]
            )
            .Distinct();

    // A pipe or a device, which could be read without end, has no length.
    static byte[]? Read(string path)
    {
        try
        {
            return ImageFile.Length(path) is > 0 and <= ImageDecoder.MaxFileBytes ? ImageFile.ReadAllBytes(path) : null;
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>The images of folders by their SHA-256.</summary>
    internal static Dictionary<string, string> ByHash(IReadOnlyList<ImageFolder> folders)
    {
        Dictionary<string, string> paths = new(StringComparer.Ordinal);
        foreach (string path in folders.SelectMany(f => f.Files.Select(f.FullPath)))
        {
            if (Read(path) is byte[] bytes)
                paths.TryAdd(Hash(bytes), path);
        }
        return paths;
    }

    static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
