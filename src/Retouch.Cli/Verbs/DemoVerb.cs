using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Studio;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>
/// <c>demo</c>: the whole way from a mistake to a patch and a report, on a model and images that come along.
/// </summary>
sealed class DemoVerb : Verb
{
    const int ShownGroups = 6;

    readonly Option<string> _out = new("--out")
    {
        Description = "The folder that everything is written to.",
        DefaultValueFactory = _ => "retouch-demo",
        HelpName = "DIR",
    };
    readonly Option<bool> _open = new("--open") { Description = "Open the report at the end, or the studio." };
    readonly Option<bool> _studio = new("--studio")
    {
        Description = "Open the studio on these letters instead, with nothing else needed.",
    };

    public DemoVerb()
        : base(
            "demo",
            "Find a small model's mistakes, correct one, and measure what else changed: on a "
                + "model and images that come along.",
            reports: true
        )
    {
        Add(_out);
        Add(_open);
        Add(_studio);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string folder = parsed.GetRequiredValue(_out);
        if (parsed.GetValue(_studio))
            return Studio(folder, terminal, parsed.GetValue(_open), cancellation);
        try
        {
            string report = Show(folder, terminal, cancellation);
            if (parsed.GetValue(_open))
                Browser.Open(terminal, Path.GetFullPath(report));
            return App.Ok;
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(
                $"interrupted; what was made so far is in {folder}, and the same command makes all of it.",
                e,
                cancellation
            );
        }
    }

    static int Studio(string folder, Terminal terminal, bool open, CancellationToken cancellation)
    {
        using DemoRun demo = DemoRun.LayOut(folder, terminal, cancellation: cancellation);
        string ledger = Path.Combine(demo.Folder, "letters.ledger");
        if (!File.Exists(ledger))
            Ledger.Begin(
                ledger,
                demo.Model.Model,
                Environment.UserName,
                "The model that reads letters, as it comes",
                DateTimeOffset.UtcNow
            );
        StudioOptions options = new()
        {
            Model = demo.Model,
            Labels = demo.Labels,
            LabelFile = demo.LabelFile,
            Images = demo.ImageFolders,
            Locality = ImageFolder.Open(demo.LocalityFolder),
            Classes = new ClassFolders(demo.Labels),
            Ledger = ledger,
            WorkFolder = Path.Combine(demo.Folder, "studio"),
        };
        return ServeVerb.Serve(options, terminal, open, cancellation);
    }

    // Every step's heading is there while it takes its time.
    static string Show(string folder, Terminal terminal, CancellationToken cancellation)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using DemoRun demo = DemoRun.LayOut(folder, terminal, cancellation: cancellation);
        LabelSet labels = demo.Labels;
        VitModel model = demo.Model.Model;
        string parameters = model
            .Tensors.Values.Sum(t => t.NumberOfElements)
            .ToString("N0", CultureInfo.InvariantCulture);
        terminal.Line(
            $"1  Finding failures: a ViT that reads letters and digits, {model.Config.Depth} "
                + $"blocks, {parameters} parameters"
        );
        DemoFailures failures = demo.Find();
        PrintFailures(terminal, failures, labels);

        FailureGroup group = failures.Group;
        string label = labels[group.Label].Name;
        terminal.Line();
        terminal.Line(
            $"2  Correcting one: {Path.GetRelativePath(demo.Folder, failures.Image).Replace('\\', '/')} shows "
                + $"{label}, the model says {labels[group.Wrong].Name}"
        );
        IReadOnlyList<DemoEdit> edits = demo.Correct();
        PrintEdits(terminal, edits, label);

        terminal.Line();
        terminal.Line("3  The patch");
        DemoPatch patch = demo.Apply();
        PrintPatch(terminal, patch, labels);

        terminal.Line();
        terminal.Line("4  A small benchmark: the same and other settings on more groups");
        DemoBenchmark benchmark = demo.Measure();
        PrintBenchmark(terminal, benchmark);

