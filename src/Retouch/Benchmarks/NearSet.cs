using Retouch.Images;
using Retouch.Measurement;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Benchmarks;

/// <summary>
/// Near images as their prefix and the unedited model's predictions, kept so that many edits can be measured on them.
/// Owns their prefixes.
/// </summary>
public sealed class NearSet : IDisposable
{
    const int Chunk = 16;

    readonly LocalitySet _set;
    readonly IReadOnlyList<NearImage> _images;
    readonly string[] _folders;

    NearSet(LocalitySet set, IReadOnlyList<NearImage> images, IReadOnlyList<Problem> skipped)
    {
        (_set, _images, Skipped) = (set, images, skipped);
        _folders = [.. images.Select(i => i.Folder)];
    }

    /// <summary>Why images were left out that cannot be decoded.</summary>
    public IReadOnlyList<Problem> Skipped { get; }

    /// <summary>How the unedited model does on all of them, by folder: flips of an edit that changes nothing.</summary>
    public IReadOnlyDictionary<string, Flips> Unedited =>
        Count(new LocalityMeasurement(_images.Count, []) { Before = _set.Predictions }, new HashSet<string>());

    /// <summary>Counts what an edit fixes and what it breaks.</summary>
    /// <param name="delta">What the edit adds.</param>
    /// <param name="leftOut">The hashes of images that do not count: those of the edited group.</param>
    /// <returns>The counts by folder, <see cref="NearImage.Folder"/>, in ordinal order.</returns>
    public IReadOnlyDictionary<string, Flips> Measure(ModelDelta delta, IReadOnlySet<string> leftOut) =>
        Count(_set.Measure(delta), leftOut);

    /// <summary>The same of a model that patches were applied to.</summary>
    /// <param name="edited">The edited model, cut like the unedited one.</param>
    /// <param name="leftOut">The hashes of images that do not count: those of the edited groups.</param>
    public IReadOnlyDictionary<string, Flips> Measure(SplitVit edited, IReadOnlySet<string> leftOut) =>
        Count(_set.Measure(edited), leftOut);

    /// <summary>Loads the images; the caller disposes the result.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="near">The images.</param>
    /// <param name="preprocessing">How they are made into pixels.</param>
    /// <param name="progress">Told the number of images done, or null to ignore.</param>
    /// <param name="memory">
    /// Bytes that the prefixes may take in memory, or null for a quarter of what the process may use.
    /// </param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="BadInputException">No image can be decoded.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static NearSet Load(
        SplitVit split,
        NearImages near,
        Preprocessing preprocessing,
        IProgress<int>? progress = null,
        long? memory = null,
        CancellationToken cancellation = default
    )
    {
        List<NearImage> images = [];
        List<Problem> skipped = [];
        List<PrefixState> together = [];
        PrefixStore states = new(memory);
        int done = 0;
        try
        {
            foreach (NearImage[] chunk in near.Images.Chunk(VitCost.Of(split.Model.Config).ImagesTogether(Chunk)))
            {
                cancellation.ThrowIfCancellationRequested();
                (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
                    ImageLoader.LoadAvailable([.. chunk.Select(i => i.FullPath)], preprocessing);
                using (pixels)
                {
                    if (loaded.Count > 0)
                        together.Add(split.Prefix(pixels));
                }
                images.AddRange(loaded.Select(i => chunk[i]));
                skipped.AddRange(failed.Select(f => f.Why));
                if (together.Sum(s => s.Images) >= PrefixStore.Together)
                    states.Add(together);
                progress?.Report(done += chunk.Length);
            }
            if (together.Count > 0)
                states.Add(together);
            if (images.Count == 0)
                throw BadInput.Missing(
                    null,
                    $"None of the {near.Count} near images can be decoded; the first: {skipped[0].Message}",
                    skipped[0].Remedy
                );
            return new NearSet(new LocalitySet(split, states), images, skipped);
        }
        catch
        {
            together.ForEach(s => s.Dispose());
            states.Dispose();
            throw;
        }
    }

    /// <summary>Frees the prefixes.</summary>
    public void Dispose() => _set.Dispose();

    SortedDictionary<string, Flips> Count(LocalityMeasurement measurement, IReadOnlySet<string> leftOut) =>
        measurement.Flips([.. _images.Select(i => leftOut.Contains(i.Sha256) ? null : i.Accepted)], _folders);
}
