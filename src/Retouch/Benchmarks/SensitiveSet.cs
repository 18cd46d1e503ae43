using Retouch.Images;
using Retouch.Measurement;
using Retouch.Suffix;

namespace Retouch.Benchmarks;

/// <summary>
/// Sensitive images as their prefix and the unedited model's predictions, kept so that many edits can be measured on
/// them. Owns their prefixes.
/// </summary>
public sealed class SensitiveSet : IDisposable
{
    readonly LocalitySet _set;
    readonly IReadOnlyList<CandidateImage> _images;

    SensitiveSet(LocalitySet set, IReadOnlyList<CandidateImage> images, IReadOnlyList<Problem> skipped) =>
        (_set, _images, Skipped) = (set, images, skipped);

    /// <summary>Why images were left out that cannot be decoded.</summary>
    public IReadOnlyList<Problem> Skipped { get; }

    /// <summary>Counts what an edit changes.</summary>
    /// <param name="delta">What the edit adds.</param>
    /// <param name="leftOut">The hashes of images that do not count: those of the edited group.</param>
    public ChangeCount Measure(ModelDelta delta, IReadOnlySet<string> leftOut) => Count(_set.Measure(delta), leftOut);

    /// <summary>The same of a model that patches were applied to.</summary>
    /// <param name="edited">The edited model, cut like the unedited one.</param>
    /// <param name="leftOut">The hashes of images that do not count: those of the edited groups.</param>
    public ChangeCount Measure(SplitVit edited, IReadOnlySet<string> leftOut) => Count(_set.Measure(edited), leftOut);

    /// <summary>Loads the images; the caller disposes the result.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="images">The images.</param>
    /// <param name="preprocessing">How they are made into pixels.</param>
    /// <param name="progress">Told the number of images done, or null to ignore.</param>
    /// <param name="memory">
    /// Bytes that the prefixes may take in memory, or null for a quarter of what the process may use.
    /// </param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="BadInputException">No image can be decoded.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static SensitiveSet Load(
        SplitVit split,
        IReadOnlyList<CandidateImage> images,
        Preprocessing preprocessing,
        IProgress<int>? progress = null,
        long? memory = null,
        CancellationToken cancellation = default
    )
    {
        (LocalitySet set, IReadOnlyList<int> loaded, IReadOnlyList<(int File, Problem Why)> failed) = Locality.Load(
            split,
            new Locality.ImagePaths("sensitive images", null, [.. images.Select(i => i.FullPath)]),
            preprocessing,
            progress,
            memory,
            unedited: null,
            cancellation
        );
        return new SensitiveSet(set, [.. loaded.Select(i => images[i])], [.. failed.Select(f => f.Why)]);
    }

    /// <summary>Frees the prefixes.</summary>
    public void Dispose() => _set.Dispose();

    ChangeCount Count(LocalityMeasurement measurement, IReadOnlySet<string> leftOut) =>
        new(
            _images.Count(i => !leftOut.Contains(i.Sha256)),
            measurement.Changed.Count(c => !leftOut.Contains(_images[c.Image].Sha256))
        );
}