        double seconds = clock.Elapsed.TotalSeconds;
        terminal.Line();
        terminal.Line($"Done in {seconds:0} s; everything is in {demo.Folder}:");
        terminal.Line($"  report   {benchmark.Page}");
        terminal.Line($"  picture  {benchmark.Picture}");
        terminal.Line($"  patch    {patch.Path}");
        PrintNext(terminal);
        terminal.Object(
            new DemoJson
            {
                Folder = demo.Folder,
                Model = model.Fingerprint,
                Images = failures.Mined.Images,
                Right = failures.Mined.Right,
                OrdinaryAccuracy = failures.OrdinaryAccuracy,
                Groups = failures.Largest.Count,
                Group = group.Name,
                Image = group.Images[0].Path,
                Edits = edits,
                Patch = patch.Path,
                Report = benchmark.Page,
                Picture = benchmark.Picture,
                Seconds = seconds,
            },
            JsonOutput.Default.DemoJson
        );
        return benchmark.Page;
    }

    static void PrintFailures(Terminal terminal, DemoFailures failures, LabelSet labels)
    {
        MiningResult mined = failures.Mined;
        terminal.Line(
            $"   right: {100 * failures.OrdinaryAccuracy:0.0} % of {mined.Benchmark.Locality.Count} pictures in "
                + $"typefaces like those of its training, {100.0 * mined.Right / mined.Images:0.0} % of "
                + $"{mined.Images} in others, painted or on a stage"
        );
        terminal.Line($"   {failures.Largest.Count} groups of at least 8 pictures fail alike; the largest:");
        BenchTable.Print(
            terminal,
            [
                ["   subset", "shows", "read as", "pictures"],
                .. failures
                    .Largest.Take(ShownGroups)
                    .Select(g =>
                        (string[])[$"   {g.Source}", labels[g.Label].Name, labels[g.Wrong].Name, $"{g.Images.Count}"]
                    ),
            ]
        );
    }

    static void PrintEdits(Terminal terminal, IReadOnlyList<DemoEdit> edits, string label)
    {
        BenchTable.Print(
            terminal,
            [
                [
                    "   where to edit",
                    $"P({label})",
                    "SR",
                    "also fixed (GR)",
                    "ordinary kept (LR)",
                    "nearby broken",
                    "fixed",
                    "steps",
                    "s",
                ],
                .. edits.Select(e =>
                    (string[])
                        [
                            $"   {e.Title}",
                            $"{100 * e.Before:0.0} → {100 * e.After:0.0} %",
                            e.Success ? "yes" : "no",
                            $"{e.Fixed} of {e.Others} ({100.0 * e.Fixed / e.Others:0} %)",
                            $"{e.Ordinary - e.Broken} of {e.Ordinary} "
                                + $"({100.0 * (e.Ordinary - e.Broken) / e.Ordinary:0.00} %)",
                            $"{e.Near.Broken} of {e.Near.RightBefore}",
                            $"{e.Near.Fixed}",
                            $"{e.Steps}",
                            $"{e.Seconds:0.00}",
                        ]
                ),
            ]
        );
        terminal.Line(
            "   nearby: the pictures of the same subsets without the group; broken are those that were right and are "
                + "wrong now"
        );
    }

    static void PrintPatch(Terminal terminal, DemoPatch patch, LabelSet labels)
    {
        terminal.Line(
            $"   written   {patch.Path}: {patch.Parameters} numbers, {patch.Bytes / 1024} KiB (the model: "
                + $"{patch.ModelBytes / 1024} KiB)"
        );
        terminal.Line($"   applied   {patch.Edited} says {labels[patch.With].Name}");
        terminal.Line(
            $"   reverted  without the patch the model says {labels[patch.Without].Name} again: it never changed"
        );
    }

    static void PrintBenchmark(Terminal terminal, DemoBenchmark benchmark)
    {
        BenchTable.Print(
            terminal,
            [
                ["   setting", "SR %", "GR %", "LR %", "neg. flips %"],
                .. benchmark.Summary.Select(s =>
                    (string[])
                        [
                            $"   {Short(s)}",
                            BenchTable.Percent(s.Success.Mean),
                            s.Generalization is { } gr ? BenchTable.Percent(gr.Mean) : "–",
                            s.Locality is { } lr ? BenchTable.Percent(lr.Mean) : "–",
                            s.NegativeFlips is { } flips ? BenchTable.Percent(flips.Mean) : "–",
                        ]
                ),
            ]
        );
        terminal.Line(
            $"   {benchmark.EditsASetting} edits a setting: too few to rank methods, enough to see the trade; "
                + "docs/results.md has the long run"
        );
    }

    static string Short(SettingSummary s) =>
        string.Join(
            ' ',
            s.Settings.Where(x => x.Key is "locator" or "keep" or "lr" or "damping" or "leak")
                .Where(x => s.Method != "kfac" || x.Key == "damping")
                .Select(x => $"{x.Key}={x.Value}")
                .Prepend(s.Method)
        );

    static void PrintNext(Terminal terminal)
    {
        terminal.Line();
        terminal.Line("Next, with a ViT of your own from timm (model.safetensors), its class names and your images:");
        terminal.Line("  retouch predict --model model.safetensors --labels labels.json wrong.jpg");
        terminal.Line(
            "  retouch edit    --model model.safetensors --labels labels.json --image wrong.jpg --label NAME "
                + "--locality photos/ --out fix.patch"
        );
        terminal.Line("  retouch apply   --model model.safetensors --patch fix.patch --out edited.safetensors");
    }
}
