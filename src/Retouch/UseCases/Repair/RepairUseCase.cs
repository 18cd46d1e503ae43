using System.Diagnostics;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>Corrects a folder of mistakes by one patch, and measures what else it changes.</summary>
/// <param name="model">The model; not owned.</param>
public sealed class RepairUseCase(ModelFile model)
{
    // Right labelled images that can stand for ordinary ones.
    const int FewestOrdinary = 20;

    static readonly double s_margin = new MiningSettings().Margin;

    /// <summary>Repairs.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="events">Told what happens; null for nobody.</param>
    /// <param name="cancellation">
    /// Stops between images and steps. What was read of images is kept then, beside the patch that was to be written,
    /// and the same request goes on from there.
    /// </param>
    /// <exception cref="BadInputException">
    /// The request cannot be, a file that it names cannot be read or does not fit the model, or there is nothing to
    /// correct.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public RepairReport Run(
        RepairRequest request,
        IUseCaseEvents? events = null,
        CancellationToken cancellation = default
    )
    {
        events ??= NoEvents.Instance;
        request.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        using DisposeScope scope = NewDisposeScope();
        LabelSet labels = ModelLabels.Of(model, request.LabelFile);
        VitConfig config = model.Model.Config;
        EditSpace space = new(config, config.Depth - 1, 1);
        using EarlierPatches earlier = EarlierPatches.Load(request.On, model.Model);
        if (earlier.Widen && request.Settings.Widen == 0)
            throw BadInput.Mismatch(
                null,
                "The earlier patches add hidden units to the model, so that the new one has to add its own.",
                Remedy.Option(Parameter.Widen)
            );
        SplitVit unedited = new(model.Model, space);
        SplitVit split =
            earlier.Patches.Count == 0
                ? unedited
                : new SplitVit(earlier.Model, new EditSpace(earlier.Model.Config, config.Depth - 1, 1));
        ClassFolders classes = request.Accepted is null
            ? new ClassFolders(labels)
            : ClassFolders.Load(request.Accepted, labels);
        List<string> leftOut = [];
        IReadOnlyList<RepairCandidate> candidates = RepairCandidate.Of(request, classes, config.Classes, leftOut);
        events.Note(ModelNotes.Preprocessing(model));
        if (classes.TakenByName(candidates.Select(c => c.Class)) is string doubt)
            events.Note(doubt);

        using PreparedFiles prepared = new(request.Files, unedited);
        PreparedFiles.SayUnused(request.Files, [GateMemory.Kind], [RepairEditor.Definition], events);
        bool learns = !prepared.ByKind.ContainsKey(GateMemory.Kind);
        // What is to be measured must be new to the repair: it neither learns from labelled images as ordinary ones nor
        // counts them twice.
        HashSet<string> given = [.. candidates.Select(c => c.Sha256)];
        ImageFolder? others = Without(request.Locality, given);
        LocalityHalves? halves = learns && others is not null ? LocalityHalves.Of(others) : null;
        (Preparation? own, EditStatistics? statistics) = halves is null
            ? (null, null)
            : LearnedStatistics.Learn(
                model,
                new GateMemory(),
                halves,
                request.Files.Cache,
                space,
                events,
                cancellation
            );
        using Preparation? learned = own;
        Preparation? ordinary = own ?? prepared.ByKind.GetValueOrDefault(GateMemory.Kind);
        using RepairTokens tokens = new(split, model.Preprocessing, request.Output, events, cancellation);
        Seen labelled = Read("reading labelled images", [.. candidates.Select(c => (c.Path, c.Sha256))], leftOut);
        candidates = [.. labelled.Loaded.Select(i => candidates[i])];
        ImageFolder? measured = halves?.Measured ?? others;
        (string Path, string? Sha256)[] ofLocality = measured is null
            ? []
            : [.. measured.Files.Select(f => (measured.FullPath(f), (string?)null))];
        Seen locality = Read("reading locality images", ofLocality, leftOut);
        foreach (string what in leftOut)
            events.Warn(what);

        IReadOnlyList<int> before = GateRepair.Predict(split, labelled.Residuals, null);
        // What was right in the unedited model is to stay so, whatever earlier patches made of it.
        IReadOnlyList<int> first = Unedited(labelled, [.. candidates.Select(c => (c.Path, c.Sha256))]);
        // What earlier patches corrected and what is right still is promised, whether or not it is given again.
        HashSet<string> corrected = [.. earlier.Images([]).Select(i => i.Sha256)];
        HashSet<int> promised =
        [
            .. Enumerable
                .Range(0, candidates.Count)
                .Where(i => corrected.Contains(candidates[i].Sha256) && candidates[i].Accepted.Contains(before[i])),
        ];
        given.ExceptWith(promised.Select(i => candidates[i].Sha256));
        RememberedImages remembered = RememberedImages.Of(
            earlier,
            given,
            promised.ToDictionary(i => candidates[i].Sha256, i => candidates[i].Path),
            tokens,
            config,
            events
        );
        IReadOnlyList<int> rememberedBefore = GateRepair.Predict(split, remembered.Images.Residuals, null);
        RepairSplit parts = RepairSplit.Of(candidates, before, promised, request.Holdout, request.Seed);
        // Near images are looked at, not repaired.
        int asked = candidates.Count(c => !c.IsNear);
        if (asked == 0)
            throw BadInput.Mismatch(null, "There is nothing to repair: all labelled images were left out.");
        if (parts.Failing.Count + parts.HeldOut.Count == 0)
            throw BadInput.Mismatch(
                null,
                $"There is nothing to repair: the model gives every labelled image a right class ({asked})."
            );
        if (parts.Failing.Count == 0)
            throw BadInput.Mismatch(null, "All failing images are held out; hold out fewer, or give more.");
        if (request.Guard is not null && locality.Loaded.Count == 0)
            throw BadInput.Mismatch(
                null,
                "A guard is measured on ordinary images that are none of the labelled ones, and there are no others.",
                Remedy.AnyOf(Remedy.Option(Parameter.Locality), Remedy.Option(Parameter.GuardNear))
            );
        if (request.GuardNear is not null && parts.NearHeldOut.Count == 0)
            throw BadInput.Mismatch(
                null,
                "A guard over near images is measured on right ones that the repair did not see; there are none."
            );
        if (ordinary is null && parts.Near.Count < FewestOrdinary)
            throw BadInput.Missing(
                null,
                "A repair keeps ordinary images as they are, of which nothing was prepared for this model and none are "
                    + $"given beside the labelled ones; of those {parts.Near.Count} right ones could stand for them, "
                    + $"which are fewer than {FewestOrdinary}.",
                Remedy.AnyOf(
                    Remedy.Option(Parameter.Locality),
                    Remedy.Make(
                        Artifact.Preparation,
                        Gate.Definition.Name,
                        request.Files.MadeFor.Model,
                        request.Files.MadeFor.Blocks
                    )
                )
            );
        if (ordinary is null)
            events.Note(
                $"the {parts.Near.Count} right images to keep stand for ordinary ones, of which none are given"
            );
        int[] kept = [.. Remembered(true)];
        int[] broken = [.. Remembered(false)];
        RepairInput input = new(
            Images(parts.Failing, i => candidates[i].Label).Plus(remembered.Images.At(broken)),
            Images(parts.Near, i => before[i]).Plus(remembered.Images.At(kept)),
            ordinary
        )
        {
            Space = space,
            Promised = kept.Length == 0 ? null : remembered.Images.At(kept),
            Unedited = model.Model,
        };
        if (broken.Length > 0)
            events.Note($"{broken.Length} images that earlier patches corrected are wrong again, and corrected along");
        IReadOnlyList<int> localityBefore = Unedited(locality, [.. locality.Loaded.Select(i => ofLocality[i])]);
        List<bool> sensitive = [];
        GateRepair.Ask(
            split,
            locality.Residuals,
            null,
            logits => sensitive.AddRange(ModelAnswer.Of(logits).Select(a => a.Margin < s_margin))
        );
        events.Note(
            $"{parts.Failing.Count} images to correct, {parts.HeldOut.Count} failing ones held out; {parts.Near.Count} "
                + $"right ones to keep, {parts.NearHeldOut.Count} held out"
        );

        Stopwatch repairing = Stopwatch.StartNew();
        List<RepairPlace> tried = [];
        Attempt? best = null;
        RepairTrial? trial = null;
        bool guarded = request.Guard is not null || request.GuardNear is not null;
        try
        {
            RepairSettings[] ways = guarded
                ?
                [
                    .. RepairSettings.Shifts.Select(shift => request.Settings with { Shift = shift }),
                    request.Settings with
                    {
                        Shared = false,
                    },
                    request.Settings with
                    {
                        Shared = false,
                        Leak = 0,
                    },
                ]
                : [request.Settings];
            bool shares = true;
            foreach (RepairSettings way in ways)
            {
                RepairSettings settings = way;
                // Where no unit is shared, all places are one, but for what own units may open for.
                if (!shares && (settings.Leak == best!.Settings.Leak || config.ReadsClassAlone))
                    continue;
                // What mistakes have in common is asked once, of the most general repair.
                if (trial is not null)
                    settings = settings with
                    {
                        Shared = settings.Shared ?? trial.Generalizes,
                        RightAreExamples = settings.RightAreExamples ?? trial.RightAreExamples,
                    };
                Attempt attempt = Make(settings);
                trial ??= attempt.Outcome.Trial;
                shares = attempt.Outcome.SharedUnits > 0;
                RepairPlace at = new(
                    shares ? settings.Shift : null,
                    attempt.Outcome.Corrected.Count(c => c),
                    locality.Loaded.Count == 0 ? null : attempt.LocalityRate,
                    Kept(attempt.NearHeldOut),
                    (request.Guard is not double guard || attempt.LocalityRate >= guard)
                        && (request.GuardNear is not double near || Kept(attempt.NearHeldOut) >= near)
                );
                if (guarded)
                    tried.Add(at);
                best?.Outcome.Dispose();
                best = attempt with { Keeps = at.Keeps };
                if (at.Keeps)
                    break;
            }
            RepairOutcome outcome = best!.Outcome;
            RepairReport report = new()
            {
                Model = model.Model.Fingerprint,
                Labels = labels,
                Images = [.. Repaired(parts.Failing, outcome, false), .. Repaired(parts.HeldOut, null, true)],
                RightBefore = parts.Near.Count + parts.NearHeldOut.Count,
                RightAfter = parts
                    .Failing.Concat(parts.HeldOut)
                    .Concat(parts.Near)
                    .Concat(parts.NearHeldOut)
                    .Count(i => candidates[i].Accepted.Contains(best.After[i])),
                LeftOut = leftOut,
                Settings = best.Settings,
                NearSeen = best.NearSeen,
                NearHeldOut = best.NearHeldOut,
                LocalityImages = localityBefore.Count,
                LocalityChanged = best.Locality.Where((a, i) => a != localityBefore[i]).Count(),
                SensitiveImages = sensitive.Count(s => s),
                SensitiveChanged = best.Locality.Where((a, i) => sensitive[i] && a != localityBefore[i]).Count(),
                Statistics = statistics,
                Tried = tried,
                GuardsKept = best.Keeps,
                Remembered =
                [
                    .. best.Remembered.Select(
                        (said, i) =>
                            new RememberedImage(
                                remembered.Names[i].Patch,
                                remembered.Names[i].Name,
                                remembered.Images.Labels[i],
                                rememberedBefore[i] == remembered.Images.Labels[i],
                                said == remembered.Images.Labels[i]
                            )
                    ),
                ],
                SharedUnits = outcome.SharedUnits,
                OwnUnits = outcome.OwnUnits,
                AddedUnits = outcome.AddedUnits,
                CanWiden = config.UnfitForMoreUnits is null,
                Trial = request.Settings.Shared is null ? trial : null,
                Seconds = repairing.Elapsed.TotalSeconds,
            };
            if (request.Output is string output && report is { GuardsKept: true, Corrected: > 0 })
            {
                Write(report, outcome, output);
                report = report with { Patch = output };
            }
            tokens.Forget();
            return report with { TotalSeconds = clock.Elapsed.TotalSeconds };
        }
        catch (OperationCanceledException e)
        {
            throw Interrupted(tokens, e);
        }
        finally
        {
            best?.Outcome.Dispose();
        }

        Seen Read(string what, IReadOnlyList<(string Path, string? Sha256)> images, List<string> skipped)
        {
            try
            {
                (Tensor residuals, IReadOnlyList<int> loaded) = tokens.Read(what, images, skipped);
                return new Seen(residuals, loaded);
            }
            catch (OperationCanceledException e)
            {
                throw Interrupted(tokens, e);
            }
        }

        RepairImages Images(IReadOnlyList<int> places, Func<int, int> label) =>
            new RepairImages(
                labelled.Residuals,
                [.. candidates.Select((_, i) => label(i))],
                [.. candidates.Select(c => c.Accepted)]
            ).At(places);

        Attempt Make(RepairSettings settings)
        {
            // A trial in two ways and the repair itself.
            int steps = 3 * settings.Steps;
            RepairOutcome outcome = events.Progress(
                "repairing",
                steps,
                report =>
                {
                    int done = 0;
                    Told<EditProgress> told = new(p => report(++done, $"loss {p.Loss:0.000}"));
                    return new GateRepair(settings).Repair(split, input, request.Seed, told, cancellation);
                }
            );
            IReadOnlyList<int> after = GateRepair.Predict(split, labelled.Residuals, outcome.Change);
            return new Attempt(
                settings,
                outcome,
                after,
                GateRepair.Predict(split, locality.Residuals, outcome.Change),
                FlipsOf(parts.Near, after),
                FlipsOf(parts.NearHeldOut, after)
            )
            {
                LocalityBefore = localityBefore,
                Remembered = GateRepair.Predict(split, remembered.Images.Residuals, outcome.Change),
            };
        }

        // As a quotient of whole numbers, which is rounded as the bound is.
        static double? Kept(Flips near) =>
            near.RightBefore == 0 ? null : (double)(near.RightBefore - near.Broken) / near.RightBefore;

        IEnumerable<int> Remembered(bool right) =>
            Enumerable
                .Range(0, remembered.Names.Count)
                .Where(i => rememberedBefore[i] == remembered.Images.Labels[i] == right);

        // What the unedited model says; its last FFN gets something else where earlier patches changed blocks before.
        IReadOnlyList<int> Unedited(Seen images, IReadOnlyList<(string Path, string? Sha256)> files)
        {
            if (earlier.KeepPrefix)
                return GateRepair.Predict(unedited, images.Residuals, null);
            using RepairTokens again = new(unedited, model.Preprocessing, null, events, cancellation);
            return GateRepair.Predict(
                unedited,
                again.Read("reading images again, for the unedited model", files, []).Residuals,
                null
            );
        }

        Flips FlipsOf(IReadOnlyList<int> places, IReadOnlyList<int> after) =>
            Flips.Of(
                [.. places.Select(i => first[i])],
                [.. places.Select(i => after[i])],
                [.. places.Select(i => candidates[i].Accepted)]
            );

        IEnumerable<RepairedImage> Repaired(IReadOnlyList<int> places, RepairOutcome? outcome, bool heldOut) =>
            places.Select(
                (i, at) =>
                {
                    int after = best!.After[i];
                    bool right = candidates[i].Accepted.Contains(after);
                    return new RepairedImage(
                        candidates[i].Path,
                        candidates[i].Group(before[i]),
                        candidates[i].Label,
                        before[i],
                        after,
                        heldOut,
                        right,
                        right ? null : outcome?.Why[at]
                    );
                }
            );

        void Write(RepairReport report, RepairOutcome outcome, string output)
        {
            int[] mended = [.. parts.Failing.Where(i => candidates[i].Accepted.Contains(best!.After[i]))];
            using Tensor tokens = labelled.Residuals.index_select(0, tensor([.. mended.Select(i => (long)i)]));
            new RepairPatch(
                model,
                labels,
                report.Settings,
                [.. mended.Select(i => (candidates[i].Path, candidates[i].Sha256, best!.After[i]))]
            )
            {
                Tokens = earlier.KeepPrefix && tokens.dim() == 2 ? tokens : null,
                Seed = request.Seed,
                Statistics = statistics?.Described,
                On = [.. earlier.Patches.Select(p => p.Change)],
                Measurements = new()
                {
                    Success = report.Corrected == report.ToCorrect,
                    Steps = outcome.Losses.Count,
                    LocalityRate = report.LocalityImages == 0 ? null : best!.LocalityRate,
                    LocalityImages = report.LocalityImages == 0 ? null : report.LocalityImages,
                },
            }.Write(outcome.Change!, output, request.Overwrite);
        }
    }

    static OperationCanceledException Interrupted(RepairTokens tokens, OperationCanceledException e) =>
        tokens.Keep() is string kept
            ? new OperationCanceledException(
                $"interrupted; no patch was written. What was read of the images is in {kept}, from which the same "
                    + "command goes on.",
                e,
                e.CancellationToken
            )
            : e;

    // Null where there is none, or none that is not among the labelled ones.
    static ImageFolder? Without(ImageFolder? folder, HashSet<string> labelled)
    {
        if (folder is null)
            return null;
        string[] others =
        [
            .. folder
                .Files.AsParallel()
                .AsOrdered()
                .Where(f => RepairTokens.HashOf(folder.FullPath(f)) is not string hash || !labelled.Contains(hash)),
        ];
        return others.Length == 0 ? null : folder.With(others);
    }

    sealed record Seen(Tensor Residuals, IReadOnlyList<int> Loaded);

    sealed record Attempt(
        RepairSettings Settings,
        RepairOutcome Outcome,
        IReadOnlyList<int> After,
        IReadOnlyList<int> Locality,
        Flips NearSeen,
        Flips NearHeldOut
    )
    {
        public required IReadOnlyList<int> LocalityBefore { get; init; }

        public required IReadOnlyList<int> Remembered { get; init; }

        public bool Keeps { get; init; } = true;

        public double LocalityRate =>
            Locality.Count == 0 ? 1 : (double)Locality.Where((a, i) => a == LocalityBefore[i]).Count() / Locality.Count;
    }
}
