using System.CommandLine;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Suffix;

namespace Retouch.Cli.Verbs;

/// <summary>
/// <c>mine</c>: gathers a model's failures into a benchmark, from labelled folders, or from unlabelled images by way of
/// a page on which a person confirms them.
/// </summary>
sealed class MineVerb : Verb
{
    static readonly MiningSettings Defaults = new();

    readonly ModelOptions _model;
    readonly HintOptions _strongerHints;
    readonly Option<string[]> _images = new("--images")
    {
        Description =
            "Folders or archives of images, in folders that are called by their class: its index, WordNet id or name; "
            + "unlabelled ones may lie anywhere below. Or lists of images and classes, as for 'check'.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR|LIST",
    };
    readonly Option<string[]> _roots = new("--root")
    {
        Description = "The folders from which the paths of lists go on; by default each list's own.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<string?> _accept = new("--accept")
    {
        Description =
            "What other folder names mean: JSON such as {\"elephant\": [386, 101, 385]}; all of a list count as "
            + "right, edits aim at the first, and an empty list leaves the folder out.",
        HelpName = "FILE",
    };
    readonly Option<string?> _stronger = new("--stronger")
    {
        Description =
            "A stronger model of the same classes, for unlabelled images: writes a page (HTML) of those on which the "
            + "two disagree, where a person confirms what is right.",
        HelpName = "MODEL",
    };
    readonly Option<string?> _confirmed = new("--confirmed")
    {
        Description = "The list that this page saved: makes the benchmark of it.",
        HelpName = "FILE",
    };
    readonly Option<string?> _locality = new("--locality")
    {
        Description = "A folder of images that edits should leave alone.",
        HelpName = "DIR",
    };
    readonly Option<double> _margin = new("--margin")
    {
        Description = "A locality image is sensitive if its two largest probabilities differ by less.",
        DefaultValueFactory = _ => Defaults.Margin,
        HelpName = "P",
    };
    readonly Option<int> _min = new("--min")
    {
        Description = "Leave out groups of fewer images, at least 1.",
        DefaultValueFactory = _ => Defaults.MinImages,
        HelpName = "N",
    };
    readonly Option<string?> _index = IndexOption.New();
    readonly Option<string> _out = new("--out")
    {
        Description = "The benchmark to write; with --stronger the page.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing file." };
    readonly ShardOption _shard;

    public MineVerb()
        : base(
            "mine",
            "Gather what a model gets wrong into groups: a benchmark file of paths and hashes. Unlabelled images take "
                + "two steps: --stronger, then --confirmed.",
            reports: true
        )
    {
        Require<double>(_margin, margin => margin is >= 0 and <= 1, "a number from 0 to 1");
        Require<int>(
            _min,
            min => min >= MiningSettings.FewestImages,
            $"a whole number of at least {MiningSettings.FewestImages}"
        );
        _model = new ModelOptions(this);
        foreach (
            Option option in (Option[])
                [_images, _roots, _accept, _stronger, _confirmed, _locality, _margin, _min, _index, _out, _overwrite]
        )
            Add(option);
        _shard = new ShardOption(
            this,
            "Ask about part I of N of the labelled images only and write FILE-I-of-N.json; 'merge' makes FILE.json of "
                + "the parts."
        );
        _strongerHints = new HintOptions(this, "stronger-");
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        if (parsed.GetValue(_stronger) is null)
            OutputName.Require(output, "a benchmark (a JSON file)", ".json");
        Shard shard = _shard.Of(parsed, terminal, output);
        if (shard.Count > 1 && (parsed.GetValue(_stronger) ?? parsed.GetValue(_confirmed)) is not null)
            throw new BadInputException(
                "--shard is for labelled images; --stronger makes one page of all, and a person has confirmed few."
            );
        output = shard.FileOf(output);
        AtomicFile.CheckWritable(output, parsed.GetValue(_overwrite));
        RefuseTogether(parsed, _stronger, _accept, _confirmed, _locality);
        RefuseTogether(parsed, _confirmed, _accept);
        string[] sources = parsed.GetRequiredValue(_images);
        bool lists =
            parsed.GetValue(_stronger) is null
            && parsed.GetValue(_confirmed) is null
            && sources.Any(s => ImageFolder.IsList(s, out _) || !ImageFolder.IsAt(s));
        ImageFolder[] folders = lists ? [] : [.. sources.Select(ImageFolder.Open)];
        ImageFolder? locality = parsed.GetValue(_locality) is string folder ? ImageFolder.Open(folder) : null;
        using AnswerIndex? index = parsed.GetValue(_index) is string kept
            ? AnswerIndex.Open(shard.FileOf(kept), Name)
            : null;
        MiningSettings settings = new()
        {
            Margin = parsed.GetValue(_margin),
            MinImages = parsed.GetValue(_min),
            Index = index,
        };

        using ModelFile file = _model.Load(parsed, terminal);
        LabelSet labels = _model.Labels(parsed, file);
        if (parsed.GetValue(_stronger) is string stronger)
            return WriteSheet(stronger, folders, settings, file, labels, parsed, terminal, cancellation);
        ConfirmedList? confirmed = parsed.GetValue(_confirmed) is string list ? ConfirmedList.Load(list) : null;
        ClassFolders classes = ClassFolders.Of(parsed.GetValue(_accept), labels);
        ModelOptions.PrintPreprocessing(file, terminal);
        SplitVit split = new(file.Model);
        int total =
            (
                lists
                    ? sources.Sum(s =>
                        ImageFolder.IsList(s, out string list) || !ImageFolder.IsAt(s)
                            ? File.Exists(list)
                                ? File.ReadLines(list).Count()
                                : 0
                            : ImageFolder.Open(s).Files.Count
                    )
                    : confirmed?.Groups.Sum(g => g.Images.Count) ?? folders.Sum(f => f.Files.Count)
            ) + (locality?.Files.Count ?? 0);
        if (shard.Count > 1)
            return WritePart(shard, output, (total + shard.Count - 1) / shard.Count);
        MiningResult result = terminal.Progress(
            "mining",
            total,
            report =>
            {
                Told<int> told = new(done => report(done, null));
                return lists
                        ? Mining.Mine(
                            split,
                            file.Preprocessing,
                            sources,
                            parsed.GetValue(_roots) ?? [],
                            classes,
                            locality,
                            settings,
                            told,
                            cancellation
                        )
                    : confirmed is null
                        ? Mining.Mine(
                            split,
                            file.Preprocessing,
                            folders,
                            classes,
                            locality,
                            settings,
                            told,
                            cancellation
                        )
                    : Mining.Confirm(
                        split,
                        file.Preprocessing,
                        new ImageRoots([.. folders.Select(f => f.Root)]),
                        confirmed,
                        locality,
                        settings,
                        told,
                        cancellation
                    );
            }
        );
        if (index?.Summary is string known)
            terminal.Note($"index: {known}");
        terminal.Warnings(result.Skipped.Select(RemedyText.Of));
        if (!labels.HasNames && confirmed is null)
            terminal.Note("classes: no file names them, so folders are taken by number (--labels names them)");
        Benchmark benchmark = result.Benchmark;
        if (confirmed is null && classes.TakenByName(benchmark.Groups.Select(g => g.Class)) is string doubt)
            terminal.Note(doubt);
        RequireFailures(result, settings, confirmed is not null);
        BenchmarkFile.Save(benchmark, output, parsed.GetValue(_overwrite));

        MineJson summary = new()
        {
            Benchmark = output,
            Model = benchmark.ModelFingerprint,
            Images = result.Images,
            Right = result.Right,
            Groups =
            [
                .. benchmark.Groups.Select(g => new MinedGroupJson(
                    g.Name,
                    g.Source,
                    g.Class,
                    Class(labels, g.Label),
                    Class(labels, g.Wrong),
                    g.Images.Count
                )),
            ],
            SmallGroups = result.SmallGroups,
            LocalityImages = benchmark.Locality.Count,
            SensitiveImages = benchmark.Sensitive.Count,
            Skipped = [.. result.Skipped.Select(RemedyText.Of)],
        };
        terminal.Object(summary, JsonOutput.Default.MineJson);
        Print(terminal, summary, settings, confirmed is not null);
        return App.Ok;

        int WritePart(Shard shard, string path, int some)
        {
            MiningPart part = terminal.Progress(
                "mining",
                some,
                report =>
                    Mining.Part(
                        split,
                        file.Preprocessing,
                        sources,
                        parsed.GetValue(_roots) ?? [],
                        classes,
                        locality,
                        settings,
                        shard,
                        new Told<int>(done => report(Math.Min(done, some), null)),
                        cancellation
                    )
            );
            terminal.Warnings(part.Skipped.Select(RemedyText.Of));
            part.Save(path, parsed.GetValue(_overwrite));
            terminal.Object(
                new MinePartJson(
                    path,
                    $"{shard}",
                    part.Model,
                    part.Images,
                    part.Right,
                    part.LocalityImages,
                    [.. part.Skipped.Select(RemedyText.Of)]
                ),
                JsonOutput.Default.MinePartJson
            );
            terminal.Line($"{part.Right} of the {part.Images} images of part {shard} are right");
            terminal.Line(
                $"part       {path}; when all are there: retouch merge --out {parsed.GetRequiredValue(_out)}"
            );
            return App.Ok;
        }
    }

    int WriteSheet(
        string strongerPath,
        ImageFolder[] folders,
        MiningSettings settings,
        ModelFile file,
        LabelSet labels,
        ParseResult parsed,
        Terminal terminal,
        CancellationToken cancellation
    )
    {
        string output = parsed.GetRequiredValue(_out);
        if (Path.GetExtension(output) is not (".html" or ".htm"))
            throw new BadInputException(
                $"With --stronger, --out is a page for a browser, so its name must end in .html, not be {output}."
            );
        using ModelFile stronger = ModelOptions.Load(strongerPath, _strongerHints.Read(parsed), terminal, "stronger-");
        ModelOptions.PrintPreprocessing(file, terminal);
        terminal.Note($"preprocessing: {stronger.Preprocessing} for the stronger model");
        int images = folders.Sum(f => f.Files.Count);
        Disagreement found = terminal.Progress(
            "asking both models",
            2 * images,
            report =>
                Disagreement.Find(
                    new(file.Model),
                    file.Preprocessing,
                    new(stronger.Model),
                    stronger.Preprocessing,
                    folders,
                    labels,
                    settings,
                    new Told<int>(done => report(done, null)),
                    cancellation
                )
        );
        terminal.Warnings(found.Skipped.Select(RemedyText.Of));
        if (found.Images == 0)
            throw new BadInputException($"None of the {images} images can be decoded.");
        if (found.Groups.Count == 0 && found.Agreed < found.Images)
        {
            throw new BadInputException(
                $"The two models agree on {found.Agreed} of {found.Images} images, and no {settings.MinImages} of "
                    + "the others share both predictions; "
                    + "ask for smaller groups with --min, or give more images."
            );
        }
        terminal.Progress(
            "making the page",
            found.Groups.Sum(g => g.Images.Count),
            report =>
            {
                ContactSheet.Write(
                    found,
                    labels,
                    output,
                    parsed.GetValue(_overwrite),
                    file.Preprocessing.Orientation,
                    new Told<int>(done => report(done, null)),
                    cancellation
                );
                return 0;
            }
        );
        SheetJson summary = new()
        {
            Sheet = output,
            Model = found.Model,
            Stronger = found.Stronger,
            Images = found.Images,
            Agreed = found.Agreed,
            Groups =
            [
                .. found.Groups.Select(g => new SheetGroupJson(
                    g.Source,
                    g.Class,
                    Class(labels, g.Label),
                    Class(labels, g.Wrong),
                    g.Images.Count
                )),
            ],
            SmallGroups = found.SmallGroups,
            Skipped = [.. found.Skipped.Select(RemedyText.Of)],
        };
        terminal.Object(summary, JsonOutput.Default.SheetJson);
        terminal.Line(
            $"the models agree on {summary.Agreed} of {summary.Images} images "
                + $"({100.0 * summary.Agreed / summary.Images:0.0} %)"
        );
        terminal.Line(
            $"{summary.Groups.Count} groups of at least {settings.MinImages}, {summary.Groups.Sum(g => g.Images)} "
                + $"images; {summary.SmallGroups} smaller ones are left out"
        );
        foreach (SheetGroupJson g in summary.Groups)
            terminal.Line(
                $"  {g.Images, 4}  {g.Source}: {g.Label.Name} ({g.Label.Index}), taken for {g.Wrong.Name} "
                    + $"({g.Wrong.Index})"
            );
        terminal.Line(
            summary.Groups.Count == 0
                ? $"page       {output}, which is empty: the models agree on everything, so there is nothing to confirm"
                : $"page       {output}; open it, tick what is right, save the list, then: "
                    + "retouch mine --confirmed confirmed.json … --out BENCHMARK"
        );
        return App.Ok;
    }

    // A model that gets everything right is no mistake of the user's: its benchmark is empty.
    static void RequireFailures(MiningResult result, MiningSettings settings, bool confirmed)
    {
        if (result.Labelled == 0)
        {
            string why = result.Skipped is [Problem first, ..]
                ? RemedyText.Of(first)
                : "the mapping leaves all of them out.";
            throw new BadInputException(
                $"No folder's name is a class: {why} Say which classes the folders stand for with --accept."
            );
        }
        if (result.Images == 0)
            throw new BadInputException($"None of the {result.Labelled} images can be decoded.");
        if (result.Benchmark.Groups.Count > 0)
            return;
        if (confirmed)
            throw new BadInputException(
                $"{result.Images} images are confirmed, but no {settings.MinImages} of one group; confirm more, or "
                    + $"ask for smaller groups with --min."
            );
        if (result.Right < result.Images)
        {
            throw new BadInputException(
                $"The model gets {result.Right} of {result.Images} images right, and no {settings.MinImages} of its "
                    + $"mistakes share their class and their wrong prediction; "
                    + "ask for smaller groups with --min, or give more images."
            );
        }
    }

    static void RefuseTogether(ParseResult parsed, Option<string?> one, params Option<string?>[] others)
    {
        if (parsed.GetValue(one) is not null && others.FirstOrDefault(o => parsed.GetValue(o) is not null) is { } other)
            throw new BadInputException(
                $"{one.Name} and {other.Name} do not go together: "
                    + other.Name switch
                    {
                        "--locality" => "locality images are for the second step, --confirmed.",
                        "--accept" => "folders' names say nothing of unlabelled images.",
                        _ => "first comes the page, then the list that it saves.",
                    }
            );
    }

    static void Print(Terminal terminal, MineJson m, MiningSettings settings, bool confirmed)
    {
        terminal.Line(
            confirmed
                ? $"{m.Images} images are confirmed"
                : $"{m.Right} of {m.Images} images are right ({100.0 * m.Right / m.Images:0.0} %)"
        );
        terminal.Line(
            $"{m.Groups.Count} groups of at least {settings.MinImages}, {m.Groups.Sum(g => g.Images)} images; "
                + $"{m.SmallGroups} smaller ones are left out"
        );
        foreach (MinedGroupJson g in m.Groups)
            terminal.Line($"  {g.Images, 4}  {g.Source}/{g.Class} → {g.Wrong.Name} ({g.Wrong.Index})");
        if (m.LocalityImages > 0)
            terminal.Line(
                $"{m.LocalityImages} locality images, {m.SensitiveImages} of them sensitive (margin below "
                    + $"{settings.Margin})"
            );
        string empty =
            m.Groups.Count > 0 ? "" : ", which is empty: the model gets every image right, so there is nothing to edit";
        terminal.Line($"benchmark  {m.Benchmark}{empty}");
    }

    static ClassJson Class(LabelSet labels, int index) => new(index, labels[index].Name);
}
