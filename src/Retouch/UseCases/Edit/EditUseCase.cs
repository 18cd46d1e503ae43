using System.Diagnostics;
using System.Globalization;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>Corrects a mistake of a model: one edit, its locality, its patch. The model stays as it is.</summary>
/// <param name="model">The model; not owned.</param>
public sealed class EditUseCase(ModelFile model)
{
    /// <summary>Opens the unedited model that a request names; what it opens is disposed here.</summary>
    public Func<string, ModelFile> Open { get; init; } = path => ModelFile.Load(path);

    /// <summary>
    /// Makes an edit, measures it and writes its patch, unless there is a reason not to, which the report names.
    /// </summary>
    /// <param name="request">What is to be corrected.</param>
    /// <param name="events">Told what happens; null to ignore.</param>
    /// <param name="cancellation">Stops between steps; nothing is written then.</param>
    /// <returns>The report, which the caller disposes.</returns>
    /// <exception cref="BadInputException">
    /// The request cannot be, a file that it names cannot be read or does not fit the model, or the edit diverged.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public EditReport Run(EditRequest request, IUseCaseEvents? events = null, CancellationToken cancellation = default)
    {
        events ??= NoEvents.Instance;
        request.Validate();
        request = OnceEach(request, events);

        using DisposeScope scope = NewDisposeScope();
        LabelSet labels = ModelLabels.Of(model, request.LabelFile);
        int label = ReadLabel(request.Label, labels, events);
        VitConfig config = model.Model.Config;
        MethodChoice? choice = request.Method is null ? Choose(request, events) : null;
        if (choice is not null)
            request = request with
            {
                Method = choice.Method,
                Settings = request.Settings.Concat(choice.Settings).ToDictionary(),
            };
        Method method = request.Method!;
        IReadOnlyDictionary<string, string> settings = request.AllSettings();
        EditSpace space = request.Blocks?.In(config) ?? method.Window(config);
        using EarlierPatches earlier = EarlierPatches.Load(request.On, model.Model);
        if (earlier.Widen && !method.AddsUnits)
            throw BadInput.Mismatch(
                null,
                $"The earlier patches add hidden units to the model, on top of which {method.Name} cannot make a patch "
                    + "of the unedited one.",
                Remedy.Option(Parameter.Method, Remember.Definition.Name)
            );
        NearImages? near = NearListing.Of(request.Near, request.Accepted, labels, events);
        SplitVit unedited = ModelCut.Of(model.Model, space, request.Precision, events);
        SplitVit split = earlier.Patches.Count == 0 ? unedited : unedited.Edited(earlier.Model);
        using PreparedFiles prepared = new(request.Files, unedited);
        using Hypernetwork? network = LoadHypernetwork(
            request.Files,
            settings.GetValueOrDefault("locator"),
            unedited,
            events
        );
        EditorResources resources = new()
        {
            Hypernetwork = network,
            Preparations = prepared.ByKind,
            PreparationIds = prepared.Ids,
            Seed = request.Seed,
            For = split,
            MadeFor = request.Files.MadeFor,
            Learns =
                request.Locality is null
                && method.PreparationUsed(settings) is string used
                && CanLearnOnTheWay(method, used),
        };
        IPreparation? lacking =
            method.PreparationUsed(settings) is string kind && !prepared.ByKind.ContainsKey(kind)
                ? LearnedOnTheWay(method, kind, request)
                : null;
        IEditor? editor = lacking is null ? method.Create(settings, resources) : null;
        events.Note(ModelNotes.Preprocessing(model));
        foreach (string reason in request.Locality?.LeftOut ?? [])
            events.Warn(reason);

        using PrefixState state = split.Prefix(ImageLoader.LoadBatch(request.Images, model.Preprocessing));
        if (ModelNotes.Turned(request.Images, model) is string turned)
            events.Note(turned, ModelNotes.TurnThem);
        using Tensor before = split.Logits(state);
        (ImageFolder? others, IReadOnlyList<string> leftOut) = request.Locality is null
            ? (null, [])
            : EditedImages.LeaveOut(request.Locality, request.Images);
        using ModelFile? other = request.Base is string path ? Open(path) : null;
        SplitVit? against =
            other is not null ? ModelCut.Of(other.Model, split.Space, request.Precision, events)
            : earlier.Patches.Count > 0 ? unedited
            : null;
        EditReport report = new()
        {
            Model = model.Model.Fingerprint,
            Labels = labels,
            Label = label,
            Images = Compare(request, label, before, before),
            Method = method,
            Choice = choice,
            Settings = settings,
            Seed = request.Seed,
            Space = unedited.Space,
            Reference = others is null && near is null ? null : ReferenceTo(other, earlier.Patches.Count > 0),
            LeftOut = leftOut,
            Guard = request.Guard,
            GuardNear = request.GuardNear,
        };
        if (!request.Force && report.Images.All(i => i.Before.Right))
            return report with { NotWritten = NotWritten.AlreadyRight };

        LocalityHalves? halves = lacking is null ? null : LocalityHalves.Of(others!);
        (Preparation? own, EditStatistics? statistics) = lacking is null
            ? (null, null)
            : LearnedStatistics.Learn(
                model,
                lacking,
                halves!,
                request.Files.Cache,
                unedited.Space,
                events,
                cancellation
            );
        using Preparation? learned = own;
        report = report with { Statistics = statistics };
        if (learned is not null)
            resources = resources with
            {
                Preparations = prepared.ByKind.Append(new(learned.Kind, learned)).ToDictionary(),
            };
        editor ??= method.Create(settings, resources);
        PreparedFiles.SayUnused(request.Files, resources.Asked, [method], events);
        using NearReference? reference = near is null
            ? null
            : NearReference.Load(
                near,
                request.Images,
                halves?.Hashes ?? new HashSet<string>(),
                split,
                against,
                model.Preprocessing,
                request.Memory,
                events,
                cancellation
            );
        Failure failure = new(state, label)
        {
            Images =
            [
                .. request.Images.Select(image => PatchOrigin.Image(image, ImageRoots.Hash(image), request.Output)),
            ],
        };
        if (editor is Gate gate && request.Bounds is null)
            WarnOfCost(gate, split, failure, before, settings, labels, events);
        LocalityImages? locality = (halves?.Measured ?? others) is { } measured
            ? new LocalityImages(measured, labels, split, against)
            : null;
        using PromisedImages? promised =
            earlier.Patches.Count == 0
                ? null
                : PromisedImages.Load(
                    earlier,
                    request.Images,
                    split,
                    model.Preprocessing,
                    request.Memory,
                    events,
                    cancellation
                );
        Work work = new(
            request,
            method,
            settings,
            split,
            failure,
            locality,
            reference,
            earlier,
            promised,
            events,
            cancellation
        );
        Stopwatch clock = Stopwatch.StartNew();
        report = request.Bounds is { } bounds
            ? Search(report, work, resources, bounds with { Earlier = promised is not null })
            : Keeping(report with { Result = Edit(editor, work) }, work, resources);
        report = report with { Seconds = clock.Elapsed.TotalSeconds };
        return report.Result is null ? report : Finish(report, work, before);
    }

