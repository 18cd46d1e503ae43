using System.Diagnostics;
using System.Globalization;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Reports;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// Checks a model on labelled images: how often it is right, what a change of it fixed and broke, and whether criteria
/// hold. Every image is decoded once and asked about once, for the model and the one that it is compared with
/// together; an interrupted check goes on from its file of answers.
/// </summary>
/// <param name="file">The model; not owned.</param>
public sealed class CheckUseCase(ModelFile file)
{
    const int MostNamed = 3;

    // What files of models are called that are told apart by their folders.
    static readonly string[] Common = ["model", "pytorch_model", "weights", "checkpoint", "best", "last"];

    /// <summary>Opens the model to compare with, by what the user calls it; the use case disposes it.</summary>
    public Func<string, ModelFile> Open { get; init; } = path => ModelFile.Load(path);

    /// <summary>Checks the model with the patches that are named.</summary>
    /// <param name="request">What to check it on, against what, and by which criteria.</param>
    /// <param name="events">Told what happens; null to ignore.</param>
    /// <param name="cancellation">Stops between batches of images; the answers stay in their file.</param>
    /// <returns>What came of it.</returns>
    /// <exception cref="BadInputException">
    /// A file cannot be read or written, a patch is another model's or contradicts another, the models have other
    /// classes, a criterion needs what is not there, or no image can be decoded.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; the message says what is kept.</exception>
    public CheckReport Run(
        CheckRequest request,
        IUseCaseEvents? events = null,
        CancellationToken cancellation = default
    )
    {
        events ??= NoEvents.Instance;
        return Models(request, events, (after, before) => Run(request, after, before, events, cancellation));
    }

    /// <summary>
    /// Asks about the part of the images that the request names, and keeps the answers beside
    /// <see cref="CheckRequest.Rows"/>. Nothing is judged or reported: <see cref="MergeUseCase"/> puts the parts
    /// together, and a check that goes on with the whole answers makes the rest of them.
    /// </summary>
    /// <param name="request">What to check it on, against what, and which part.</param>
    /// <param name="events">Told what happens; null to ignore.</param>
    /// <param name="cancellation">Stops between batches of images; the answers stay in their file.</param>
    /// <returns>What was asked.</returns>
    /// <exception cref="BadInputException">
    /// As of <see cref="Run(CheckRequest, IUseCaseEvents?, CancellationToken)"/>, or no file is named.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; the message says what is kept.</exception>
    public CheckedPart RunPart(
        CheckRequest request,
        IUseCaseEvents? events = null,
        CancellationToken cancellation = default
    )
    {
        events ??= NoEvents.Instance;
        if (request.Rows is not string whole)
            throw BadInput.Missing(null, "A part of a check is its answers, and no file is named for them.");
        string rows = request.Shard.FileOf(whole);
        return Models(
            request,
            events,
            (after, before) =>
            {
                (CheckListing listing, ComparedModels models, _) = List(request, after, before, events);
                ComparedAnswers answers = Ask(
                    request with
                    {
                        Rows = rows,
                    },
                    after,
                    before,
                    models,
                    listing,
                    events,
                    cancellation
                );
                int undecoded = 0;
                foreach (Problem why in answers.Problems)
                {
                    events.Warn("left out", why);
                    undecoded++;
                }
                return new CheckedPart(rows, request.Shard, answers.Count, undecoded);
            }
        );
    }

    T Models<T>(CheckRequest request, IUseCaseEvents events, Func<CheckedModel, CheckedModel?, T> ask)
    {
        Require(request, request.Against is not null || request.Patches.Count > 0);
        List<Patch> patches = [];
        try
        {
            foreach (string path in request.Patches)
            {
                patches.Add(PatchFile.Load(path));
                patches[^1].RequireModel(file.Model, path);
            }
            RequireNoContradiction(request.Patches, patches);
            foreach ((string path, Patch patch) in request.Patches.Zip(patches))
            {
                if (patch.Provenance.Preprocessing is string line && line != file.Preprocessing.ToString())
                    events.Warn($"{path} was made with other preprocessing: {line}; here it is: {file.Preprocessing}");
            }
            using VitModel? edited = patches.Count == 0 ? null : Edited(patches);
            using ModelFile? against = request.Against is string other ? Open(other) : null;
            CheckedModel? before =
                against is not null ? new(against.Model, against.Preprocessing, against.Path)
                : edited is not null ? new(file.Model, file.Preprocessing, file.Path)
                : null;
            if (against is not null)
                SayOtherNames(against, request, events);
            string name = patches.Count == 0 ? file.Path : $"{file.Path} with {Named(request.Patches)}";
            return ask(new CheckedModel(edited ?? file.Model, file.Preprocessing, name), before);
        }
        finally
        {
            patches.ForEach(p => p.Dispose());
        }
    }

