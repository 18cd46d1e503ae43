using System.CommandLine;
using System.Globalization;
using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Suffix;

namespace Retouch.Cli.Verbs;

/// <summary><c>search-location</c>: which blocks of a model are best edited.</summary>
sealed class SearchLocationVerb : Verb
{
    // Every edit has its own copy of all of a window's matrices.
    const int DefaultBatch = 4;
    static readonly LocationSearchSettings Published = new();

    readonly BenchmarkOptions _benchmark;
    readonly Option<string> _out = new("--out") { Description = "The folder for rows, table (windows.csv) and figure (windows.svg).", Required = true, HelpName = "DIR" };
    readonly Option<string[]> _lr = new("--lr") { Description = $"RMSprop's step sizes, a point of each window each (published: {Published.LearningRates[0].ToString(CultureInfo.InvariantCulture)}). Several with commas between.", AllowMultipleArgumentsPerToken = true, HelpName = "RATE" };
    readonly Option<int> _steps = new("--steps") { Description = "Steps at most.", DefaultValueFactory = _ => Published.MaxSteps, HelpName = "N" };
    readonly Option<int?> _max = new("--max-edits-per-group") { Description = "Edits a group at most, spread evenly over its images; one an image by default.", HelpName = "K" };
    readonly Option<int> _batch = new("--batch") { Description = "Edits of FFNs that run at once.", DefaultValueFactory = _ => DefaultBatch, HelpName = "N" };
    readonly Option<bool> _resume = new("--resume") { Description = "Go on with the rows that are in the folder." };

    public SearchLocationVerb() : base("search-location", "Search which blocks to edit: every window of three FFNs and of three attention modules, whole, on every edit of a benchmark.", reports: true)
    {
        Require<int>(_steps, steps => steps >= 1, "a whole number of at least 1");
        Require<int>(_max, max => max >= 1, "a whole number of at least 1");
        Require<int>(_batch, batch => batch is >= 1 and <= 1024, "a whole number from 1 to 1024");
        _benchmark = new BenchmarkOptions(this);
        foreach (Option option in (Option[])[_out, _lr, _steps, _max, _batch, _resume])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        BenchOptions options = new() { MaxEditsPerGroup = parsed.GetValue(_max), Batch = parsed.GetValue(_batch) };
        string folder = parsed.GetRequiredValue(_out);
        string path = Path.Combine(folder, Shard.Whole.FileName);
        using WriterLock? early = Directory.Exists(folder) ? BenchFolder.Lock(folder, Shard.Whole, Name) : null;
        using ModelFile file = _benchmark.LoadModel(parsed, terminal);
        Benchmark benchmark = _benchmark.Read(parsed);
        if (BenchmarkOptions.IsEmpty(benchmark, file.Model, terminal))
            return App.Ok;
        BenchmarkOptions.SayShared(terminal, benchmark);
        LocationSearchSettings settings = Published with { LearningRates = Rates(parsed), MaxSteps = parsed.GetValue(_steps), Blocks = Math.Min(Published.Blocks, file.Model.Config.Depth) };
        BenchPlan plan = LocationSearch.Plan(
            file.Model, benchmark, settings, options with { Orientation = file.Preprocessing.Orientation });
        Func<SplitVit, BenchData> load = _benchmark.Loader(parsed, file, benchmark, cancellation);
        int? written = null;
        try
        {
            return Search();
        }
        catch (OperationCanceledException)
        {
            terminal.Error(InterruptedRows.Text(written, plan.Edits.Count));
            return App.Interrupted;
        }

        int Search()
        {
            using WriterLock? late = early is null ? BenchFolder.Lock(folder, Shard.Whole, Name) : null;
            BenchFolder.Prepare(folder, plan.Manifest);
            bool resume = parsed.GetValue(_resume);
            using (BenchRowFile rows = BenchRowFile.Open(path, plan, Shard.Whole, resume, early ?? late))
            {
                written = rows.Rows;
                ModelOptions.PrintPreprocessing(file, terminal);
                string before = written > 0 ? $", {written} done before" : "";
                terminal.Note($"run {plan.Manifest.Run}: {plan.Settings.Count} settings, {plan.Edits.Count} edits{before}");
                terminal.Progress("editing", plan.Edits.Count, report =>
                {
                    report(rows.Rows, null);
                    LocationSearch.Run(file.Model, plan, load, rows.Rows, batch =>
                    {
                        rows.Append(batch);
                        written = rows.Rows;
                        report(rows.Rows, BenchSetting.Describe(batch[0].Method, batch[0].Settings));
                    }, cancellation);
                    return 0;
                });
            }
            IReadOnlyList<BenchRow> all = BenchRowFile.Read(path);
            BenchFolder.WriteSummary(folder, SettingSummary.Of(all));
            LocationResult result = LocationResult.Of(all);
            (string csv, string svg) = result.Write(folder);
            LocationJson json = new(result.Recommended, result.Best, LocationResult.Rule, result.Windows, path, csv, svg);
            terminal.Object(json, JsonOutput.Default.LocationJson);
            Print(terminal, result);
            terminal.Line($"rows   {path}");
            terminal.Line($"table  {csv}");
            terminal.Line($"plot   {svg}");
            return App.Ok;
        }
    }

    static void Print(Terminal terminal, LocationResult result)
    {
        bool several = result.Windows.Any(w => w.Points.Count > 1);
        string[][] rows =
        [
            ["window", .. several ? (string[])["lr"] : [], "edits", "SR %", "GR % (95 % CI)", "LR % (95 % CI)", "sensitive LR %", "hypervolume"],
            .. result.Windows.SelectMany(w => w.Points.Select(p => (string[])
            [
                $"{(w.Window == result.Recommended ? "→" : " ")}{(p.OnFront ? "*" : " ")} {w.Window.Name}", .. several ? (string[])[p.Settings["lr"]] : [], $"{p.Edits}", BenchTable.Percent(p.Success.Mean),
                BenchTable.Interval(p.Generalization), BenchTable.Interval(p.Locality), BenchTable.Interval(p.SensitiveLocality), $"{w.Hypervolume:0.0000}",
            ])),
        ];
        BenchTable.Print(terminal, rows);
        terminal.Line("* on the Pareto front of GR and LR; intervals from a bootstrap over groups");
        terminal.Line($"→ recommended: --blocks {result.Recommended.BlockRange}, {LocationResult.Rule}");
        if (result.Best != result.Recommended)
            terminal.Line($"  {result.Best.Name} dominates a larger area, but edits and their locators know hidden units, which attention does not have");
    }

    IReadOnlyList<double> Rates(ParseResult parsed)
    {
        if (parsed.GetValue(_lr) is not { Length: > 0 } given)
            return Published.LearningRates;
        string[] texts = string.Join(',', given).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return [.. texts.Select(t => double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out double rate) ? rate : throw new BadInputException($"--lr is {string.Join(',', given)}, but must be numbers such as 1e-5,2e-5."))];
    }
}
