using System.CommandLine;
using System.Globalization;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary>
/// <c>check</c>: what a model gets wrong on labelled images, what a change of it fixed and broke, and whether criteria
/// hold.
/// </summary>
sealed class CheckVerb : Verb
{
    const int MostGroups = 5;
    const int MostCells = 8;
    const int MostImages = 20;

    readonly ModelOptions _model;
    readonly Option<string[]> _images = new("--images")
    {
        Description =
            "The labelled images: folders of images in folders that are called by their class, as for 'mine', and "
            + "lists: benchmarks, confirmed lists, or CSV with a path and a class a line.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR|LIST",
    };
    readonly Option<string[]> _patches = new("--patch")
    {
        Description =
            "Patches of the model to check together; it is compared with the model without them unless --against "
            + "names another.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };
    readonly Option<string?> _ledger = new("--ledger")
    {
        Description = "A ledger whose present patches to check together, instead of --patch.",
        HelpName = "FILE",
    };
    readonly Option<string?> _against = new("--against")
    {
        Description = "Another model of the same classes to compare with, such as the one that --model was made of.",
        HelpName = "MODEL",
    };
    readonly Option<string?> _accept = new("--accept")
    {
        Description =
            "What other names of folders and classes mean, as for 'mine': all classes of a list count as right.",
        HelpName = "FILE",
    };
    readonly Option<string[]> _roots = new("--root")
    {
        Description = "The folders from which the paths of lists go on; by default each list's own.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<string?> _criteria = new("--criteria")
    {
        Description =
            "A file of criteria (JSON): maxBroken, maxBrokenPerClass, maxNegativeFlipRate, minFixed, fixedAmong, "
            + "minNetGain, minAccuracy, minLocality, locality, mustBeRight; each is the option of that name.",
        HelpName = "FILE",
    };
    readonly Option<int?> _maxBroken = new("--max-broken")
    {
        Description = "At most so many images that were right are wrong.",
        HelpName = "N",
    };
    readonly Option<int?> _maxBrokenPerClass = new("--max-broken-per-class")
    {
        Description = "At most so many of any class.",
        HelpName = "N",
    };
    readonly Option<double?> _maxNegativeFlipRate = new("--max-negative-flip-rate")
    {
        Description = "At most this share of the images that were right is wrong: 0.01 is --guard-near 0.99 of 'edit'.",
        HelpName = "RATE",
    };
    readonly Option<int?> _minFixed = new("--min-fixed")
    {
        Description = "At least so many images that were wrong are right: of --fixed-among, or of --images.",
        HelpName = "N",
    };
    readonly Option<string[]> _fixedAmong = new("--fixed-among")
    {
        Description = "The images of which --min-fixed are to be fixed, such as the mistakes that a patch is for.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR|LIST",
    };
    readonly Option<int?> _minNetGain = new("--min-net-gain")
    {
        Description = "At least so many more images are fixed than broken.",
        HelpName = "N",
    };
    readonly Option<double?> _minAccuracy = new("--min-accuracy")
    {
        Description = "At least this share of --images is right.",
        HelpName = "RATE",
    };
    readonly Option<string?> _locality = new("--locality")
    {
        Description = "A folder of any other images, to measure how many keep their prediction (LR).",
        HelpName = "DIR",
    };
    readonly Option<double?> _minLocality = new("--min-locality")
    {
        Description = "At least this share of --locality keeps its prediction, as --guard of 'edit'.",
        HelpName = "RATE",
    };
    readonly Option<string[]> _mustBeRight = new("--must-be-right")
    {
        Description = "Images of which every one is to be right, such as those that earlier patches were made for.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR|LIST",
    };
    readonly Option<string?> _report = new("--report")
    {
        Description = "The page to write: one HTML file with tables, calibration and the mistakes' pictures.",
        HelpName = "FILE",
    };
    readonly Option<int> _thumbnails = new("--thumbnails")
    {
        Description = "How many mistakes the page shows with their picture at most; those that broke come first.",
        DefaultValueFactory = _ => 300,
        HelpName = "N",
    };
    readonly Option<string?> _junit = new("--junit")
    {
        Description = "A JUnit file to write (XML), with a test case a criterion, for a build server.",
        HelpName = "FILE",
    };
    readonly Option<string?> _mistakes = new("--mistakes")
    {
        Description =
            "A list of the mistakes to write (CSV), which --images, --fixed-among and --must-be-right take again.",
        HelpName = "FILE",
    };
    readonly Option<string?> _out = new("--out")
    {
        Description =
            "What the models say of every image, a line of JSON each, from which an interrupted check goes on; by "
            + "default FILE.jsonl beside --report FILE.html, and nothing without that.",
        HelpName = "FILE",
    };
    readonly Option<string?> _index = IndexOption.New();
    readonly Option<bool> _resume = new("--resume") { Description = "Go on with the answers that are there." };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace existing files." };
    readonly ShardOption _shard;

    public CheckVerb()
        : base(
            "check",
            "Check a model on labelled images: accuracy by class, what is taken for what, calibration, and what a "
                + "patch fixed and broke. Where criteria are given, the exit code is 0 if all hold and 1 if one does "
                + "not.",
            reports: true
        )
    {
        Require<int>(_maxBroken, n => n >= 0, "a whole number of at least 0");
        Require<int>(_maxBrokenPerClass, n => n >= 0, "a whole number of at least 0");
        Require<int>(_minFixed, n => n >= 1, "a whole number of at least 1");
        Require<int>(_minNetGain, _ => true, "a whole number");
        Require<int>(_thumbnails, n => n >= 0, "a whole number of at least 0");
        foreach (Option<double?> rate in (Option<double?>[])[_maxNegativeFlipRate, _minAccuracy, _minLocality])
            Require<double>(rate, r => r is >= 0 and <= 1, "a number from 0 to 1");
        _model = new ModelOptions(this);
        foreach (
            Option option in (Option[])
                [
                    _images,
                    _patches,
                    _ledger,
                    _against,
                    _accept,
                    _roots,
                    _criteria,
                    _maxBroken,
                    _maxBrokenPerClass,
                    _maxNegativeFlipRate,
                    _minFixed,
                    _fixedAmong,
                    _minNetGain,
                    _minAccuracy,
                    _locality,
                    _minLocality,
                    _mustBeRight,
                    _report,
                    _thumbnails,
                    _junit,
                    _mistakes,
                    _out,
                    _index,
                    _resume,
                    _overwrite,
                ]
        )
            Add(option);
        _shard = new ShardOption(
            this,
            "Ask about part I of N of the images only and keep the answers in FILE-I-of-N.jsonl of --out; 'merge' "
                + "makes FILE.jsonl of the parts, of which this command with --resume makes all else."
        );
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string? page = parsed.GetValue(_report);
        CheckRequest request = new()
        {
            Images = parsed.GetRequiredValue(_images),
            Roots = parsed.GetValue(_roots) ?? [],
            Accepted = parsed.GetValue(_accept),
            LabelFile = _model.LabelFile(parsed),
            Patches = Patches(parsed),
            Against = parsed.GetValue(_against),
            Criteria = Criteria(parsed),
            Rows = parsed.GetValue(_out) ?? (page is null ? null : Path.ChangeExtension(page, ".jsonl")),
            Index = parsed.GetValue(_index),
            Resume = parsed.GetValue(_resume),
            Overwrite = parsed.GetValue(_overwrite),
            Page = page,
            Thumbnails = parsed.GetValue(_thumbnails),
            JUnit = parsed.GetValue(_junit),
            Mistakes = parsed.GetValue(_mistakes),
            Shard = _shard.Of(parsed, terminal, parsed.GetValue(_out)),
        };
        if (request is { Resume: true, Rows: null })
            throw new BadInputException("--resume goes on with the answers of --out or beside --report; name one.");
        if (request is { Shard.Count: > 1, Rows: null })
            throw new BadInputException("A part of a check is its answers: name the file of all with --out.");
        request.Validate();
        using ModelFile file = _model.Load(parsed, terminal);
        CheckUseCase check = new(file) { Open = name => _model.Load(name, parsed, terminal) };
        if (request.Shard.Count > 1)
            return RunPart(check, request, terminal, cancellation);
        CheckReport report = check.Run(request, terminal, cancellation);
        terminal.Object(CheckJson.Of(report, request), JsonOutput.Default.CheckJson);
        Print(terminal, report, request);
        return report.Passed ? App.Ok : App.Failed;
    }

    static int RunPart(CheckUseCase check, CheckRequest request, Terminal terminal, CancellationToken cancellation)
    {
        CheckedPart part = check.RunPart(request, terminal, cancellation);
        terminal.Object(
            new CheckPartJson(part.Rows, $"{part.Shard}", part.Images, part.Undecoded),
            JsonOutput.Default.CheckPartJson
        );
        terminal.Line($"asked about the {part.Images} images of part {part.Shard}; {part.Undecoded} cannot be decoded");
        terminal.Line(
            $"part         {part.Rows}; when all are there: retouch merge --out {request.Rows}, and then this command "
                + "with --resume and without --shard, which judges and reports"
        );
        return App.Ok;
    }

    string[] Patches(ParseResult parsed)
    {
        string[] patches = parsed.GetValue(_patches) ?? [];
        if (parsed.GetValue(_ledger) is not string path)
            return patches;
        if (patches.Length > 0)
            throw new BadInputException("--ledger and --patch both name patches; give one of them.");
        Ledger ledger = Ledger.Open(path);
        // They are what was added, or it is said that they are not.
        foreach (LoadedPatch patch in ledger.Load(ledger.State))
            patch.Dispose();
        return [.. ledger.State.Added.Select(e => ledger.PathOf(e.Patch!))];
    }

    CheckCriteria Criteria(ParseResult parsed)
    {
        CheckCriteria given = new()
        {
            MaxBroken = parsed.GetValue(_maxBroken),
            MaxBrokenPerClass = parsed.GetValue(_maxBrokenPerClass),
            MaxNegativeFlipRate = parsed.GetValue(_maxNegativeFlipRate),
            MinFixed = parsed.GetValue(_minFixed),
            FixedAmong = parsed.GetValue(_fixedAmong) ?? [],
            MinNetGain = parsed.GetValue(_minNetGain),
            MinAccuracy = parsed.GetValue(_minAccuracy),
            MinLocality = parsed.GetValue(_minLocality),
            Locality = parsed.GetValue(_locality),
            MustBeRight = parsed.GetValue(_mustBeRight) ?? [],
        };
        return parsed.GetValue(_criteria) is string path ? CriteriaFile.Load(path).And(given) : given;
    }

    static void Print(Terminal terminal, CheckReport report, CheckRequest request)
    {
        CheckSummary s = report.Summary;
        string undecoded = report.Undecoded > 0 ? $"; {report.Undecoded} cannot be decoded" : "";
        string classes = s.ByClass.Count == 1 ? "class" : "classes";
        terminal.Line($"images       {s.After.Images} of {s.ByClass.Count} {classes}{undecoded}");
        terminal.Line($"accuracy     {Share(s.After.Accuracy!.Value)}{Was(s.Before?.Accuracy)}");
        if (s.After.TopFiveAccuracy is { } five)
            terminal.Line($"top-5        {Share(five)}{Was(s.Before?.TopFiveAccuracy)}");
        string ece = s.Before is { } b ? $"; before {Percent(b.Calibration.Error)}" : "";
        terminal.Line($"calibration  ECE {Percent(s.After.Calibration.Error)}{ece}");
        if (s.Flips is { } flips)
            terminal.Line($"flips        {FlipsText.Of(flips)}");
        if (report.Locality is { } kept)
            terminal.Line(
                $"locality     {Percent(kept.Rate ?? 1)} of {kept.Images} images keep their prediction; {kept.Changed} "
                    + "changed"
            );
        PrintGroups(terminal, "worst classes", s.ByClass);
        // Of one folder a class they say the same.
        if (s.ByFolder.Count != s.ByClass.Count)
            PrintGroups(terminal, "worst folders", s.ByFolder);
        PrintConfusions(terminal, report);
        PrintBroken(terminal, report);
        PrintCriteria(terminal, report);
        PrintFiles(terminal, report, request);
    }

    static void PrintGroups(Terminal terminal, string what, IReadOnlyList<CheckedGroup> groups)
    {
        CheckedGroup[] worst =
        [
            .. groups.Where(c => c.Right < c.Images).OrderBy(c => c.Accuracy).ThenByDescending(c => c.Images),
        ];
        if (worst.Length == 0)
            return;
        terminal.Line();
        terminal.Line(what);
        foreach (CheckedGroup c in worst.Take(MostGroups))
        {
            string change =
                c.Flips is { } f && (f.Fixed > 0 || f.Broken > 0) ? $"; {f.Fixed} fixed, {f.Broken} broken" : "";
            terminal.Line($"  {Percent(c.Accuracy), 8}  {c.Name.Split(',')[0]}: {c.Right} of {c.Images}{change}");
        }
        if (worst.Length > MostGroups)
            terminal.Line($"            and {worst.Length - MostGroups} more with mistakes");
    }

    static void PrintConfusions(Terminal terminal, CheckReport report)
    {
        IReadOnlyList<Confusion> cells = report.Summary.Confusions;
        if (cells.Count == 0)
            return;
        terminal.Line();
        terminal.Line("taken for");
        foreach (Confusion c in cells.Take(MostCells))
        {
            string before = c.Before is int was ? $" (before {was})" : "";
            terminal.Line($"  {c.Images, 5}  {Label(report, c.Label)} → {ClassName(report, c.Said)}{before}");
        }
        if (cells.Count > MostCells)
            terminal.Line(
                $"         and {cells.Skip(MostCells).Sum(c => c.Images)} mistakes in {cells.Count - MostCells} more "
                    + "cells"
            );
    }

    static void PrintBroken(Terminal terminal, CheckReport report)
    {
        CheckedImage[] broken = [.. report.Summary.Flipped(FlipKind.Broken)];
        if (broken.Length == 0)
            return;
        terminal.Line();
        terminal.Line("broken");
        PrintImages(terminal, report, broken);
    }

    static void PrintImages(Terminal terminal, CheckReport report, IReadOnlyList<CheckedImage> images)
    {
        foreach (CheckedImage i in images.Take(MostImages))
        {
            string before = i.Before is { } was && was.Class != i.After.Class ? $"; before {Said(was)}" : "";
            terminal.Line($"  {Shown(i.FullPath)}: {Label(report, i.Label)}, said {Said(i.After)}{before}");
        }
        if (images.Count > MostImages)
            terminal.Line($"  and {images.Count - MostImages} more");

        string Said(RankedAnswer a) => $"{ClassName(report, a.Class)} {Percent(a.Probability)}";
    }

    static void PrintCriteria(Terminal terminal, CheckReport report)
    {
        if (report.Criteria.Count == 0)
            return;
        terminal.Line();
        terminal.Line("criteria");
        foreach (CriterionResult c in report.Criteria)
        {
            terminal.Line($"  {(c.Holds ? "holds" : "FAILS")}  {c.Bound}: {c.Measured}");
            // Those that broke are named above.
            if (c.Images.Any(i => i.Flip != FlipKind.Broken))
                PrintImages(terminal, report, [.. c.Images.Where(i => i.Flip != FlipKind.Broken)]);
        }
        int failing = report.Criteria.Count(c => !c.Holds);
        terminal.Line(
            failing == 0
                ? $"passed: all {report.Criteria.Count} hold"
                : $"FAILED: {string.Join(", ", report.Criteria.Where(c => !c.Holds).Select(c => c.Name))}"
        );
    }

    static void PrintFiles(Terminal terminal, CheckReport report, CheckRequest request)
    {
        int wrong = report.Summary.After.Images - report.Summary.After.Right;
        List<string> lines = [];
        if (request.Page is string page)
            lines.Add($"report       {page}, with {report.Pictured} of {wrong} mistakes' pictures");
        if (request.JUnit is string junit)
            lines.Add($"junit        {junit}");
        if (request.Mistakes is string mistakes)
            lines.Add($"mistakes     {mistakes}, {wrong} images");
        if (request.Rows is string rows)
            lines.Add($"answers      {rows}");
        if (lines.Count > 0)
            terminal.Line();
        lines.ForEach(terminal.Line);
    }

    static string Share(Estimate e) => $"{Percent(e.Mean)} (95 %: {Number(e.Low)} to {Number(e.High)})";

    static string Was(Estimate? e) => e is { } before ? $"; before {Percent(before.Mean)}" : "";

    static string Percent(double share) => $"{Number(share)} %";

    static string Number(double share) => (100 * share).ToString("0.00", CultureInfo.InvariantCulture);

    static string Label(CheckReport report, int label) => report.ClassNames[label].Split(',')[0];

    static string ClassName(CheckReport report, int label) => report.Labels[label].Name.Split(',')[0];

    // As short as it can be opened by.
    static string Shown(string path)
    {
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.Length < path.Length ? relative : path;
    }
}
