using System.CommandLine;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Reports;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>bench report</c>: one HTML page of one run or several.</summary>
sealed class BenchReportVerb : Verb
{
    /// <summary>The most edits that a report shows: more would make the page slow.</summary>
    internal const int MostShown = 100;

    const int UsuallyShown = 8;

    readonly Argument<string[]> _runs = new("RUN")
    {
        Description = "The runs' folders, which 'bench' writes; those on the same groups are put together.",
        Arity = ArgumentArity.OneOrMore,
    };
    readonly Option<string> _out = new("--out")
    {
        Description = "The page to write; figures and their numbers go into a folder beside it.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing page." };
    readonly Option<string?> _labels = new("--labels")
    {
        Description =
            "The names of the model's classes: JSON, CSV, or text with one name a line; by default those of a "
            + "config.json beside the model.",
        HelpName = "FILE",
    };
    readonly Option<int?> _gallery = new("--gallery")
    {
        Description =
            $"How many edits to show with their images, {UsuallyShown} by default where "
            + "--model and --images are given.",
        HelpName = "N",
    };
    readonly ModelOptions _model;
    readonly Option<string[]> _images = new("--images")
    {
        Description = "The folders that the groups were mined from, for the gallery.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<string?> _locality = new("--locality")
    {
        Description = "The folder of the locality images, to show what the edits changed there.",
        HelpName = "DIR",
    };
    readonly Option<string[]> _benchmark = new("--benchmark")
    {
        Description = "The runs' benchmarks, where their folders have no copy.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };
    readonly Option<string?> _setting = new("--setting")
    {
        Description =
            "The setting whose edits to show, as the tables write it; by default the one of most GR at the middle "
            + "level of LR.",
        HelpName = "TEXT",
    };
    readonly Option<string?> _locatorFile = new("--locator-file")
    {
        Description =
            "The hypernetwork that the setting had; by default the one that comes with Retouch, if there is one.",
        HelpName = "FILE",
    };
    readonly Option<string[]> _prepared = new("--prepared")
    {
        Description = "What 'retouch prepare' made for it.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };

    public BenchReportVerb()
        : base(
            "report",
            "Write one HTML page of one run or several: methods at matched locality, fronts, ablations and a gallery.",
            reports: true
        )
    {
        Require<int>(_gallery, count => count is >= 0 and <= MostShown, $"a whole number from 0 to {MostShown}");
        Add(_runs);
        foreach (
            Option option in (Option[])
                [_out, _overwrite, _labels, _gallery, _images, _locality, _benchmark, _setting, _locatorFile, _prepared]
        )
            Add(option);
        _model = new ModelOptions(this, withLabels: false, required: false, "The runs' model, for the gallery.");
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        OutputName.Require(output, "a web page", ".html", ".htm");
        AtomicFile.CheckWritable(output, parsed.GetValue(_overwrite));
        string[] folders = parsed.GetRequiredValue(_runs);
        BenchComparison comparison = BenchComparison.Of([.. folders.Select(ReportRun.Read)]);
        LabelSet? labels = parsed.GetValue(_labels) is string path ? LabelSet.Load(path) : null;
        IReadOnlyList<GalleryEdit> gallery = MakeGallery(
            parsed,
            terminal,
            comparison,
            folders,
            ref labels,
            cancellation
        );
        string figures = BenchReport.Write(output, comparison, labels, gallery, parsed.GetValue(_overwrite));

        foreach (MethodScore score in comparison.Scores)
            terminal.Object(score, JsonOutput.Default.MethodScore);
        foreach (IGrouping<string?, MethodScore> subset in comparison.Scores.GroupBy(s => s.Subset))
            Print(
                terminal,
                subset.Key ?? "all subsets together",
                [.. subset.OrderByDescending(s => s.Hypervolume.Mean)]
            );
        foreach (ReportRun run in comparison.Runs.Where(r => r.SideEffects is not null))
            SideEffectTable.Print(terminal, SideEffectSummary.Of(run.SideEffects!));
        terminal.Line($"report   {output}");
        terminal.Line($"figures  {figures}");
        return App.Ok;
    }

    IReadOnlyList<GalleryEdit> MakeGallery(
        ParseResult parsed,
        Terminal terminal,
        BenchComparison comparison,
        string[] folders,
        ref LabelSet? labels,
        CancellationToken cancellation
    )
    {
        string? model = _model.Name(parsed);
        string[] images = parsed.GetValue(_images) ?? [];
        int count = parsed.GetValue(_gallery) ?? (model is null && images.Length == 0 ? 0 : UsuallyShown);
        if (count == 0)
            return [];
        if (model is null || images.Length == 0)
            throw new BadInputException(
                (
                    model is null
                        ? "A gallery needs the runs' model: name it with --model"
                        : "A gallery needs the groups' images: name their folders with --images"
                ) + ", or leave it out with --gallery 0."
            );
        Benchmark[] benchmarks =
        [
            .. (parsed.GetValue(_benchmark) ?? []).Select(BenchmarkFile.Load),
            .. folders.Select(BenchFolder.ReadBenchmark).OfType<Benchmark>(),
        ];
        if (benchmarks.Length == 0)
            throw new BadInputException(
                "A gallery needs the runs' benchmarks, of which their folders hold no copy; name them with --benchmark."
            );
        using ModelFile file = _model.Load(parsed, terminal);
        if (file.Model.Fingerprint != comparison.Runs[0].Manifest.Model)
            throw new BadInputException(
                $"The runs are of the model {comparison.Runs[0].Manifest.Model}, but {model} is "
                    + $"{file.Model.Fingerprint}; name the model of the runs."
            );
        if (labels is not null && labels.Count != file.Model.Config.Classes)
            throw new BadInputException(
                $"{parsed.GetValue(_labels)} names {labels.Count} classes, but the model has "
                    + $"{file.Model.Config.Classes}."
            );
        labels ??= file.Labels;
        ImageRoots roots = new(images);
        ImageRoots? locality = parsed.GetValue(_locality) is string folder ? new ImageRoots([folder]) : null;
        TrainedFiles trained = new()
        {
            Prepared = parsed.GetValue(_prepared) ?? [],
            Locator = parsed.GetValue(_locatorFile),
        };
        using EditWindows windows = new(file.Model, trained, comparison.Runs[0].Manifest.Seed, terminal);
        ModelOptions.PrintPreprocessing(file, terminal);
        return new ReportEdits(file, roots, locality, windows, terminal).Make(
            comparison,
            benchmarks,
            count,
            parsed.GetValue(_setting),
            loaded: null,
            cancellation
        );
    }

    static void Print(Terminal terminal, string subset, MethodScore[] scores)
    {
        terminal.Line(subset);
        int middle = scores[0].Matches.Count / 2;
        string level = $"{100 * scores[0].Matches[middle].Level:0.##}";
        bool mined = scores.Any(s => s.Matches[middle].MinedLocality is not null);
        bool near = scores.Any(s => s.Matches[middle].NegativeFlips is not null);
        BenchTable.Print(
            terminal,
            [
                [
                    "method",
                    .. scores[0].Matches.Select(m => $"GR % at LR ≥ {100 * m.Level:0.##}"),
                    .. mined ? (string[])[$"LR % of sensitive at LR ≥ {level}"] : [],
                    .. near ? (string[])[$"neg. flips % at LR ≥ {level}"] : [],
                    "hypervolume %",
                    "settings",
                ],
                .. scores.Select(s =>
                    (string[])
                        [
                            s.Method,
                            .. s.Matches.Select(m => BenchTable.Interval(m.Generalization)),
                            .. mined ? (string[])[BenchTable.Interval(s.Matches[middle].MinedLocality)] : [],
                            .. near ? (string[])[BenchTable.Interval(s.Matches[middle].NegativeFlips)] : [],
                            BenchTable.Interval(s.Hypervolume),
                            $"{s.Settings}",
                        ]
                ),
            ]
        );
        terminal.Line();
    }
}