    /// <summary>
    /// Checks a model that is there already, such as the one that patches of a ledger make; what the request says of
    /// patches and of a model to compare with does not count.
    /// </summary>
    /// <param name="request">What to check it on, and by which criteria.</param>
    /// <param name="after">The model.</param>
    /// <param name="before">The model that it is compared with; null for none.</param>
    /// <param name="events">Told what happens; null to ignore.</param>
    /// <param name="cancellation">Stops between batches of images; the answers stay in their file.</param>
    /// <returns>What came of it.</returns>
    /// <exception cref="BadInputException">
    /// A file cannot be read or written, the models have other classes, a criterion needs what is not there, or no
    /// image can be decoded.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; the message says what is kept.</exception>
    public CheckReport Run(
        CheckRequest request,
        CheckedModel after,
        CheckedModel? before,
        IUseCaseEvents? events = null,
        CancellationToken cancellation = default
    )
    {
        events ??= NoEvents.Instance;
        Require(request, before is not null);
        (CheckListing listing, ComparedModels models, LabelSet labels) = List(request, after, before, events);
        long start = Stopwatch.GetTimestamp();
        ComparedAnswers answers = Ask(request, after, before, models, listing, events, cancellation);
        Problem[] undecoded = [.. answers.Problems];
        foreach (Problem why in undecoded)
            events.Warn("left out", why);
        IReadOnlyList<CheckedImage> images = listing.Images.Answered(answers);
        int listed = listing.Images.Images.Count;
        if (images.Count == 0)
            throw BadInput.Missing(
                null,
                $"None of the {listed} images can be decoded; the first: {undecoded[0].Message}"
            );
        ChangeCount? locality = listing.Locality is null ? null : Changed(listing.Locality, answers);
        IReadOnlyList<CheckedImage>? mended = listing.FixedAmong?.Answered(answers);
        IReadOnlyList<CheckedImage>? promised = listing.MustBeRight?.Answered(answers);
        CheckSummary summary = CheckSummary.Of(images, labels);
        CheckReport report = new()
        {
            Model = after.Model.Fingerprint,
            Before = before?.Model.Fingerprint,
            Labels = labels,
            Summary = summary,
            Locality = locality,
            Criteria = request.Criteria.Judge(
                new CheckedSets(
                    summary,
                    mended,
                    promised,
                    (listing.MustBeRight?.Images.Count - promised?.Count) ?? 0,
                    locality
                )
            ),
            Undecoded = listed - images.Count,
            ClassNames = Names(summary, labels, [.. mended ?? [], .. promised ?? []]),
            Skipped = [.. listing.Skipped, .. undecoded],
        };
        return Write(request, report, after, before, Stopwatch.GetElapsedTime(start), events, cancellation);
    }

    (CheckListing, ComparedModels, LabelSet) List(
        CheckRequest request,
        CheckedModel after,
        CheckedModel? before,
        IUseCaseEvents events
    )
    {
        if (before is not null && before.Model.Config.Classes != after.Model.Config.Classes)
            throw BadInput.Mismatch(
                before.Name,
                $"{before.Name} has {before.Model.Config.Classes} classes, but {after.Name} has "
                    + $"{after.Model.Config.Classes}; models that are compared have the same."
            );
        if (before?.Model.Fingerprint == after.Model.Fingerprint)
            events.Warn("the model and the one that it is compared with have the same weights");
        LabelSet labels = ModelLabels.Of(file, request.LabelFile);
        CheckListing listing = new(request, labels);
        if (listing.TakenByName is string doubt)
            events.Note(doubt);
        foreach (Problem why in listing.Skipped)
            events.Warn(why.Message);
        events.Note(ModelNotes.Preprocessing(file));
        ComparedModels models = new(after.Model, after.Preprocessing, before?.Model, before?.Preprocessing);
        if (models.Shared is { } shared)
            events.Detail($"both models are the same up to the FFN of block {shared.FirstBlock}, which is run once");
        return (listing, models, labels);
    }

    // As it will be stored: in a file of half precision what patches change is rounded, too.
    VitModel Edited(IReadOnlyList<Patch> patches)
    {
        Dictionary<string, Tensor> tensors = PatchLedger.Edited(file.Model, patches);
        try
        {
            return file.With(tensors);
        }
        finally
        {
            foreach (Tensor tensor in tensors.Values)
                tensor.Dispose();
        }
    }

    // Of many patches the names are more than a heading can hold.
    static string Named(IReadOnlyList<string> patches) =>
        patches.Count <= MostNamed
            ? string.Join(", ", patches.Select(Path.GetFileName))
            : string.Create(CultureInfo.InvariantCulture, $"{patches.Count} patches");