    // An image that is there twice would count twice in what the edit learns and what is said of it.
    static EditRequest OnceEach(EditRequest request, IUseCaseEvents events)
    {
        string[] images = Copies.Once(request.Images);
        if (Copies.Text(request.Images.Count, images.Length) is string edited)
            events.Note($"images to correct: {edited}");
        ImageFolder? locality = request.Locality is null ? null : Copies.LeaveOut(request.Locality);
        if (locality is not null && Copies.Text(request.Locality!.Files.Count, locality.Files.Count) is string others)
            events.Note($"locality images: {others}");
        return request with { Images = images, Locality = locality };
    }

    // Says which method it is to be, and why.
    MethodChoice Choose(EditRequest request, IUseCaseEvents events)
    {
        VitConfig config = model.Model.Config;
        EditSpace? blocks = request.Blocks?.In(config);
        PreparationLabel[] given = [.. request.Files.Prepared.Select(Preparation.ReadLabel)];
        PreparationLabel[] shipped =
        [
            .. request.Files.Shipped.For("preparations", model.Model.Fingerprint).Select(Preparation.ReadLabel),
        ];
        EditSpace trained = blocks ?? EditSpace.Default(config);
        MethodChoice choice = BestMethod.Choose(
            request.Wish,
            new MethodSupplies(
                config,
                blocks,
                HasStatistics,
                TrainedLocators.For(request.Files.Shipped, model.Model.Fingerprint, trained) is not null,
                EditedBefore: request.Base is not null
            )
        );
        string set = string.Concat(choice.Settings.Select(s => $" with {s.Key} {s.Value}"));
        string text = $"method: {choice.Method.Name}{set}, {choice.Why}";
        if (choice.LacksImages)
            events.Note(text, Remedy.Option(Parameter.Locality));
        else
            events.Note(text);
        return choice;

        // One that was given for another model is a mistake, which is told where it is used.
        bool HasStatistics(Method method) =>
            method.PreparationKind is not string kind
            || given.Any(label => label.Kind == kind)
            || shipped.Any(label => label.Kind == kind && label.Fits(model.Model, blocks ?? method.Window(config)))
            || LearnedOnTheWay(method, kind, request) is not null;
    }

