using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Suffix;

namespace Retouch.UseCases;

/// <summary>
/// The near images of an edit, loaded, without those that it or its method has seen. Owns their prefixes.
/// </summary>
sealed class NearReference : IDisposable
{
    readonly NearSet _set;
    readonly IReadOnlySet<string> _seen;
    readonly int _leftOut;

    NearReference(NearSet set, IReadOnlySet<string> seen, int leftOut) =>
        (_set, _seen, _leftOut) = (set, seen, leftOut);

    /// <summary>Loads them; the caller disposes the result.</summary>
    /// <param name="near">The images.</param>
    /// <param name="edited">The paths of the edited images.</param>
    /// <param name="learned">The hashes of images that the method learned from.</param>
    /// <param name="split">The model to edit, cut.</param>
    /// <param name="unedited">The unedited model, cut like it, where that is another; else null.</param>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="memory">Bytes that may be kept in memory; null for a quarter of what the process may use.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops between images.</param>
    /// <exception cref="BadInputException">No image can be decoded.</exception>
    public static NearReference Load(
        NearImages near,
        IReadOnlyList<string> edited,
        IReadOnlySet<string> learned,
        SplitVit split,
        SplitVit? unedited,
        Preprocessing preprocessing,
        long? memory,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        HashSet<string> seen = [.. edited.Select(ImageRoots.Hash), .. learned];
        NearSet set = events.Progress(
            "loading near images",
            near.Count,
            report =>
            {
                Told<int> told = new(done => report(done, null));
                return NearSet.Load(split, near, preprocessing, told, memory, unedited, cancellation);
            }
        );
        foreach (Problem why in set.Skipped)
            events.Warn("skipped", why);
        return new NearReference(set, seen, near.Images.Count(i => seen.Contains(i.Sha256)));
    }

    /// <summary>Refuses images among which there is nothing to keep.</summary>
    /// <exception cref="BadInputException">The unedited model gives none of them a right class.</exception>
    public void RequireRight()
    {
        Flips before = Flips.Sum(_set.UneditedWithout(_seen).Values);
        if (before.RightBefore == 0)
            throw BadInput.OutOfRange(
                null,
                $"The model gives none of the {before.Images} near images a right class, so that a guard has nothing "
                    + "to keep; name others.",
                Remedy.Option(Parameter.AcceptedClasses)
            );
    }

    /// <summary>Counts what an edit fixes and breaks, by folder.</summary>
    public IReadOnlyDictionary<string, Flips> Measure(ModelDelta delta) => _set.Measure(delta, _seen);

    /// <summary>The same for a report.</summary>
    public EditNear Describe(IReadOnlyDictionary<string, Flips> byFolder) =>
        new(Flips.Sum(byFolder.Values), byFolder, _leftOut);

    public void Dispose() => _set.Dispose();
}
