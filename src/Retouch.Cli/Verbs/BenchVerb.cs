using System.CommandLine;
using System.Globalization;
using Retouch.Benchmarks;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary><c>bench</c>: edits every group of a benchmark with methods under settings, and measures.</summary>
sealed class BenchVerb : Verb
{
    static readonly string[] Sweeps = ["published", "quick", "full"];
    static readonly OrderedDictionary<string, BenchMode> Modes = new()
    {
        ["single"] = BenchMode.Single,
        ["batch"] = BenchMode.Batch,
        ["folder"] = BenchMode.Folder,
        ["sequential"] = BenchMode.Sequential,
    };
    static readonly BenchOptions Defaults = new();
    const int UsualSideEffectEdits = 5;

    readonly BenchmarkOptions _benchmark;
    readonly BlocksOption _blocks;
    readonly PrecisionOption _precision;
    readonly Option<string[]> _methods = new("--methods")
    {
        Description = "Methods to measure.",
        DefaultValueFactory = _ => [MaskedFineTuning.Definition.Name],
        AllowMultipleArgumentsPerToken = true,
        HelpName = string.Join('|', Methods.All.Select(m => m.Name)),
    };
    readonly Option<string> _sweep = new("--sweep")
    {
        Description = "The settings to try of each method: the published one, a few, or its whole grid.",
        DefaultValueFactory = _ => "published",
        HelpName = string.Join('|', Sweeps),
    };
    readonly Option<string[]> _locator = Values(
        "--locator",
        "Locators to try, instead of the sweep's; beside masked-fine-tuning, methods with a "
            + "locator of their own keep it.",
        "hypernetwork|gradient|fisher|random|all"
    );
    readonly Option<string[]> _keep = Values("--keep", "Shares of units to edit, instead of the sweep's.", "RATIO");
    readonly Option<string[]> _lr = Values("--lr", "Step sizes, instead of the sweep's.", "RATE");
    readonly Option<string[]> _steps = Values("--steps", "Steps at most, instead of the sweep's.", "N");
    readonly Option<string[]> _set = Values(
        "--set",
        "Values of any other setting of the methods, or of one method: NAME=V1,V2,… or METHOD.NAME=V1,V2,….",
        "NAME=V,…",
        splits: false
    );
    readonly Option<string?> _locatorFile = new("--locator-file")
    {
        Description =
            "A hypernetwork trained for this model; by default the one that comes with Retouch, if there is one.",
        HelpName = "FILE",
    };
    readonly Option<string[]> _prepared = new("--prepared")
    {
        Description = "What 'retouch prepare' made for the methods that need it; some comes with Retouch.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };
    readonly Option<string> _mode = new("--mode")
    {
        Description =
            "What an edit is made on: single images, the batch of a whole group, the folder of all groups together, "
            + "or image after image in one sequence, each upon the edits before it.",
        DefaultValueFactory = _ => Modes.Keys.First(),
        HelpName = string.Join('|', Modes.Keys),
    };
    readonly Option<string[]> _samples = Values(
        "--samples",
        "How many images of the group a single edit sees; they leave its GR.",
        "K"
    );
    readonly Option<int?> _sequence = new("--sequence")
    {
        Description = "Edits of a sequence at most; all by default.",
        HelpName = "N",
    };
    readonly Option<double> _holdout = new("--holdout")
    {
        Description =
            "In the mode folder the share of every group, and of the right images of every folder of --near, that the "
            + "edit does not see but is measured on.",
        DefaultValueFactory = _ => Defaults.Holdout,
        HelpName = "SHARE",
    };
    readonly Option<bool> _along = new("--along")
    {
        Description =
            "In the mode folder train the right images of --near along that are not held out, for methods that do not "
            + "keep them right in a way of their own.",
    };
    readonly Option<string[]> _measureAt = Values(
        "--measure-at",
        "After which edits of a sequence everything is measured, from 1, and after its last; after each by default.",
        "N"
    );
    readonly Option<int> _forget = new("--forget")
    {
        Description =
            "How many edits of a sequence are taken back at its end, each alone, to see whether the others stand "
            + "without it.",
        HelpName = "K",
    };
    readonly Option<int?> _max = new("--max-edits-per-group")
    {
        Description =
            "Edits a group at most, spread evenly over its images, one an image by default; in batch mode the images "
            + "that the edit sees.",
        HelpName = "K",
    };
    readonly Option<int> _batch = new("--batch")
    {
        Description = "Edits that run at once.",
        DefaultValueFactory = _ => Defaults.Batch,
        HelpName = "N",
    };
    readonly Option<int> _seed = new("--seed") { Description = "The seed of everything random.", HelpName = "N" };
    readonly ShardOption _shard;
    readonly Option<bool> _resume = new("--resume") { Description = "Go on with the rows that are in the folder." };
    readonly Option<int> _gallery = new("--gallery")
    {
        Description = "How many edits the report shows with their images; 0 for none.",
        DefaultValueFactory = _ => 4,
        HelpName = "N",
    };
    readonly Option<int> _sideEffectEdits = new("--side-effect-edits")
    {
        Description = "How many edits of each method's default --side-effects measures, spread over the groups.",
        DefaultValueFactory = _ => UsualSideEffectEdits,
        HelpName = "N",
    };
    readonly Option<string> _out = new("--out")
    {
        Description = "The folder for the run's rows, summary and report.",
        Required = true,
        HelpName = "DIR",
    };

    public BenchVerb()
        : base(
            "bench",
            "Measure methods on a benchmark: every edit's success, generalization and locality, one row an edit.",
            reports: true
        )
    {
        Require<string>(_mode, Modes.ContainsKey, $"one of {string.Join(", ", Modes.Keys)}");
        Require<int>(_sequence, length => length >= 1, "a whole number of at least 1");
        Require<double>(_holdout, share => share is >= 0 and < 1, "a number from 0 to below 1");
        Require<int>(_forget, forget => forget >= 0, "a whole number of at least 0");
        Require<int>(_max, max => max >= 1, "a whole number of at least 1");
        Require<int>(_batch, batch => batch is >= 1 and <= 1024, "a whole number from 1 to 1024");
        Require<int>(_seed, _ => true, "a whole number");
        Require<string>(_sweep, Sweeps.Contains, $"one of {string.Join(", ", Sweeps)}");
        Require<int>(
            _gallery,
            count => count is >= 0 and <= BenchReportVerb.MostShown,
            $"a whole number from 0 to {BenchReportVerb.MostShown}"
        );
        Require<int>(_sideEffectEdits, edits => edits is >= 1 and <= 1000, "a whole number from 1 to 1000");
        _benchmark = new BenchmarkOptions(this, withLabels: true, withNear: true, ofBench: true);
        foreach (
            Option option in (Option[])
                [_out, _methods, _sweep, _locator, _keep, _lr, _steps, _set, _locatorFile, _prepared]
        )
            Add(option);
        _blocks = new BlocksOption(this);
        _precision = new PrecisionOption(this, Precision.Checked);
        foreach (
            Option option in (Option[])
                [_mode, _samples, _holdout, _along, _sequence, _measureAt, _forget, _max, _batch, _seed]
        )
            Add(option);
        _shard = new ShardOption(this, "Run part I of N only; 'merge' puts the parts together.");
        foreach (Option option in (Option[])[_resume, _gallery, _sideEffectEdits])
            Add(option);
        // What it was called before other verbs wrote parts.
        Add(new MergeVerb { Hidden = true });
        Add(new BenchMasksVerb());
        Add(new BenchReportVerb());
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string[] methods =
        [
            .. parsed
                .GetRequiredValue(_methods)
                .SelectMany(m => m.Split(',', StringSplitOptions.RemoveEmptyEntries))
                .Distinct(),
        ];
        BenchKnobs knobs = Knobs(parsed, methods);
        BenchmarkRequest request = new()
        {
            Benchmark = _benchmark.Source(parsed),
            Output = parsed.GetRequiredValue(_out),
            Methods = methods,
            Sweep = Enum.Parse<Sweep>(parsed.GetRequiredValue(_sweep), ignoreCase: true),
            Settings = methods.ToDictionary(m => m, knobs.Of),
            Blocks = _blocks.Window(parsed),
            Precision = _precision.Asked(parsed),
            Files = new()
            {
                Prepared = parsed.GetValue(_prepared) ?? [],
                Locator = parsed.GetValue(_locatorFile),
                MadeFor = new() { Model = _benchmark.ModelArguments(parsed), Blocks = _blocks.Text(parsed) },
            },
            Options = new()
            {
                Mode = Modes[parsed.GetRequiredValue(_mode)],
                Samples = Numbers(parsed, _samples) ?? Defaults.Samples,
                Sequence = parsed.GetValue(_sequence),
                MeasureAt = Numbers(parsed, _measureAt),
                Holdout = parsed.GetValue(_holdout),
                Along = parsed.GetValue(_along),
                Forget = parsed.GetValue(_forget),
                MaxEditsPerGroup = parsed.GetValue(_max),
                Batch = parsed.GetValue(_batch),
                Seed = parsed.GetValue(_seed),
            },
            Shard = _shard.Of(parsed, terminal, Path.Combine(parsed.GetRequiredValue(_out), Shard.Whole.FileName)),
            Resume = parsed.GetValue(_resume),
            Gallery = parsed.GetValue(_gallery),
            SideEffectEdits = parsed.GetValue(_sideEffectEdits),
            LabelFile = _benchmark.LabelFile(parsed),
        };
        using BenchmarkSession session = new(request);
        using ModelFile file = _benchmark.LoadModel(parsed, terminal);
        foreach (string note in knobs.Notes)
            terminal.Note(note);
        return terminal.Interruptible(() =>
        {
            if (session.Run(file, terminal, cancellation) is not { } report)
                return BenchmarkOptions.SayEmpty(terminal);
            BenchTable.Print(terminal, report.Summary);
            SideEffectTable.Print(terminal, report.SideEffects);
            terminal.Line($"rows    {report.Rows}");
            if (report.Page is string page)
                terminal.Line($"report  {page}");
            return App.Ok;
        });
    }

    static IReadOnlyList<int>? Numbers(ParseResult parsed, Option<string[]> option)
    {
        if (parsed.GetValue(option) is not { Length: > 0 } given)
            return null;
        string[] texts = string.Join(',', given)
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return
        [
            .. texts.Select(t =>
                int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out int k)
                    ? k
                    : throw new BadInputException(
                        $"{option.Name} is {string.Join(',', given)}, but must be whole numbers such as 1,2,3."
                    )
            ),
        ];
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

    static Option<string[]> Values(string name, string description, string help, bool splits = true) =>
        new(name)
        {
            Description = description + (splits ? " Several with commas between." : ""),
            AllowMultipleArgumentsPerToken = true,
            HelpName = help,
        };
}
