using System.CommandLine;
using System.Globalization;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Reports;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary><c>bench</c>: edits every group of a benchmark with methods under settings, and measures.</summary>
sealed class BenchVerb : Verb
{
    static readonly string[] Sweeps = ["published", "quick", "full"];
    static readonly OrderedDictionary<string, BenchMode> Modes = new() { ["single"] = BenchMode.Single, ["batch"] = BenchMode.Batch, ["sequential"] = BenchMode.Sequential };
    static readonly BenchOptions Defaults = new();

    readonly BenchmarkOptions _benchmark;
    readonly BlocksOption _blocks;
    readonly PrecisionOption _precision;
    readonly Option<string[]> _methods = new("--methods") { Description = "Methods to measure.", DefaultValueFactory = _ => [MaskedFineTuning.Definition.Name], AllowMultipleArgumentsPerToken = true, HelpName = string.Join('|', Methods.All.Select(m => m.Name)) };
    readonly Option<string> _sweep = new("--sweep") { Description = "The settings to try of each method: the published one, a few, or its whole grid.", DefaultValueFactory = _ => "published", HelpName = string.Join('|', Sweeps) };
    readonly Option<string[]> _locator = Values(
        "--locator", "Locators to try, instead of the sweep's; beside masked-fine-tuning, methods with a locator of their own keep it.", "hypernetwork|gradient|fisher|random|all");
    readonly Option<string[]> _keep = Values("--keep", "Shares of units to edit, instead of the sweep's.", "RATIO");
    readonly Option<string[]> _lr = Values("--lr", "Step sizes, instead of the sweep's.", "RATE");
    readonly Option<string[]> _steps = Values("--steps", "Steps at most, instead of the sweep's.", "N");
    readonly Option<string[]> _set = Values("--set", "Values of any other setting of the methods, or of one method: NAME=V1,V2,… or METHOD.NAME=V1,V2,….", "NAME=V,…", splits: false);
    readonly Option<string?> _locatorFile = new("--locator-file") { Description = "A hypernetwork trained for this model; by default the one that comes with Retouch, if there is one.", HelpName = "FILE" };
    readonly Option<string[]> _prepared = new("--prepared") { Description = "What 'retouch prepare' made for the methods that need it; some comes with Retouch.", AllowMultipleArgumentsPerToken = true, HelpName = "FILE" };
    readonly Option<string> _mode = new("--mode") { Description = "What an edit is made on: single images, the batch of a whole group, or image after image in one sequence, each upon the edits before it.", DefaultValueFactory = _ => Modes.Keys.First(), HelpName = string.Join('|', Modes.Keys) };
    readonly Option<string[]> _samples = Values("--samples", "How many images of the group a single edit sees; they leave its GR.", "K");
    readonly Option<int?> _sequence = new("--sequence") { Description = "Edits of a sequence at most; all by default.", HelpName = "N" };
    readonly Option<int?> _max = new("--max-edits-per-group") { Description = "Edits a group at most, spread evenly over its images, one an image by default; in batch mode the images that the edit sees.", HelpName = "K" };
    readonly Option<int> _batch = new("--batch") { Description = "Edits that run at once.", DefaultValueFactory = _ => Defaults.Batch, HelpName = "N" };
    readonly Option<int> _seed = new("--seed") { Description = "The seed of everything random.", HelpName = "N" };
    readonly Option<string> _shard = new("--shard") { Description = "Run the i-th of n parts only, i from 0 to n-1; 'bench merge' puts the parts together.", DefaultValueFactory = _ => "0/1", HelpName = "I/N" };
    readonly Option<bool> _resume = new("--resume") { Description = "Go on with the rows that are in the folder." };
    readonly Option<int> _gallery = new("--gallery") { Description = "How many edits the report shows with their images; 0 for none.", DefaultValueFactory = _ => 4, HelpName = "N" };
    readonly Option<string> _out = new("--out") { Description = "The folder for the run's rows, summary and report.", Required = true, HelpName = "DIR" };

