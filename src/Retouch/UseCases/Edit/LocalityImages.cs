using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Suffix;

namespace Retouch.UseCases;

/// <summary>The images that an edit should leave alone, and the model that says what they are.</summary>
/// <param name="folder">The images, without the edited ones.</param>
/// <param name="labels">The names of the model's classes.</param>
/// <param name="split">The model to edit, cut.</param>
/// <param name="unedited">The unedited model, cut like it, where that is another; else null.</param>
sealed class LocalityImages(ImageFolder folder, LabelSet labels, SplitVit split, SplitVit? unedited)
{
    readonly FolderClasses _classes = new(folder, labels);

    /// <summary>Measures one edit.</summary>
    public EditLocality Measure(
        ModelDelta delta,
        Preprocessing preprocessing,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        (LocalityMeasurement measurement, IReadOnlyList<string> files, IReadOnlyList<(string, Problem)> skipped) =
            events.Progress(
                "measuring locality",
                folder.Files.Count,
                report =>
                {
                    Told<int> told = new(done => report(done, null));
                    return Locality.Measure(split, delta, folder, preprocessing, told, unedited, cancellation);
                }
            );
        return Described(measurement, files, skipped, events);
    }

    /// <summary>Loads them, so that many edits can be measured; the caller disposes the result.</summary>
    /// <param name="preprocessing">How images are made into pixels.</param>
    /// <param name="memory">Bytes that may be kept in memory; null for a quarter of what the process may use.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops between images.</param>
    public Loaded Load(Preprocessing preprocessing, long? memory, IUseCaseEvents events, CancellationToken cancellation)
    {
        (LocalitySet set, IReadOnlyList<string> files, IReadOnlyList<(string, Problem)> skipped) = events.Progress(
            "loading locality images",
            folder.Files.Count,
            report =>
            {
                Told<int> told = new(done => report(done, null));
                return Locality.Load(split, folder, preprocessing, told, memory, unedited, cancellation);
            }
        );
        return new Loaded(set, measurement => Described(measurement, files, skipped, events));
    }

    EditLocality Described(
        LocalityMeasurement measurement,
        IReadOnlyList<string> files,
        IReadOnlyList<(string File, Problem Why)> skipped,
        IUseCaseEvents events
    )
    {
        foreach ((_, Problem why) in skipped)
            events.Warn("skipped", why);
        ChangedImage[] changed =
        [
            .. measurement.Changed.Select(c => new ChangedImage(
                files[c.Image],
                c.Before,
                c.After,
                Kind(files[c.Image], c)
            )),
        ];
        SortedDictionary<string, Flips> byFolder = measurement.Flips(
            [.. files.Select(_classes.Of)],
            [.. files.Select(_classes.Folder)]
        );
        return new EditLocality(measurement.Rate, measurement.Images, changed, [.. skipped.Select(s => s.File)])
        {
            Flips = byFolder.Count == 0 ? null : Flips.Sum(byFolder.Values),
            FlipsByFolder = byFolder,
            FlipsByClass = new SortedDictionary<int, Flips>(
                files
                    .Select(f => (Folder: _classes.Folder(f), Class: _classes.Of(f)))
                    .Where(f => f.Class is not null)
                    .DistinctBy(f => f.Folder)
                    .GroupBy(f => f.Class![0])
                    .ToDictionary(c => c.Key, c => Flips.Sum(c.Select(f => byFolder[f.Folder])))
            ),
        };
    }

    ChangeKind? Kind(string file, PredictionChange change) =>
        _classes.Of(file) is not { } right ? null
        : right.Contains(change.Before)
            ? right.Contains(change.After) ? null
                : ChangeKind.Damaged
        : right.Contains(change.After) ? ChangeKind.Corrected
        : ChangeKind.Wrong;

    /// <summary>The images, loaded. Owns their prefixes.</summary>
    /// <param name="set">The images.</param>
    /// <param name="describe">Says what an edit changed among them.</param>
    internal sealed class Loaded(LocalitySet set, Func<LocalityMeasurement, EditLocality> describe) : IDisposable
    {
        /// <summary>Measures an edit.</summary>
        public LocalityMeasurement Measure(ModelDelta delta) => set.Measure(delta);

        /// <summary>What an edit changed.</summary>
        public EditLocality Describe(LocalityMeasurement measurement) => describe(measurement);

        /// <summary>What no edit changed.</summary>
        public EditLocality Unchanged =>
            describe(new LocalityMeasurement(set.Predictions.Count, []) { Before = set.Predictions });

        public void Dispose() => set.Dispose();
    }
}
