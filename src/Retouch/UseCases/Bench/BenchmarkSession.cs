using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Reports;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>
/// A benchmark's run: every edit of every setting, one row an edit, from which an interrupted run is resumed, then the
/// summary and the report. Holds the run's folder until it is disposed.
/// </summary>
public sealed class BenchmarkSession : IDisposable
{
    readonly BenchmarkRequest _request;
    readonly RunFolder _folder;

    /// <summary>Checks what can be checked without the model, and takes the folder where there is one.</summary>
    /// <param name="request">What to measure.</param>
    /// <exception cref="BadInputException">An option is out of range, or another process writes the folder.</exception>
    public BenchmarkSession(BenchmarkRequest request)
    {
        request.Options.Validate();
        _request = request;
        _folder = new RunFolder(request.Output, request.Shard, "bench");
    }

    /// <summary>Runs it, or what is left of it.</summary>
    /// <param name="model">The unedited model; not owned.</param>
    /// <param name="events">Told what happens; null to ignore.</param>
    /// <param name="cancellation">Stops between steps; whole batches stay in the folder.</param>
    /// <returns>What came of it; null where the benchmark has no groups, so that nothing was written.</returns>
    /// <exception cref="BadInputException">
    /// A file cannot be read or does not fit the model, a setting is none, or the folder holds something else.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; the message says what is kept.</exception>
    public BenchmarkReport? Run(
        ModelFile model,
        IUseCaseEvents? events = null,
        CancellationToken cancellation = default
    )
    {
        events ??= NoEvents.Instance;
        VitConfig config = model.Model.Config;
        using EditWindows windows = new(
            model.Model,
            _request.Files,
            _request.Options.Seed,
            events,
            space => ModelCut.Of(model.Model, space, _request.Precision, events)
        );
        Dictionary<string, EditSpace> spaces = _request
            .Methods.Distinct()
            .ToDictionary(m => m, m => _request.Blocks?.In(config) ?? Editing.Methods.Find(m).Window(config));
        EditSpace[] distinct = [.. spaces.Values.Distinct()];
        BenchSetting[] settings =
        [
            .. spaces.SelectMany(m =>
                EditorRegistry.Settings(
                    [m.Key],
                    _request.Sweep,
                    _request.Settings.GetValueOrDefault(m.Key) ?? Nothing,
                    windows.Resources(m.Value, alone: distinct.Length == 1)
                )
            ),
        ];
        PreparedFiles.SayUnused(_request.Files, windows.Asked, [.. spaces.Keys.Select(Editing.Methods.Find)], events);
        Benchmark benchmark = _request.Benchmark.Read(model.Model);
        if (benchmark.Groups.Count == 0)
            return null;
        BenchmarkSource.SayShared(benchmark, events);
        LabelSet names = ModelLabels.Of(model, _request.LabelFile);
        NearImages? near = _request.Benchmark.ListNear(names, events);
        NearImages? labelled = _request.Benchmark.ListSideEffects(names, events);
        SensitiveCandidates? candidates = _request.Benchmark.ListSensitive(events);
        BenchPlan plan = new(
            benchmark,
            settings,
            _request.Options with
            {
                Precision = Narrowest([.. distinct.Select(s => windows.Split(s).Precision)]),
                Orientation = model.Preprocessing.Orientation,
                Near = near,
                Sensitive = candidates,
            }
        );
        LabelSet? labels = names.HasNames ? names : null;
        _folder.Plan(plan, _request.Resume);
        SideEffects? effects = labelled is null ? null : Effects(plan, labelled, config, events);
        events.Note(ModelNotes.Preprocessing(model));
        IReadOnlyList<CandidateImage>? sensitive = null;
        try
        {
            if (candidates is not null)
                sensitive = Sensitive(model, benchmark, candidates, events, cancellation);
            foreach (EditSpace space in distinct)
                Data(space);
            if (near is not null)
                SayNear(near, Data(distinct[0]).Near!, benchmark, events);
            foreach (Problem why in Data(distinct[0]).Sensitive?.Skipped ?? [])
                events.Warn("skipped", why);
            _folder.Begin(benchmark, _request.Resume);
            events.Note(_folder.Description);
            IReadOnlyList<BenchRow> rows = _folder.Fill(
                events,
                (done, write) => BenchRun.Run(plan, Cut, _request.Shard, done, write, cancellation)
            );
            IReadOnlyList<SettingSummary> summary = SettingSummary.Of(rows);
            if (effects is not null)
                effects = Measure(new(plan, Cut, labelled!, model.Preprocessing), effects, events, cancellation);
            string? page =
                _request.Shard.Count > 1
                    ? null
                    : Report(model, benchmark, summary, labels, windows, Data, events, cancellation);
            return new BenchmarkReport(summary, _folder.RowFile, page)
            {
                SideEffects = effects is null ? [] : SideEffectSummary.Of(effects),
            };
        }
        catch (OperationCanceledException e)
        {
            throw new RunInterruptedException(_folder.Interruption, e, cancellation);
        }

        (SplitVit, BenchData) Cut(BenchSetting setting)
        {
            EditSpace space = windows.Space(setting.Settings);
            return (windows.Split(space), Data(space));
        }

        BenchData Data(EditSpace space) =>
            windows.Data(
                space,
                split => _request.Benchmark.Load(split, model, benchmark, near, sensitive, events, cancellation)
            );
    }

    /// <summary>Lets others write to the folder.</summary>
    public void Dispose() => _folder.Dispose();