    public BenchVerb() : base("bench", "Measure methods on a benchmark: every edit's success, generalization and locality, one row an edit.", reports: true)
    {
        Require<string>(_mode, Modes.ContainsKey, $"one of {string.Join(", ", Modes.Keys)}");
        Require<int>(_sequence, length => length >= 1, "a whole number of at least 1");
        Require<int>(_max, max => max >= 1, "a whole number of at least 1");
        Require<int>(_batch, batch => batch is >= 1 and <= 1024, "a whole number from 1 to 1024");
        Require<int>(_seed, _ => true, "a whole number");
        Require<string>(_sweep, Sweeps.Contains, $"one of {string.Join(", ", Sweeps)}");
        Require<string>(_shard, text => Shard.TryParse(text, out _), "i/n with i from 0 to n-1");
        Require<int>(_gallery, count => count is >= 0 and <= BenchReportVerb.MostShown, $"a whole number from 0 to {BenchReportVerb.MostShown}");
        _benchmark = new BenchmarkOptions(this, withLabels: true);
        foreach (Option option in (Option[])[_out, _methods, _sweep, _locator, _keep, _lr, _steps, _set, _locatorFile, _prepared])
            Add(option);
        _blocks = new BlocksOption(this);
        _precision = new PrecisionOption(this, Precision.Checked);
        foreach (Option option in (Option[])[_mode, _samples, _sequence, _max, _batch, _seed, _shard, _resume, _gallery])
            Add(option);
        Add(new BenchMergeVerb());
        Add(new BenchMasksVerb());
        Add(new BenchReportVerb());
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        Shard shard = Shard.TryParse(parsed.GetRequiredValue(_shard), out Shard part) ? part : Shard.Whole;
        BenchOptions options = new()
        {
            Mode = Modes[parsed.GetRequiredValue(_mode)],
            Samples = Samples(parsed),
            Sequence = parsed.GetValue(_sequence),
            MaxEditsPerGroup = parsed.GetValue(_max),
            Batch = parsed.GetValue(_batch),
            Seed = parsed.GetValue(_seed),
        };
        options.Validate();
        string folder = parsed.GetRequiredValue(_out);
        string path = Path.Combine(folder, shard.FileName);
        // At once where there can be another; a folder of one's own is not made before all is known to be right.
        using WriterLock? early = Directory.Exists(folder) ? BenchFolder.Lock(folder, shard, Name) : null;
        string[] methods = [.. parsed.GetRequiredValue(_methods).SelectMany(m => m.Split(',', StringSplitOptions.RemoveEmptyEntries))];
        using ModelFile file = _benchmark.LoadModel(parsed, terminal);
        using EditWindows windows = new(file.Model, parsed.GetValue(_prepared) ?? [], parsed.GetValue(_locatorFile), options.Seed, terminal, space => _precision.Cut(parsed, terminal, file.Model, space))
        {
            Commands = new() { Model = _benchmark.ModelArguments(parsed), Blocks = _blocks.Text(parsed) },
        };
        Dictionary<string, EditSpace> spaces = methods.Distinct().ToDictionary(m => m, m => _blocks.Given(parsed, file.Model) ?? Methods.Find(m).Window(file.Model.Config));
        EditSpace[] distinct = [.. spaces.Values.Distinct()];
        BenchKnobs knobs = Knobs(parsed, methods);
        foreach (string note in knobs.Notes)
            terminal.Note(note);
        Sweep sweep = Enum.Parse<Sweep>(parsed.GetRequiredValue(_sweep), ignoreCase: true);
        BenchSetting[] settings =
        [
            .. methods.Distinct().SelectMany(m =>
                EditorRegistry.Settings([m], sweep, knobs.Of(m), windows.Resources(spaces[m], alone: distinct.Length == 1))),
        ];
        Benchmark benchmark = _benchmark.Read(parsed);
        if (BenchmarkOptions.IsEmpty(benchmark, file.Model, terminal))
            return App.Ok;
        BenchmarkOptions.SayShared(terminal, benchmark);
        BenchPlan plan = new(benchmark, settings, options with
        {
            Precision = Narrowest([.. distinct.Select(s => windows.Split(s).Precision)]),
            Orientation = file.Preprocessing.Orientation,
        });
        LabelSet? labels = _benchmark.Labels(parsed, file);

        int total = plan.Batches(shard).Sum(b => b.Count);
        int? written = null;
        try
        {
            return Measure();
        }
        catch (OperationCanceledException)
        {
            terminal.Error(InterruptedRows.Text(written, total));
            return App.Interrupted;
        }

        int Measure()
        {
            foreach (EditSpace space in distinct)
                Data(space);
            using WriterLock? late = early is null ? BenchFolder.Lock(folder, shard, Name) : null;
            BenchFolder.Prepare(folder, plan.Manifest);
            BenchFolder.WriteBenchmark(folder, benchmark);
            using (BenchRowFile rows = BenchRowFile.Open(path, plan, shard, parsed.GetValue(_resume), early ?? late))
            {
                written = rows.Rows;
                string ofThem = shard.Count > 1 ? $", {total} of them in shard {shard.Index}/{shard.Count}" : "";
                string before = written > 0 ? $", {written} done before" : "";
                terminal.Note($"run {plan.Manifest.Run}: {settings.Length} settings, {plan.Edits.Count} edits{ofThem}{before}");
                terminal.Progress("editing", total, report =>
                {
                    report(rows.Rows, null);
                    BenchRun.Run(plan, Cut, shard, rows.Rows, batch =>
                    {
                        rows.Append(batch);
                        written = rows.Rows;
                        report(rows.Rows, BenchSetting.Describe(batch[0].Method, batch[0].Settings));
                    }, cancellation);
                    return 0;
                });
            }
            IReadOnlyList<SettingSummary> summary = SettingSummary.Of(BenchRowFile.Read(path));
            if (shard.Count == 1)
            {
                (ImageRoots images, ImageRoots? locality) = _benchmark.Roots(parsed);
                BenchComparison comparison = BenchComparison.Of([ReportRun.Read(folder)]);
                IReadOnlyList<GalleryEdit> gallery = new ReportEdits(terminal, file, images, locality, windows).Make(
                    comparison, [benchmark], parsed.GetValue(_gallery), wanted: null, Data, cancellation);
                BenchFolder.WriteSummary(folder, summary);
                string report = Path.Combine(folder, BenchReport.FileName);
                BenchReport.Write(report, BenchComparison.Of([ReportRun.Read(folder)]), labels, gallery, overwrite: true);
            }
            BenchTable.Print(terminal, summary);
            terminal.Line($"rows    {path}");
            if (shard.Count == 1)
                terminal.Line($"report  {Path.Combine(folder, BenchReport.FileName)}");
            return App.Ok;
        }

        (SplitVit, BenchData) Cut(BenchSetting setting)
        {
            EditSpace space = windows.Space(setting.Settings);
            return (windows.Split(space), Data(space));
        }

        BenchData Data(EditSpace space) => windows.Data(space, split => _benchmark.LoadData(parsed, terminal, split, file, benchmark, cancellation));
    }