    static void Require(CheckRequest request, bool compares)
    {
        request.Validate();
        if (!compares && request.Criteria.Comparing is string criterion)
            throw BadInput.Missing(
                criterion,
                $"The criterion {criterion} needs a model to compare with.",
                Remedy.Option(Parameter.Compared)
            );
    }

    static void RequireNoContradiction(IReadOnlyList<string> paths, IReadOnlyList<Patch> patches)
    {
        if (PatchLedger.Contradictions(patches) is not [{ } first, ..])
            return;
        (string one, string other) = (paths[first.First], paths[first.Second]);
        throw BadInput.Mismatch(other, $"{first.Why(one, other)}; leave one out.");
    }

    // Images that only criteria name may be of classes that the others lack.
    static Dictionary<int, string> Names(CheckSummary summary, LabelSet labels, IEnumerable<CheckedImage> others) =>
        others
            .Select(i => i.Label)
            .Except(summary.ClassNames.Keys)
            .Select(l => KeyValuePair.Create(l, labels[l].Name))
            .Concat(summary.ClassNames)
            .ToDictionary();

    // As many classes in another order would make every answer of one of the two wrong.
    void SayOtherNames(ModelFile against, CheckRequest request, IUseCaseEvents events)
    {
        LabelSet own = ModelLabels.Of(file, request.LabelFile);
        if (against.Labels is not { } others || !own.HasNames || !others.HasNames || others.Count != own.Count)
            return;
        int differ = Enumerable
            .Range(0, own.Count)
            .Count(i => !string.Equals(own[i].Name, others[i].Name, StringComparison.OrdinalIgnoreCase));
        if (differ > 0)
            events.Warn(
                $"{differ} of {own.Count} classes are called otherwise in {against.Path}; if they stand in another "
                    + "order there, it cannot be compared"
            );
    }

    static ComparedAnswers Ask(
        CheckRequest request,
        CheckedModel after,
        CheckedModel? before,
        ComparedModels models,
        CheckListing listing,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        IReadOnlyList<string> paths = listing.Paths;
        ComparedAnswers answers = new();
        using AnswerIndex? index = request.Index is string folder
            ? AnswerIndex.Open(request.Shard.FileOf(folder), "check")
            : null;
        IndexedQuestions questions = new(models, index);
        CheckPlaces places = new(paths.Count, questions.Together, request.Shard);
        int total = places.Count;
        string[] asked =
        [
            after.Model.Fingerprint,
            after.Preprocessing.ToJson(),
            before?.Model.Fingerprint ?? "",
            before?.Preprocessing.ToJson() ?? "",
        ];
        using CheckRowFile? rows = request.Rows is string path ? Rows(path, request.Resume) : null;
        if (rows?.BegunAnew == true)
            events.Warn($"{request.Rows} was changed since it came to its end, and is begun anew");
        if (answers.Count > 0)
            events.Note($"{answers.Count} of {total} images were asked about before");
        try
        {
            events.Progress(
                "checking",
                total,
                report =>
                {
                    report(answers.Count, null);
                    while (answers.Count < total)
                    {
                        cancellation.ThrowIfCancellationRequested();
                        int first = places.Of(answers.Count);
                        string[] batch = new string[Math.Min(places.Together, paths.Count - first)];
                        for (int i = 0; i < batch.Length; i++)
                            batch[i] = paths[first + i];
                        ComparedAnswer[] said = Array.ConvertAll(questions.Ask(batch, cancellation), a => a.Ranked);
                        foreach (ComparedAnswer answer in said)
                            answers.Add(answer);
                        string?[] hashes = rows is null ? [] : Hashes(batch);
                        rows?.Append([
                            .. said.Select(
                                (a, i) =>
                                    new CheckRow(first + i, batch[i], a.After, a.Before, a.Problem?.Message, hashes[i])
                            ),
                        ]);
                        report(answers.Count, null);
                    }
                    return 0;
                }
            );
            rows?.Finish();
            index?.Flush(now: true);
            if (index?.Summary is string known)
                events.Note($"index: {known}");
            return answers;
        }
        catch (OperationCanceledException e)
        {
            rows?.Flush();
            index?.Flush(now: true);
            throw new RunInterruptedException(
                rows is null && index is not null
                        ? new Problem(
                            $"interrupted; what was said of images so far is kept in {request.Index}, and the "
                                + "same command goes on there."
                        )
                    : rows is null
                        ? new Problem($"interrupted after {answers.Count} of {total} images; nothing was written.")
                    : new Problem(
                        $"interrupted; the answers to {answers.Count} of {total} images are kept in {request.Rows}.",
                        Remedy: Remedy.GoOn
                    ),
                e,
                cancellation
            );
        }

        CheckRowFile Rows(string path, bool resume)
        {
            bool changed = false;
            try
            {
                return CheckRowFile.Open(
                    path,
                    listing.Digest(asked),
                    places,
                    after.Model.Config.Classes,
                    before is not null,
                    resume,
                    request.Overwrite,
                    Keep
                );
            }
            // Another check, in the place of which this one may be.
            catch (BadInputException) when (changed && request.Overwrite)
            {
                answers = new ComparedAnswers();
                return Rows(path, resume: false);
            }

            void Keep(CheckRow row)
            {
                if (row.Sha256 is string was && Hash(paths[row.Image]) is string now && now != was)
                {
                    changed = true;
                    throw BadInput.Mismatch(
                        path,
                        $"{path} holds the answers of another check: {paths[row.Image]} was changed since.",
                        Remedy.Overwrite
                    );
                }
                answers.Add(
                    new ComparedAnswer(row.After, row.Before, row.Problem is string why ? new Problem(why) : null)
                );
            }
        }

        string?[] Hashes(string[] some)
        {
            string?[] hashes = new string?[some.Length];
            Parallel.For(
                0,
                some.Length,
                new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
                i => hashes[i] = Hash(some[i])
            );
            return hashes;
        }

        string? Hash(string path) =>
            (index is null ? ContentHashes.Read(path) : index.Hashes.Of(path, out _)) is byte[] hash
                ? Convert.ToHexStringLower(hash)
                : null;
    }

