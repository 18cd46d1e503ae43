using Retouch.Data;

namespace Retouch.UseCases;

/// <summary>
/// Locality images of which a method learns from some and locality is measured on the others, so that no image says of
/// itself that it stayed. Which half an image is in follows from its bytes alone: whatever else lies in the folder, an
/// image that was learned from is never measured, nor is a copy of it. Of few images all are in both. Immutable.
/// </summary>
public sealed class LocalityHalves
{
    LocalityHalves(
        ImageFolder folder,
        IReadOnlyList<(string File, string Sha256)> learned,
        ImageFolder measured,
        bool areApart
    )
    {
        (Learned, Measured, AreApart) = (ImageFolders.Of(folder, learned), measured, areApart);
        Hashes = learned.Select(f => f.Sha256).ToHashSet();
        Count = folder.Files.Count;
    }

    /// <summary>What a method learns from.</summary>
    public ImageFolders Learned { get; }

    /// <summary>What locality is measured on.</summary>
    public ImageFolder Measured { get; }

    /// <summary>Whether no image is in both.</summary>
    public bool AreApart { get; }

    /// <summary>The hashes of <see cref="Learned"/>.</summary>
    public IReadOnlySet<string> Hashes { get; }

    /// <summary>How many images there are in all.</summary>
    public int Count { get; }

    /// <summary>Divides a folder.</summary>
    /// <param name="folder">The locality images.</param>
    public static LocalityHalves Of(ImageFolder folder)
    {
        (string File, string? Sha256)[] files =
        [
            .. folder.Files.AsParallel().AsOrdered().Select(f => (f, HashOf(folder.FullPath(f)))),
        ];
        // One that cannot be read is named where locality is measured.
        (string File, string Sha256)[] readable =
        [
            .. files.Where(f => f.Sha256 is not null).Select(f => (f.File, f.Sha256!)),
        ];
        (string File, string Sha256)[] half = [.. readable.Where(f => IsLearned(f.Sha256))];
        bool apart = readable.Length >= EditStatistics.Fewest && half.Length > 0 && half.Length < readable.Length;
        if (!apart)
            return new LocalityHalves(folder, readable, folder, areApart: false);
        HashSet<string> learned = [.. half.Select(f => f.File)];
        return new LocalityHalves(
            folder,
            half,
            folder.With([.. folder.Files.Where(f => !learned.Contains(f))]),
            areApart: true
        );
    }

    // Any bit of the hash is as good as a coin.
    static bool IsLearned(string sha256) => Convert.ToInt32(sha256[^1..], 16) % 2 == 0;

    static string? HashOf(string path)
    {
        try
        {
            return ImageRoots.Hash(path);
        }
        catch (BadInputException)
        {
            return null;
        }
    }
}