    // A run in which some edits are made in bfloat16 is not one of float32, whatever the other windows allow.
    static Precision Narrowest(Precision[] precisions) => precisions.Contains(Precision.Mixed) ? Precision.Mixed : precisions[0];

    IReadOnlyList<int> Samples(ParseResult parsed)
    {
        if (parsed.GetValue(_samples) is not { Length: > 0 } given)
            return Defaults.Samples;
        string[] texts = string.Join(',', given).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return [.. texts.Select(t => int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out int k) ? k : throw new BadInputException($"--samples is {string.Join(',', given)}, but must be whole numbers such as 1,2,3."))];
    }

    BenchKnobs Knobs(ParseResult parsed, IReadOnlyList<string> methods)
    {
        BenchKnobs knobs = new(methods);
        foreach (string text in parsed.GetValue(_set) ?? [])
            knobs.Set(text);
        foreach (Option<string[]> option in (Option<string[]>[])[_locator, _keep, _lr, _steps])
        {
            if (parsed.GetValue(option) is { Length: > 0 } values)
                knobs.Option(option.Name, string.Join(',', values));
        }
        return knobs;
    }

    static Option<string[]> Values(string name, string description, string help, bool splits = true) => new(name)
    {
        Description = description + (splits ? " Several with commas between." : ""),
        AllowMultipleArgumentsPerToken = true,
        HelpName = help,
    };
}
