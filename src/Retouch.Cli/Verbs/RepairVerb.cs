using System.CommandLine;
using System.Globalization;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>repair</c>: corrects a folder of mistakes by one patch.</summary>
sealed class RepairVerb : Verb
{
    readonly ModelOptions _model;
    readonly Option<string[]> _images = new("--images")
    {
        Description =
            "Folders of labelled images, in folders that are called by their class, as for 'mine', or lists of images "
            + "and classes, as for 'check': those that the model gets wrong are corrected, those that it gets right "
            + "are kept right.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR|LIST",
    };
    readonly Option<string?> _benchmark = new("--benchmark")
    {
        Description = "What 'retouch mine' made: correct its groups' images, which lie below --images, and no others.",
        HelpName = "FILE",
    };
    readonly Option<string[]> _near = RepairOptions.Near(": those that are right are kept right", lists: true);
    readonly Option<string[]> _roots = new("--root")
    {
        Description = "The folders from which the paths of lists go on; by default each list's own.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<string?> _accept = RepairOptions.Accept();
    readonly Option<string?> _locality = RepairOptions.Locality("what else changed");
    readonly Option<string[]> _prepared = RepairOptions.Prepared();
    readonly Option<double> _holdout = new("--holdout")
    {
        Description =
            "The share of the failing images of each group, and of the right ones, that the repair does not see and "
            + "that is measured.",
        DefaultValueFactory = _ => 0.2,
        HelpName = "SHARE",
    };
    readonly GuardOptions _guards = new("repair", "the right labelled images that it did not see");
    readonly Option<int> _widen = new("--widen")
    {
        Description =
            "Add up to so many hidden units to the last FFN rather than take over idle ones: room for mistakes that "
            + "have nothing in common. Not where FFNs are gated or normed, nor in attention pooling or stages. "
            + "'apply' and 'export' then write a wider model.",
        HelpName = "N",
    };

    // Not of bool: the parser takes any other word for one of its own arguments.
    readonly Option<string?> _shared = new("--shared")
    {
        Description =
            "Whether images may share units (true), or each gets its own (false); by default that is found out from "
            + "the mistakes themselves.",
        HelpName = "BOOL",
    };
    readonly Option<double> _shift = new("--shift")
    {
        Description =
            "How far shared units open, added to the log-odds by which they tell their images from others: more "
            + "generalizes more, less changes less.",
        DefaultValueFactory = _ => new RepairSettings().Shift,
        HelpName = "LOG-ODDS",
    };
    readonly Option<string[]> _on = new("--on")
    {
        Description =
            "Patches of the same model that are in use: the new one is made on top of them, to be applied together "
            + "with them, keeps right what they corrected, and is measured against the unedited model.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "PATCH",
    };
    readonly Option<int> _seed = new("--seed") { Description = "The seed of everything random.", HelpName = "N" };
    readonly Option<string> _out = new("--out")
    {
        Description = "The patch to write.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing patch." };

    public RepairVerb()
        : base(
            "repair",
            "Correct a folder of mistakes, of any classes, by one patch, and measure what it does to images that it "
                + "did not see. The model's file stays as it is.",
            reports: true
        )
    {
        Require<double>(_holdout, share => share is >= 0 and < 1, "a number from 0 to below 1");
        Require<int>(_widen, widen => widen is >= 0 and <= 65536, "a whole number from 0 to 65536");
        Require<bool>(_shared, _ => true, "true or false");
        Require<double>(_shift, shift => shift is >= -100 and <= 100, "a number from -100 to 100");
        Require<int>(_seed, _ => true, "a whole number");
        _model = new ModelOptions(this);
        foreach (
            Option option in (Option[])
                [
                    _images,
                    _out,
                    _benchmark,
                    _near,
                    _roots,
                    _accept,
                    _locality,
                    _prepared,
                    _holdout,
                    _guards.OfLocality,
                    _guards.OfNear,
                    _widen,
                    _shared,
                    _shift,
                    _on,
                    _seed,
                    _overwrite,
                ]
        )
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        EditRequest.RequireOutput(output, parsed.GetValue(_overwrite));
        RepairRequest request = new()
        {
            Images = parsed.GetRequiredValue(_images),
            Benchmark = parsed.GetValue(_benchmark),
            Near = parsed.GetValue(_near) ?? [],
            Roots = parsed.GetValue(_roots) ?? [],
            On = parsed.GetValue(_on) ?? [],
            Accepted = parsed.GetValue(_accept),
            Locality = parsed.GetValue(_locality) is string folder ? ImageFolder.Open(folder) : null,
            LabelFile = _model.LabelFile(parsed),
            Settings = new()
            {
                Widen = parsed.GetValue(_widen),
                Shared = parsed.GetValue(_shared) is string shared ? bool.Parse(shared) : null,
                Shift = parsed.GetValue(_shift),
            },
            Files = new()
            {
                Prepared = parsed.GetValue(_prepared) ?? [],
                Cache = PreparationCache.OfUser(),
                MadeFor = new() { Model = _model.Arguments(parsed) },
            },
            Holdout = parsed.GetValue(_holdout),
            Guard = _guards.Guard(parsed),
            GuardNear = _guards.GuardNear(parsed),
            Seed = parsed.GetValue(_seed),
            Output = output,
            Overwrite = parsed.GetValue(_overwrite),
        };
        request.Validate();
        using ModelFile file = _model.Load(parsed, terminal);
        RepairReport report = new RepairUseCase(file).Run(request, terminal, cancellation);
        RepairJson json = RepairJson.Of(report);
        terminal.Object(json, JsonOutput.Default.RepairJson);
        Print(terminal, report, json);
        return json.Success ? App.Ok : App.Failed;
    }

    static void Print(Terminal terminal, RepairReport report, RepairJson json)
    {
        terminal.Line($"  corrected            {Of(report.Corrected, report.ToCorrect)}");
        if (report.HeldOut > 0)
            terminal.Line(
                $"  held-out corrected   {Of(report.HeldOutCorrected, report.HeldOut)}: mistakes that it did not see"
            );
        if (report.LocalityImages > 0)
            terminal.Line(
                $"  locality kept        {Of(report.LocalityImages - report.LocalityChanged, report.LocalityImages)}"
            );
        if (report.SensitiveImages > 0)
            terminal.Line(
                "  sensitive kept       "
                    + Of(report.SensitiveImages - report.SensitiveChanged, report.SensitiveImages)
                    + ": their two likeliest classes differ by less than 0.05"
            );
        string heading = "right ones broken";
        foreach (
            (Flips flips, string which) in new[]
            {
                (report.NearHeldOut, "that it did not see (negative flips)"),
                (report.NearSeen, "that it was to keep"),
            }
        )
        {
            if (flips.RightBefore == 0)
                continue;
            terminal.Line($"  {heading, -20} {Of(flips.Broken, flips.RightBefore)} of those {which}");
            heading = "";
        }
        terminal.Line(
            $"  accuracy             {Percent(report.AccuracyBefore)} before, {Percent(report.AccuracyAfter)} after, "
                + $"on all {report.RightBefore + report.Images.Count} labelled images"
        );
        terminal.Line(
            $"  units                {report.SharedUnits} shared, {report.OwnUnits} of one image each"
                + (report.AddedUnits > 0 ? $"; {report.AddedUnits} added to the last FFN" : "")
        );
        if (report.Trial is { } trial)
            terminal.Line($"  in common            {Common(trial)}");
        if (report.Remembered.Count > 0)
            terminal.Line(
                $"  corrected earlier    {Of(report.Remembered.Count(i => i.RightAfter), report.Remembered.Count)} "
                    + "still right"
            );
        PrintTried(terminal, report);
        terminal.Line(
            $"  time                 {Seconds(report.Seconds)} s, with reading images {Seconds(report.TotalSeconds)} s"
        );
        terminal.Line(
            report.Patch is string patch
                ? $"  patch                {patch} ({new FileInfo(patch).Length / 1024.0:0} KiB)"
            : !report.GuardsKept ? "  patch                none was written: no repair keeps to the guards"
            : "  patch                none was written: nothing could be corrected"
        );
        PrintWrong(terminal, report);
        foreach (string line in LostImages.Lines(report.Remembered, report.Labels))
            terminal.Line(line);
    }

    static string Common(RepairTrial trial)
    {
        string broke =
            trial.Right > 0 ? $" and broke {Of(trial.Broken, trial.Right)} right ones that it had not seen" : "";
        string found =
            $"made from four fifths of the mistakes, shared units mended {Of(trial.Mended, trial.Failing)} of the rest"
            + broke;
        return trial.Generalizes
            ? $"{found}: the mistakes have something in common"
            : $"{found}: these mistakes do not generalize, so each is remembered by itself";
    }

    static void PrintTried(Terminal terminal, RepairReport report)
    {
        if (report.Tried.Count == 0)
            return;
        terminal.Line("  tried for the guards");
        foreach (RepairPlace place in report.Tried)
        {
            string what = place.Shift is double shift
                ? string.Create(CultureInfo.InvariantCulture, $"shift {shift:0.##}")
                : "no unit is shared";
            string locality = place.LocalityRate is double rate ? $", locality {Percent(rate)}" : "";
            string near = place.NearKept is double kept ? $", right ones kept {Percent(kept)}" : "";
            terminal.Line($"    {what}: {place.Corrected} corrected{locality}{near}{(place.Keeps ? ", taken" : "")}");
        }
    }

    static void PrintWrong(Terminal terminal, RepairReport report)
    {
        RepairedImage[] wrong = [.. report.Images.Where(i => i is { HeldOut: false, Right: false })];
        if (wrong.Length == 0)
            return;
        terminal.Line($"not corrected, {wrong.Length}:");
        foreach (
            string line in LongList.Lines(
                wrong,
                image =>
                    $"  {image.Path}: {report.Labels[image.Label].Name}, the model says "
                    + $"{report.Labels[image.After].Name}; {image.Why}",
                more => $"  {more}, which --json names"
            )
        )
            terminal.Line(line);
        int lacking = wrong.Count(i => i.Why == "the hidden units are used up");
        if (lacking > 0 && report.CanWiden)
            terminal.Line($"for {lacking} of them units are lacking: --widen {Enough(report)} is enough");
    }

    // Shared units, and one of its own for every image: what is not needed is not added.
    static int Enough(RepairReport report) =>
        report.Images.Select(i => i.Label).Distinct().Count() + report.ToCorrect + report.Remembered.Count;

    static string Of(int part, int whole) =>
        string.Create(CultureInfo.InvariantCulture, $"{part} of {whole} ({100.0 * part / Math.Max(whole, 1):0.0} %)");

    static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.0} %");

    static string Seconds(double seconds) => seconds.ToString("0.0", CultureInfo.InvariantCulture);
}
