using Retouch.Images;
using Retouch.Measurement;
using Retouch.Suffix;

namespace Retouch.Benchmarks;

/// <summary>
/// Near images as their prefix and the unedited model's predictions, kept so that many edits can be measured on them.
/// Owns their prefixes.
/// </summary>
public sealed class NearSet : IDisposable
{
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

    /// <summary>The images that could be decoded.</summary>
    public IReadOnlyList<NearImage> Images => _images;

    /// <summary>The class that the unedited model gives each of them.</summary>
    public IReadOnlyList<int> Predictions => _set.Predictions;

    /// <summary>The prefix of some of them, in the order asked for; the caller disposes it.</summary>
    /// <param name="images">Their places.</param>
    internal PrefixState States(IReadOnlyList<int> images) => _set.States(images);

    /// <summary>How the unedited model does on all of them, by folder: flips of an edit that changes nothing.</summary>
    public IReadOnlyDictionary<string, Flips> Unedited => UneditedWithout(new HashSet<string>());

    /// <summary>The same without some images.</summary>
    /// <param name="leftOut">The hashes of images that do not count.</param>
    public IReadOnlyDictionary<string, Flips> UneditedWithout(IReadOnlySet<string> leftOut) =>
        Count(new LocalityMeasurement(_images.Count, []) { Before = _set.Predictions }, leftOut);

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
    /// <param name="unedited">
    /// The model whose right answers are to be kept where <paramref name="split"/> is one that was edited before, or
    /// null for <paramref name="split"/>.
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
        SplitVit? unedited = null,
        CancellationToken cancellation = default
    )
    {
        (LocalitySet set, IReadOnlyList<int> loaded, IReadOnlyList<(int File, Problem Why)> failed) = Locality.Load(
            split,
            new Locality.ImagePaths("near images", null, [.. near.Images.Select(i => i.FullPath)]),
            preprocessing,
            progress,
            memory,
            unedited,
            cancellation
        );
        return new NearSet(set, [.. loaded.Select(i => near.Images[i])], [.. failed.Select(f => f.Why)]);
    }

    /// <summary>Frees the prefixes.</summary>
    public void Dispose() => _set.Dispose();

    SortedDictionary<string, Flips> Count(LocalityMeasurement measurement, IReadOnlySet<string> leftOut) =>
        measurement.Flips([.. _images.Select(i => leftOut.Contains(i.Sha256) ? null : i.Accepted)], _folders);
}
