using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>A benchmark's file, and where its images are. Immutable.</summary>
public sealed record BenchmarkSource
{
    /// <summary>The file.</summary>
    public required string File { get; init; }

    /// <summary>The folders that it was mined from.</summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>The folder of its locality images; null where it names none.</summary>
    public string? Locality { get; init; }

    /// <summary>Folders of labelled images of the same kind as the groups'; none to count no harm.</summary>
    public IReadOnlyList<string> Near { get; init; } = [];

    /// <summary>
    /// Folders of labelled images on which side effects of each method's default are measured; none to measure none.
    /// </summary>
    public IReadOnlyList<string> SideEffects { get; init; } = [];

    /// <summary>
    /// A file that says what folders' names among <see cref="Near"/> and <see cref="SideEffects"/> mean; null for what
    /// they are.
    /// </summary>
    public string? Accepted { get; init; }

    /// <summary>
    /// Folders of any images, among which those are sought that the model is unsure of; none to seek none.
    /// </summary>
    public IReadOnlyList<string> Sensitive { get; init; } = [];

    /// <summary>Below which difference of the two largest probabilities one of these is sensitive, in [0,1].</summary>
    public double SensitiveMargin { get; init; } = MiningSettings.PublishedMargin;

    /// <summary>
    /// Bytes that what is kept of the images may take in memory, of failures, of locality, of near and of sensitive
    /// images each; null for a quarter of what the process may use.
    /// </summary>
    public long? Memory { get; init; }

    /// <summary>Where the groups' images and the locality images are.</summary>
    /// <exception cref="BadInputException">A folder does not exist.</exception>
    public (ImageRoots Images, ImageRoots? Locality) Roots() =>
        (new ImageRoots(Images), Locality is null ? null : new ImageRoots([Locality]));

    /// <summary>Reads the benchmark.</summary>
    /// <exception cref="BadInputException">It cannot be read, or is another model's.</exception>
    public Benchmark Read(VitModel model)
    {
        Benchmark benchmark = BenchmarkFile.Load(File);
        benchmark.RequireModel(model);
        return benchmark;
    }

    /// <summary>Lists the near images and says what was left out; null where there are no folders of them.</summary>
    /// <exception cref="BadInputException">
    /// A folder or the mapping cannot be read, or no folder is called by a class.
    /// </exception>
    internal NearImages? ListNear(LabelSet labels, IUseCaseEvents events) =>
        NearListing.Of(Near, Near.Count > 0 || SideEffects.Count == 0 ? Accepted : null, labels, events);

    /// <summary>The same of the images for side effects.</summary>
    /// <exception cref="BadInputException">
    /// A folder or the mapping cannot be read, or no folder is called by a class.
    /// </exception>
    internal NearImages? ListSideEffects(LabelSet labels, IUseCaseEvents events) =>
        NearListing.Of(SideEffects, SideEffects.Count > 0 ? Accepted : null, labels, events);

    /// <summary>
    /// Lists the images among which sensitive ones are sought and says what was left out; null where there are none.
    /// </summary>
    /// <exception cref="BadInputException">A folder or a file cannot be read, or the margin is bad.</exception>
    internal SensitiveCandidates? ListSensitive(IUseCaseEvents events)
    {
        if (Sensitive.Count == 0)
            return null;
        SensitiveCandidates candidates = SensitiveCandidates.In(
            [.. Sensitive.Select(ImageFolder.Open)],
            SensitiveMargin
        );
        foreach (Problem why in candidates.Skipped)
            events.Warn(why.Message);
        if (candidates.Images.Count < candidates.Files)
            events.Note(
                $"of the {candidates.Files} files among which sensitive images are sought, "
                    + $"{candidates.Files - candidates.Images.Count} hold the same as another and do not count"
            );
        return candidates;
    }

    /// <summary>Loads the benchmark's images.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="model">Its file.</param>
    /// <param name="benchmark">The benchmark.</param>
    /// <param name="near">Labelled images of the same kind; null for none.</param>
    /// <param name="sensitive">Images that the model is unsure of; null for none.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops between images.</param>
    /// <returns>The images, which the caller disposes.</returns>
    /// <exception cref="BadInputException">An image is missing, another or unreadable.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public BenchData Load(
        SplitVit split,
        ModelFile model,
        Benchmark benchmark,
        NearImages? near,
        IReadOnlyList<CandidateImage>? sensitive,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        (ImageRoots images, ImageRoots? locality) = Roots();
        return Load(split, model, benchmark, images, locality, near, sensitive, Memory, events, cancellation);
    }

    /// <summary>The same of images whose places are known.</summary>
    internal static BenchData Load(
        SplitVit split,
        ModelFile model,
        Benchmark benchmark,
        ImageRoots images,
        ImageRoots? locality,
        NearImages? near,
        IReadOnlyList<CandidateImage>? sensitive,
        long? memory,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        int all =
            benchmark.Groups.Sum(g => g.Images.Count)
            + benchmark.Locality.Count
            + (near?.Count ?? 0)
            + (sensitive?.Count ?? 0);
        return events.Progress(
            "loading images",
            all,
            report =>
            {
                Told<int> told = new(done => report(done, null));
                return BenchData.Load(
                    split,
                    benchmark,
                    model.Preprocessing,
                    images,
                    locality,
                    told,
                    memory,
                    near,
                    sensitive,
                    cancellation
                );
            }
        );
    }

    /// <summary>
    /// What loads the benchmark's images, which are found and checked here, for any cut of the model.
    /// </summary>
    internal Func<SplitVit, BenchData> Loader(
        ModelFile model,
        Benchmark benchmark,
        NearImages? near,
        CancellationToken cancellation
    )
    {
        (ImageRoots images, ImageRoots? locality) = Roots();
        BenchData.Find(benchmark, images, locality);
        return split =>
            BenchData.Load(
                split,
                benchmark,
                model.Preprocessing,
                images,
                locality,
                memory: Memory,
                near: near,
                cancellation: cancellation
            );
    }

    /// <summary>
    /// Says how many locality images are also edited ones, by their bytes: they do not count for the edits of their
    /// groups.
    /// </summary>
    internal static void SayShared(Benchmark benchmark, IUseCaseEvents events)
    {
        int all = benchmark.Locality.Count;
        int shared = all - benchmark.Unrelated(Enumerable.Range(0, benchmark.Groups.Count)).Count;
        if (shared > 0)
        {
            events.Note(
                $"{shared} of {all} locality images are also images of the benchmark's groups, by their content; "
                    + "an edit's LR leaves out those of its own group"
            );
        }
    }
}