    static ChangeCount Changed(IReadOnlyList<int> places, ComparedAnswers answers)
    {
        ComparedAnswer[] decoded = [.. places.Where(answers.IsDecoded).Select(p => answers[p])];
        return decoded.Length > 0
            ? new ChangeCount(decoded.Length, decoded.Count(a => a.After!.Class != a.Before!.Class))
            : throw BadInput.Missing(null, $"None of the {places.Count} locality images can be decoded.");
    }

    static CheckReport Write(
        CheckRequest request,
        CheckReport report,
        CheckedModel after,
        CheckedModel? before,
        TimeSpan elapsed,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        try
        {
            if (request.Mistakes is string mistakes)
                MistakeList.Write(mistakes, report.Summary, report.Labels, request.Overwrite);
            if (request.Page is string page)
                report = report with { Pictured = Page(page, request, report, after, before, events, cancellation) };
            if (request.JUnit is string junit)
                JUnitFile.Write(
                    junit,
                    report.Criteria,
                    [.. Facts(report, after, before)],
                    report.ClassNames,
                    report.Labels,
                    elapsed.TotalSeconds,
                    request.Overwrite
                );
            return report;
        }
        catch (OperationCanceledException e) when (request.Rows is not null)
        {
            throw new RunInterruptedException(
                new Problem("interrupted; all answers are kept.", Remedy: Remedy.Finish),
                e,
                cancellation
            );
        }
    }

    static int Page(
        string path,
        CheckRequest request,
        CheckReport report,
        CheckedModel after,
        CheckedModel? before,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        CheckPageContent content = new()
        {
            Model = Short(after.Name),
            Before = before is null ? null : Short(before.Name),
            Summary = report.Summary,
            ClassNames = report.ClassNames,
            Locality = report.Locality,
            Criteria = report.Criteria,
            Skipped = report.Undecoded,
            Labels = report.Labels,
            Orientation = after.Preprocessing.Orientation,
            Thumbnails = request.Thumbnails,
            Facts = [.. Facts(report, after, before)],
        };
        int wrong = report.Summary.After.Images - report.Summary.After.Right;
        return events.Progress(
            "making the page",
            Math.Min(wrong, request.Thumbnails),
            told =>
                CheckPage.Write(path, content, request.Overwrite, new Told<int>(done => told(done, null)), cancellation)
        );

        // A path says more than a heading can, and some names nothing.
        static string Short(string name)
        {
            string[] parts = name.Split(" with ", 2);
            string file = Path.GetFileNameWithoutExtension(parts[0]);
            string folder = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(parts[0]))) ?? "";
            string shown = Common.Contains(file, StringComparer.OrdinalIgnoreCase) ? folder : file;
            return parts.Length == 1 ? shown : $"{shown} with {parts[1]}";
        }
    }

    static IEnumerable<(string Name, string Value)> Facts(CheckReport report, CheckedModel after, CheckedModel? before)
    {
        yield return ("model", after.Name);
        yield return ("fingerprint", report.Model);
        if (before is not null)
        {
            yield return ("compared with", before.Name);
            yield return ("its fingerprint", report.Before!);
        }
        yield return ("images", report.Summary.After.Images.ToString(CultureInfo.InvariantCulture));
        yield return ("left out", report.Undecoded.ToString(CultureInfo.InvariantCulture));
        yield return ("right", report.Summary.After.Right.ToString(CultureInfo.InvariantCulture));
        yield return ("preprocessing", after.Preprocessing.ToString());
    }
}
