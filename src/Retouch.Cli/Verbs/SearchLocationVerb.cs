using System.CommandLine;
using System.Globalization;
using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>search-location</c>: which blocks of a model are best edited.</summary>
sealed class SearchLocationVerb : Verb
{
    // Every edit has its own copy of all of a window's matrices.
    const int DefaultBatch = 4;
    static readonly LocationSearchSettings Published = new();

    readonly BenchmarkOptions _benchmark;
    readonly Option<string> _out = new("--out")
    {
        Description = "The folder for rows, table (windows.csv) and figure (windows.svg).",
        Required = true,
        HelpName = "DIR",
    };
    readonly Option<string[]> _lr = new("--lr")
    {
        Description =
            "RMSprop's step sizes, a point of each window each (published: "
            + $"{Published.LearningRates[0].ToString(CultureInfo.InvariantCulture)}). Several with commas between.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "RATE",
    };
    readonly Option<int> _steps = new("--steps")
    {
        Description = "Steps at most.",
        DefaultValueFactory = _ => Published.MaxSteps,
        HelpName = "N",
    };
    readonly Option<int?> _max = new("--max-edits-per-group")
    {
        Description = "Edits a group at most, spread evenly over its images; one an image by default.",
        HelpName = "K",
    };
    readonly Option<int> _batch = new("--batch")
    {
        Description = "Edits of FFNs that run at once.",
        DefaultValueFactory = _ => DefaultBatch,
        HelpName = "N",
    };
    readonly Option<bool> _resume = new("--resume") { Description = "Go on with the rows that are in the folder." };

    public SearchLocationVerb()
        : base(
            "search-location",
            "Search which blocks to edit: every window of three FFNs and of three attention modules, whole, on every "
                + "edit of a benchmark.",
            reports: true
        )
    {
        Require<int>(_steps, steps => steps >= 1, "a whole number of at least 1");
        Require<int>(_max, max => max >= 1, "a whole number of at least 1");
        Require<int>(_batch, batch => batch is >= 1 and <= 1024, "a whole number from 1 to 1024");
        _benchmark = new BenchmarkOptions(this, withLabels: true, withNear: true);
        foreach (Option option in (Option[])[_out, _lr, _steps, _max, _batch, _resume])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        LocationRequest request = new()
        {
            Benchmark = _benchmark.Source(parsed),
            Output = parsed.GetRequiredValue(_out),
            Settings = Published with { LearningRates = Rates(parsed), MaxSteps = parsed.GetValue(_steps) },
            Options = new() { MaxEditsPerGroup = parsed.GetValue(_max), Batch = parsed.GetValue(_batch) },
            LabelFile = _benchmark.LabelFile(parsed),
            Resume = parsed.GetValue(_resume),
        };
        using LocationSession session = new(request);
        using ModelFile file = _benchmark.LoadModel(parsed, terminal);
        return terminal.Interruptible(() =>
        {
            if (session.Run(file, terminal, cancellation) is not { } report)
                return BenchmarkOptions.SayEmpty(terminal);
            LocationResult result = report.Result;
            LocationJson json = new(
                result.Recommended,
                result.Best,
                LocationResult.Rule,
                result.Windows,
                report.Rows,
                report.Table,
                report.Figure
            );
            terminal.Object(json, JsonOutput.Default.LocationJson);
            Print(terminal, result);
            terminal.Line($"rows   {report.Rows}");
            terminal.Line($"table  {report.Table}");
            terminal.Line($"plot   {report.Figure}");
            return App.Ok;
        });
    }

    static void Print(Terminal terminal, LocationResult result)
    {
        bool near = result.Windows.Any(w => w.Points.Any(p => p.NegativeFlips is not null));
        bool several = result.Windows.Any(w => w.Points.Count > 1);
        string[][] rows =
        [
            [
                "window",
                .. several ? (string[])["lr"] : [],
                "edits",
                "SR %",
                "GR % (95 % CI)",
                "LR % (95 % CI)",
                "sensitive LR %",
                .. near ? (string[])["neg. flips % (95 % CI)"] : [],
                "hypervolume",
            ],
            .. result.Windows.SelectMany(w =>
                w.Points.Select(p =>
                    (string[])
                        [
                            $"{(w.Window == result.Recommended ? "→" : " ")}{(p.OnFront ? "*" : " ")} {w.Window.Name}",
                            .. several ? (string[])[p.Settings["lr"]] : [],
                            $"{p.Edits}",
                            BenchTable.Percent(p.Success.Mean),
                            BenchTable.Interval(p.Generalization),
                            BenchTable.Interval(p.Locality),
                            BenchTable.Interval(p.SensitiveLocality),
                            .. near ? (string[])[BenchTable.Interval(p.NegativeFlips)] : [],
                            $"{w.Hypervolume:0.0000}",
                        ]
                )
            ),
        ];
        BenchTable.Print(terminal, rows);
        terminal.Line("* on the Pareto front of GR and LR; intervals from a bootstrap over groups");
        terminal.Line($"→ recommended: --blocks {result.Recommended.BlockRange}, {LocationResult.Rule}");
        if (result.Best != result.Recommended)
            terminal.Line(
                $"  {result.Best.Name} dominates a larger area, but edits and their locators know hidden units, which "
                    + "attention does not have"
            );
    }

    IReadOnlyList<double> Rates(ParseResult parsed)
    {
        if (parsed.GetValue(_lr) is not { Length: > 0 } given)
            return Published.LearningRates;
        string[] texts = string.Join(',', given)
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return
        [
            .. texts.Select(t =>
                double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out double rate)
                    ? rate
                    : throw new BadInputException(
                        $"--lr is {string.Join(',', given)}, but must be numbers such as 1e-5,2e-5."
                    )
            ),
        ];
    }
}
