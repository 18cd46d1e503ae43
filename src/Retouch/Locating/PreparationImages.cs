using Retouch.Data;
using Retouch.Images;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// The ordinary images that preparations learn from, in an order that is the same on every machine. Immutable.
/// </summary>
/// <param name="Folders">The images; labels are not needed.</param>
/// <param name="Preprocessing">How they are made into pixels.</param>
public sealed record PreparationImages(ImageFolders Folders, Preprocessing Preprocessing)
{
    // As many as the prefix takes at once.
    const int Chunk = 16;

    readonly Most _used = new();

    /// <summary>Over how many files something was spread at most; all where nothing was.</summary>
    internal int Used => _used.Count ?? Folders.Paths.Count;

    /// <summary>A part of the files, spread evenly over the folders.</summary>
    /// <param name="most">How many at most.</param>
    public IReadOnlyList<string> Spread(int most)
    {
        IReadOnlyList<string> paths = Folders.Paths;
        int count = Math.Min(most, paths.Count);
        _used.Count = Math.Max(count, _used.Count ?? 0);
        return [.. Enumerable.Range(0, count).Select(i => paths[(int)((long)i * paths.Count / count)])];
    }

    /// <summary>
    /// The prefix of images that are spread evenly over the folders, a few images in memory at a time. Files that
    /// cannot be decoded are left out.
    /// </summary>
    /// <param name="split">The model.</param>
    /// <param name="most">How many images at most.</param>
    /// <param name="progress">
    /// Told how many are done, after whoever enumerates is done with them, or null to ignore.
    /// </param>
    /// <param name="skip">
    /// As many of the first images are left out, since they were done before: a number that
    /// <paramref name="progress"/> told.
    /// </param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <returns>States of a few images each; whoever enumerates disposes each.</returns>
    /// <exception cref="BadInputException">None can be decoded.</exception>
    public IEnumerable<PrefixState> States(
        SplitVit split,
        int most,
        IProgress<PreparationProgress>? progress = null,
        int skip = 0,
        CancellationToken cancellation = default
    )
    {
        IReadOnlyList<string> paths = Spread(most);
        int done = skip;
        int used = 0;
        Problem? firstReason = null;
        foreach (string[] chunk in paths.Skip(skip).Chunk(VitCost.Of(split.Model.Config).ImagesTogether(Chunk)))
        {
            cancellation.ThrowIfCancellationRequested();
            (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
                ImageLoader.LoadAvailable(chunk, Preprocessing);
            using (pixels)
            {
                used += loaded.Count;
                firstReason ??= failed.Count > 0 ? failed[0].Why : null;
                if (loaded.Count > 0)
                    yield return split.Prefix(pixels);
            }
            progress?.Report(new PreparationProgress(done += chunk.Length, paths.Count));
        }
        if (used == 0 && skip == 0)
            throw BadInput.Missing(
                null,
                $"None of the {paths.Count} images can be decoded; the first: {firstReason?.Message}",
                firstReason?.Remedy
            );
    }

    /// <summary>A number that grows.</summary>
    sealed class Most
    {
        public int? Count { get; set; }
    }
}