    IReadOnlyList<CandidateImage> Sensitive(
        ModelFile model,
        Benchmark benchmark,
        SensitiveCandidates candidates,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        // What is missing is said before the long search.
        (ImageRoots images, ImageRoots? locality) = _request.Benchmark.Roots();
        BenchData.Find(benchmark, images, locality);
        IReadOnlyList<CandidateImage> found = _folder.Sensitive(candidates, Seek, cancellation);
        HashSet<string> own = benchmark.Hashes(Enumerable.Range(0, benchmark.Groups.Count));
        int shared = found.Count(i => own.Contains(i.Sha256));
        string left =
            shared == 0
                ? ""
                : $"; {shared} are also images of the benchmark's groups, by their content, and do not count for edits "
                    + "of their own group";
        events.Note(
            $"sensitive images: {found.Count} of {candidates.Images.Count}, with a margin below "
                + $"{candidates.Margin}{left}"
        );
        return found;

        SensitiveImages Seek()
        {
            (SensitiveImages sought, IReadOnlyList<Problem> skipped) = events.Progress(
                "mining sensitive images",
                candidates.Images.Count,
                report =>
                    SensitiveImages.Among(
                        // As mining does, in float32 whatever edits are computed in.
                        new SplitVit(model.Model),
                        model.Preprocessing,
                        candidates,
                        new Told<int>(done => report(done, null)),
                        cancellation
                    )
            );
            foreach (Problem why in skipped)
                events.Warn("skipped", why);
            return sought;
        }
    }

    // Of shards the first does it: the others only have rows of their own. Null where there is nothing to do.
    SideEffects? Effects(BenchPlan plan, NearImages labelled, VitConfig config, IUseCaseEvents events)
    {
        if (_request.Shard.Index > 0)
            return null;
        IReadOnlyList<BenchSetting> defaults = SideEffectRun.Defaults(plan.Settings, config);
        string[] without =
        [
            .. plan.Settings.Select(s => s.Editor.Name).Distinct().Except(defaults.Select(s => s.Editor.Name)),
        ];
        if (without.Length > 0)
            events.Note(
                "side effects are those of a method's default, which is not in this run of "
                    + string.Join(", ", without)
            );
        if (defaults.Count == 0)
            return null;
        SideEffects planned = SideEffectRun.Plan(plan, defaults, labelled, _request.SideEffectEdits);
        string path = SideEffectFile.PathIn(_folder.Path);
        return SideEffectFile.Read(_folder.Path) is not { } there ? planned
            : there.AreOfTheSame(planned) ? there
            : throw BadInput.Mismatch(
                path,
                $"{path} holds the side effects of other edits or on other images than these options name.",
                Remedy.AnyOf(Remedy.TakeAway, Remedy.OtherOutput)
            );
    }

    SideEffects Measure(SideEffectRun run, SideEffects begun, IUseCaseEvents events, CancellationToken cancellation) =>
        events.Progress(
            "measuring side effects",
            (double)begun.Count * Corruption.All.Count,
            report =>
            {
                List<Problem> skipped = [];
                report((double)begun.Count * begun.Measured.Count, null);
                SideEffects whole = run.Run(
                    begun,
                    effects => SideEffectFile.Write(_folder.Path, effects),
                    skipped,
                    new Told<int>(done => report(done, null)),
                    cancellation
                );
                foreach (Problem why in skipped)
                    events.Warn("skipped", why);
                return whole;
            }
        );

    static void SayNear(NearImages near, NearSet set, Benchmark benchmark, IUseCaseEvents events)
    {
        foreach (Problem why in set.Skipped)
            events.Warn("skipped", why);
        Flips all = Flips.Sum(set.Unedited.Values);
        HashSet<string> own = benchmark.Hashes(Enumerable.Range(0, benchmark.Groups.Count));
        int shared = near.Images.Count(i => own.Contains(i.Sha256));
        string left =
            shared == 0
                ? ""
                : $"; {shared} are also images of the benchmark's groups, by their content, and do not count for edits "
                    + "of their own group";
        events.Note(
            $"near images: {all.Images} in {set.Unedited.Count} folders, of which the unedited model gives "
                + $"{all.RightBefore} a right class{left}"
        );
    }

    static IReadOnlyDictionary<string, IReadOnlyList<string>> Nothing { get; } =
        new Dictionary<string, IReadOnlyList<string>>();

    string Report(
        ModelFile model,
        Benchmark benchmark,
        IReadOnlyList<SettingSummary> summary,
        LabelSet? labels,
        EditWindows windows,
        Func<EditSpace, BenchData> data,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        (ImageRoots images, ImageRoots? locality) = _request.Benchmark.Roots();
        BenchComparison comparison = BenchComparison.Of([ReportRun.Read(_folder.Path)]);
        IReadOnlyList<GalleryEdit> gallery = new ReportEdits(model, images, locality, windows, events).Make(
            comparison,
            [benchmark],
            _request.Gallery,
            wanted: null,
            data,
            cancellation
        );
        BenchFolder.WriteSummary(_folder.Path, summary);
        string page = Path.Combine(_folder.Path, BenchReport.FileName);
        BenchReport.Write(page, comparison, labels, gallery, overwrite: true);
        return page;
    }

    // A run in which some edits are made in bfloat16 is not one of float32, whatever the other windows allow.
    static Precision Narrowest(Precision[] precisions) =>
        precisions.Contains(Precision.Mixed) ? Precision.Mixed : precisions[0];
}