    // What a method can learn from the locality images while the user waits; null where there are none, or it would
    // take too long. What is known of an edited model is what was known of the unedited one.
    IPreparation? LearnedOnTheWay(Method method, string kind, EditRequest request) =>
        request.Locality is not null && CanLearnOnTheWay(method, kind) ? method.NewPreparation!() : null;

    bool CanLearnOnTheWay(Method method, string kind) =>
        EditHistory.Of(model.Model).Origin == model.Model.Fingerprint
        && method.NewPreparation?.Invoke() is { Trains: false } preparation
        && preparation.Name == kind;

    // Measures and writes the edit that was made.
    EditReport Finish(EditReport report, Work work, Tensor before)
    {
        EditResult result = report.Result!;
        try
        {
            RequireFinite(result, work.Settings);
            string loss = result.Losses.Count > 0 ? $", last loss {result.Losses[^1]:0.0000}" : "";
            work.Events.Detail($"edited: {result.Steps} steps{loss}");
            using Tensor after = work.Split.Logits(work.Failure.State, result.Patch.Change);
            EditLocality? locality =
                report.Locality
                ?? work.Locality?.Measure(result.Patch.Change, model.Preprocessing, work.Events, work.Cancellation);
            report = report with
            {
                Images = Compare(work.Request, report.Label, before, after),
                Settings = Made(report.Settings, result.Patch.Provenance.Settings),
                Locality = locality,
                Near = report.Near ?? work.Near?.Describe(work.Near.Measure(result.Patch.Change)),
                Remembered = work.Promised?.Ask(result.Patch.Change) ?? [],
            };
            return Write(report, work);
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    static EditResult Edit(IEditor editor, Work work)
    {
        int most = int.TryParse(work.Settings.GetValueOrDefault("steps"), CultureInfo.InvariantCulture, out int count)
            ? count
            : 1;
        return work.Events.Progress(
            "editing",
            most,
            report =>
            {
                Told<EditProgress> told = new(p => report(p.Step, $"step {p.Step}, loss {p.Loss:0.000}"));
                return editor.Edit(work.Split, [work.Failure], told, work.Cancellation)[0];
            }
        );
    }

    // The report with an edit that breaks nothing of what was corrected before, if the method has such a one.
    static EditReport Keeping(EditReport report, Work work, EditorResources resources)
    {
        Method method = work.Method;
        if (
            work.Promised is null
            || method.Generalities.Count == 0
            || method.GeneralitySettings.Any(work.Request.Settings.ContainsKey)
            || work.Promised.Lost(report.Result!.Patch.Change) == 0
        )
            return report;
        using GuardedEdit guarded = Guarded(
            work,
            resources,
            new GuardBounds(null) { Earlier = true },
            result => new GuardMeasurement(null) { Lost = work.Promised.Lost(result.Patch.Change) }
        );
        if (guarded.Edit is null)
            return report;
        report.Result!.Dispose();
        return report with
        {
            Result = guarded.Take(),
            Settings = method.AtGenerality(work.Settings, guarded.Setting!.Value),
            NarrowedForEarlier = true,
        };
    }

    // The report with the edit that keeps to the bounds, if there is one, and with those that were tried.
    EditReport Search(EditReport report, Work work, EditorResources resources, GuardBounds bounds)
    {
        Method method = work.Method;
        if (bounds.Near is not null)
            work.Near!.RequireRight();
        using LocalityImages.Loaded? others = work.Locality?.Load(
            model.Preprocessing,
            work.Request.Memory,
            work.Events,
            work.Cancellation
        );
        using GuardedEdit guarded = Guarded(
            work,
            resources,
            bounds,
            result => new GuardMeasurement(
                others?.Measure(result.Patch.Change),
                work.Near?.Measure(result.Patch.Change)
            )
            {
                Lost = work.Promised?.Lost(result.Patch.Change) ?? 0,
            }
        );
        EditLocality? locality = guarded.Locality is { } changed ? others!.Describe(changed) : others?.Unchanged;
        report = report with { Curve = guarded.Curve, GuardedImages = locality?.Images ?? 0 };
        return guarded.Edit is null
            ? report with
            {
                NotWritten = NotWritten.GuardNotKept,
            }
            : report with
            {
                Result = guarded.Take(),
                GuardedSetting = guarded.Setting,
                Settings = method.AtGenerality(work.Settings, guarded.Setting!.Value),
                Locality = locality,
                Near = guarded.Measured!.NearByFolder is { } near ? work.Near!.Describe(near) : null,
            };
    }

    static GuardedEdit Guarded(
        Work work,
        EditorResources resources,
        GuardBounds bounds,
        Func<EditResult, GuardMeasurement> measure
    )
    {
        Method method = work.Method;
        return work.Events.Progress(
            "searching",
            method.Generalities.Count,
            tell =>
            {
                int tried = 0;
                return GuardedEdit.Search(
                    place =>
                        method
                            .Create(method.AtGenerality(work.Settings, place), resources)
                            .Edit(work.Split, [work.Failure], null, work.Cancellation)[0],
                    measure,
                    bounds,
                    method.Generalities,
                    progress: new Told<GuardPoint>(p =>
                        tell(++tried, $"{EditReport.Place(method, p.Setting)}: {EditReport.Kept(p)}")
                    ),
                    cancellation: work.Cancellation
                );
            }
        );
    }

    // What a method was to choose by itself is as the edit was made.
    static Dictionary<string, string> Made(
        IReadOnlyDictionary<string, string> asked,
        IReadOnlyDictionary<string, string> made
    ) => asked.ToDictionary(s => s.Key, s => made.GetValueOrDefault(s.Key, s.Value));

    EditReport Write(EditReport report, Work work)
    {
        EditRequest request = work.Request;
        if (request.Output is null)
            return report with { NotWritten = NotWritten.NotAsked };
        if (!report.Result!.Success && !request.Force)
            return report with { NotWritten = NotWritten.StillWrong };
        Patch patch = work.Earlier.Rebase(report.Result.Patch, model.Model);
        PatchProvenance edited = patch.Provenance;
        PatchProvenance provenance = PatchOrigin.Of(model, report.Labels, edited) with
        {
            Chosen = report.Choice?.Why,
            Statistics = report.Statistics?.Described,
            Measurements = edited.Measurements! with
            {
                LocalityRate = report.Locality?.Rate,
                LocalityImages = report.Locality?.Images,
            },
        };
        PatchFile.Save(patch.With(provenance), request.Output, request.Overwrite);
        return report with { Patch = request.Output, Provenance = provenance };
    }

    LocalityReference ReferenceTo(ModelFile? other, bool patched) =>
        new((other ?? model).Path, (other ?? model).Model.Fingerprint, patched || other is not null);

    static int ReadLabel(string text, LabelSet labels, IUseCaseEvents events)
    {
        int label = labels.Resolve(text);
        if (labels.OtherReading(text) is int number)
        {
            events.Note(
                $"label: {text} is the class of that name, number {label}, not class number {number}, "
                    + labels[number].Name,
                Remedy.Option(Parameter.Label, $"index:{number}")
            );
        }
        return label;
    }

    static Hypernetwork? LoadHypernetwork(TrainedFiles files, string? locator, SplitVit split, IUseCaseEvents events)
    {
        if (locator != Locators.Hypernetwork)
            return files.Locator is null
                ? null
                : throw BadInput.Mismatch(
                    files.Locator,
                    $"A trained locator is for the locator {Locators.Hypernetwork} only.",
                    Remedy.AnyOf(
                        Remedy.Option(Parameter.Locator, Locators.Hypernetwork),
                        Remedy.LeaveOut(Parameter.LocatorFile)
                    )
                );
        return HypernetworkFile.Load(TrainedLocators.Choose(files, split.Model, split.Space, events));
    }

    static void RequireFinite(EditResult result, IReadOnlyDictionary<string, string> settings)
    {
        if (!result.Patch.Change.IsFinite)
        {
            throw settings.TryGetValue("lr", out string? rate)
                ? BadInput.OutOfRange(
                    "lr",
                    "The edit diverged, its weights are no numbers any more.",
                    Remedy.Smaller(Parameter.LearningRate, than: rate)
                )
                : BadInput.OutOfRange(
                    null,
                    "The edit diverged, its weights are no numbers any more; use other settings."
                );
        }
    }

    static EditedImage[] Compare(EditRequest request, int label, Tensor before, Tensor after)
    {
        IReadOnlyList<ImageAnswer> was = ImageAnswer.Of(before, label, request.Likeliest);
        IReadOnlyList<ImageAnswer> now = ReferenceEquals(before, after)
            ? was
            : ImageAnswer.Of(after, label, request.Likeliest);
        return [.. request.Images.Select((image, i) => new EditedImage(image, was[i], now[i]))];
    }

    // Of few classes each has many ordinary images, and those of the class that the image is mistaken for are the most
    // alike.
    static void WarnOfCost(
        Gate gate,
        SplitVit split,
        Failure failure,
        Tensor before,
        IReadOnlyDictionary<string, string> settings,
        LabelSet labels,
        IUseCaseEvents events
    )
    {
        using Tensor classes = before.argmax(1);
        long[] wrong = [.. classes.data<long>().Where(c => c != failure.Label)];
        if (wrong.Length == 0)
            return;
        int mistakenFor = (int)wrong.GroupBy(c => c).MaxBy(g => g.Count())!.Key;
        GateCost cost = gate.Cost(split, failure, mistakenFor);
        if (cost.IsNotable(double.Parse(settings["leak"], CultureInfo.InvariantCulture)))
        {
            events.Warn(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"of the {cost.Images} ordinary images that gate was prepared with, {cost.OfClass} "
                        + $"({100 * cost.ClassShare:0.#} %) are of the class that this one is mistaken for, "
                        + $"{labels[mistakenFor].Name} ({mistakenFor}), and {cost.Open} of those open the gate: "
                        + $"about {100 * cost.OpenShare:0.0} % of ordinary images may change, "
                        + $"and shutting out the rest costs "
                        + $"generalization: a leak below {settings["leak"]} changes less, one above it generalizes more"
                ),
                Remedy.AnyOf(Remedy.Option(Parameter.Setting, "leak=…"), Remedy.Option(Parameter.Guard, "0.99"))
            );
        }
    }

    /// <summary>What every way of making the edit takes.</summary>
    sealed record Work(
        EditRequest Request,
        Method Method,
        IReadOnlyDictionary<string, string> Settings,
        SplitVit Split,
        Failure Failure,
        LocalityImages? Locality,
        NearReference? Near,
        EarlierPatches Earlier,
        PromisedImages? Promised,
        IUseCaseEvents Events,
        CancellationToken Cancellation
    );
}
