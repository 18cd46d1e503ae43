using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Reports;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Cli.Verbs;

/// <summary><c>demo</c>: the whole way from a mistake to a patch and a report, on a model and images that come along.</summary>
sealed class DemoVerb : Verb
{
    const int ShownGroups = 6, SmallGroupsASubset = 2, EditsAGroup = 2, Probabilities = 4;
    const string Rate = "0.0005", Keep = "0.25";

    // What is shown beside each other, and what it is called.
    static readonly (string Title, string Method, (string Knob, string Value)[] Knobs)[] Shown =
    [
        ("hypernetwork's mask", "masked-fine-tuning", [("locator", "hypernetwork"), ("keep", Keep), ("lr", Rate)]),
        ("plain fine-tuning", "masked-fine-tuning", [("locator", "all"), ("lr", Rate)]),
        ("random mask", "masked-fine-tuning", [("locator", "random"), ("keep", Keep), ("lr", Rate)]),
        ("kfac (beyond the paper)", "kfac", []),
        ("gate (beyond the paper)", "gate", [("leak", "0.1"), ("gain", "1")]),
    ];

    // Many typefaces draw them alike, so that a mistake between them is nobody's.
    static readonly string[] LookAlikes = ["0O", "1I"];

    readonly Option<string> _out = new("--out") { Description = "The folder that everything is written to.", DefaultValueFactory = _ => "retouch-demo", HelpName = "DIR" };
    readonly Option<bool> _open = new("--open") { Description = "Open the report at the end." };

    public DemoVerb() : base("demo", "Find a small model's mistakes, correct one, and measure what else changed: on a model and images that come along.", reports: true)
    {
        Add(_out);
        Add(_open);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        try
        {
            return Show(parsed, terminal, cancellation);
        }
        catch (OperationCanceledException e)
        {
            string folder = parsed.GetRequiredValue(_out);
            throw new OperationCanceledException(
                $"interrupted; what was made so far is in {folder}, and the same command makes all of it.", e, cancellation);
        }
    }

    int Show(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using DemoWorld world = DemoWorld.LayOut(parsed.GetRequiredValue(_out), cancellation);
        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = ModelFile.Load(world.Model);
        LabelSet labels = LabelSet.Load(world.Labels);
        using EditWindows windows = new(file.Model, [], null, 0, terminal, space => new SplitVit(file.Model, space));
        SplitVit usual = windows.Split(EditSpace.Default(file.Model.Config));
        if (windows.Resources(usual.Space).Hypernetwork is null)
            throw new BadInputException("The demo's locator is missing; build the program again, it comes with it.");
        BenchSetting[] settings = [.. Shown.SelectMany(s => Settings(file.Model.Config, windows, s.Method, [.. s.Knobs.Select(k => (k.Knob, (string[])[k.Value]))]))];

        terminal.Line($"1  Finding failures: a ViT that reads letters and digits, {file.Model.Config.Depth} blocks, {file.Model.Tensors.Values.Sum(t => t.NumberOfElements).ToString("N0", CultureInfo.InvariantCulture)} parameters");
        MiningResult mined = Mine(terminal, world, file, usual, labels, cancellation);
        Benchmark benchmark = mined.Benchmark;
        ImageRoots images = new(world.Images), locality = new([world.Locality]);
        double ordinary = OrdinaryAccuracy(benchmark, Data(usual.Space), labels);
        FailureGroup[] largest = [.. benchmark.Groups.OrderByDescending(g => g.Images.Count).ThenBy(g => g.Name, StringComparer.Ordinal)];
        PrintFailures(terminal, mined, ordinary, largest, labels);

        FailureGroup group = largest.FirstOrDefault(x => !LookAlike(labels[x.Label].Name, labels[x.Wrong].Name)) ?? largest[0];
        int g = benchmark.Groups.ToList().IndexOf(group);
        string image = images.Find(group.Images[0].Path, group.Images[0].Sha256);
        terminal.Line();
        terminal.Line($"2  Correcting one: {Path.GetRelativePath(world.Folder, image).Replace('\\', '/')} shows {labels[group.Label].Name}, the model says {labels[group.Wrong].Name}");
        List<DemoEditJson> edits = [];
        string patch = world.File("edit.patch");
        IReadOnlyList<(int Class, double Before, double After)> probabilities = [];
        for (int i = 0; i < settings.Length; i++)
        {
            EditSpace space = windows.Space(settings[i].Settings);
            (SplitVit split, BenchData data) = (windows.Split(space), Data(space));
            using PrefixState state = data.Group(g, [0]);
            Failure failure = new(state, group.Label) { Images = [data.Images[g][0]] };
            Stopwatch edited = Stopwatch.StartNew();
            using EditResult result = settings[i].Editor.Edit(split, [failure], null, cancellation)[0];
            double seconds = edited.Elapsed.TotalSeconds;
            ModelDelta delta = result.Patch.Change;
            using PrefixState all = data.Group(g);
            GroupMeasurement measured = GroupMeasurement.Of(split.Predict(all, delta), [0], group.Accepted);
            LocalityMeasurement kept = data.Locality!.Measure(delta).Among(benchmark.Unrelated([g]));
            IReadOnlyList<(int Class, double Before, double After)> shares = Shares(split, state, delta, group);
            edits.Add(new DemoEditJson(Shown[i].Title, settings[i].Name, shares[0].Before, shares[0].After, measured.Success, measured.OthersRight, measured.Others, kept.Changed.Count, kept.Images, result.Steps, seconds));
            if (i == 0)
            {
                probabilities = shares;
                PatchFile.Save(result.Patch.With(result.Patch.Provenance with
                {
                    LabelName = labels[group.Label].Name,
                    Preprocessing = file.Preprocessing.ToString(),
                    Measurements = result.Patch.Provenance.Measurements! with { LocalityRate = kept.Rate, LocalityImages = kept.Images },
                }), patch, overwrite: true);
            }
        }
        PrintEdits(terminal, edits, labels[group.Label].Name);

        terminal.Line();
        terminal.Line("3  The patch");
        ApplyAndRevert(terminal, world, file, patch, image, labels, group);

        terminal.Line();
        terminal.Line("4  A small benchmark: the same and other settings on more groups");
        (string run, GalleryEdit shownEdit) = Bench(terminal, file, labels, windows, Data, benchmark, world, images, locality, settings[0], group, cancellation);
        string picture = world.File("edit.svg"), report = Path.Combine(run, BenchReport.FileName);
        string title = $"One edit: this is {labels[group.Label].Name}, not {labels[group.Wrong].Name}";
        AtomicFile.Write(picture, overwrite: true, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(EditFigure.Svg(shownEdit, title, probabilities, labels))));

        terminal.Line();
        terminal.Line(Text($"Done in {clock.Elapsed.TotalSeconds:0} s; everything is in {world.Folder}:"));
        terminal.Line($"  report   {report}");
        terminal.Line($"  picture  {picture}");
        terminal.Line($"  patch    {patch}");
        PrintNext(terminal);
        terminal.Object(new DemoJson
        {
            Folder = world.Folder,
            Model = file.Model.Fingerprint,
            Images = mined.Images,
            Right = mined.Right,
            OrdinaryAccuracy = ordinary,
            Groups = benchmark.Groups.Count,
            Group = group.Name,
            Image = group.Images[0].Path,
            Edits = edits,
            Patch = patch,
            Report = report,
            Picture = picture,
            Seconds = clock.Elapsed.TotalSeconds,
        }, JsonOutput.Default.DemoJson);
        if (parsed.GetValue(_open))
            Open(terminal, report);
        return App.Ok;

        BenchData Data(EditSpace space) => windows.Data(space, split => terminal.Progress("loading images", benchmark.Groups.Sum(g => g.Images.Count) + benchmark.Locality.Count, report =>
            BenchData.Load(split, benchmark, file.Preprocessing, images, locality, new Told<int>(done => report(done, null)), cancellation: cancellation)));
    }

    static bool LookAlike(string one, string other) => LookAlikes.Any(pair => pair.Contains(one, StringComparison.Ordinal) && pair.Contains(other, StringComparison.Ordinal));

    static IReadOnlyList<BenchSetting> Settings(VitConfig config, EditWindows windows, string method, params (string Knob, string[] Values)[] knobs) => EditorRegistry.Settings(
        [method], Sweep.Published, knobs.ToDictionary(k => k.Knob, k => (IReadOnlyList<string>)k.Values), windows.Resources(Methods.Find(method).Window(config)));

    static MiningResult Mine(Terminal terminal, DemoWorld world, ModelFile file, SplitVit split, LabelSet labels, CancellationToken cancellation)
    {
        ImageFolder[] folders = [.. world.Images.Select(ImageFolder.Open)];
        ImageFolder locality = ImageFolder.Open(world.Locality);
        MiningResult mined = terminal.Progress("mining", folders.Sum(f => f.Files.Count) + locality.Files.Count, report =>
            Mining.Mine(split, file.Preprocessing, folders, new ClassFolders(labels), locality, new MiningSettings { MinImages = 8 }, new Told<int>(done => report(done, null)), cancellation));
        BenchmarkFile.Save(mined.Benchmark, world.File("benchmark.json"), overwrite: true);
        return mined;
    }

    // The locality images' folders name their classes, too.
    static double OrdinaryAccuracy(Benchmark benchmark, BenchData data, LabelSet labels)
    {
        ClassFolders classes = new(labels);
        return benchmark.Locality.Zip(data.Locality!.Predictions, (image, says) => classes.Accepted(image.Path.Split('/')[^2]).Contains(says) ? 1.0 : 0).Average();
    }

    static void PrintFailures(Terminal terminal, MiningResult mined, double ordinary, FailureGroup[] largest, LabelSet labels)
    {
        terminal.Line(Text($"   right: {100 * ordinary:0.0} % of {mined.Benchmark.Locality.Count} pictures in typefaces like those of its training, {100.0 * mined.Right / mined.Images:0.0} % of {mined.Images} in others, painted or on a stage"));
        terminal.Line($"   {largest.Length} groups of at least 8 pictures fail alike; the largest:");
        BenchTable.Print(terminal,
        [
            ["   subset", "shows", "read as", "pictures"],
            .. largest.Take(ShownGroups).Select(g => (string[])[$"   {g.Source}", labels[g.Label].Name, labels[g.Wrong].Name, $"{g.Images.Count}"]),
        ]);
    }

    static void PrintEdits(Terminal terminal, List<DemoEditJson> edits, string label)
    {
        BenchTable.Print(terminal,
        [
            ["   where to edit", $"P({label})", "SR", "also fixed (GR)", "ordinary kept (LR)", "steps", "s"],
            .. edits.Select(e => (string[])[$"   {e.Title}", Text($"{100 * e.Before:0.0} → {100 * e.After:0.0} %"), e.Success ? "yes" : "no",
                Text($"{e.Fixed} of {e.Others} ({100.0 * e.Fixed / e.Others:0} %)"), Text($"{e.Ordinary - e.Broken} of {e.Ordinary} ({100.0 * (e.Ordinary - e.Broken) / e.Ordinary:0.00} %)"), $"{e.Steps}", Text($"{e.Seconds:0.00}")]),
        ]);
    }

    static void ApplyAndRevert(Terminal terminal, DemoWorld world, ModelFile file, string patchPath, string image, LabelSet labels, FailureGroup group)
    {
        string output = world.File("edited.safetensors");
        using DisposeScope scope = NewDisposeScope();
        using Patch patch = PatchFile.Load(patchPath);
        patch.RequireModel(file.Model, patchPath);
        Dictionary<string, Tensor> edited = PatchLedger.Edited(file.Model, [patch]);
        file.WriteWith(output, edited, overwrite: true);
        foreach (Tensor tensor in edited.Values)
            tensor.Dispose();
        Tensor pixels = ImageLoader.LoadBatch([image], file.Preprocessing);
        using ModelFile applied = ModelFile.Load(output), reverted = ModelFile.Load(world.Model);
        (int with, int without) = ((int)applied.Model.Logits(pixels).argmax(1).item<long>(), (int)reverted.Model.Logits(pixels).argmax(1).item<long>());
        terminal.Line(Text($"   written   {patchPath}: {patch.Change.Parameters} numbers, {new FileInfo(patchPath).Length / 1024} KiB (the model: {new FileInfo(world.Model).Length / 1024} KiB)"));
        terminal.Line($"   applied   {output} says {labels[with].Name}");
        terminal.Line($"   reverted  without the patch the model says {labels[without].Name} again: it never changed");
        if (with != group.Label || without != group.Wrong || reverted.Model.Fingerprint != file.Model.Fingerprint)
            throw new InvalidOperationException($"the patch does not do what the edit did: {labels[with].Name} with it, {labels[without].Name} without.");
    }

    // The largest groups of each subset, so that the page has something of all.
    static (string Folder, GalleryEdit Shown) Bench(
        Terminal terminal, ModelFile file, LabelSet labels, EditWindows windows, Func<EditSpace, BenchData> data, Benchmark whole, DemoWorld world, ImageRoots images, ImageRoots locality,
        BenchSetting shown, FailureGroup group, CancellationToken cancellation)
    {
        int[] some = [.. DemoWorld.Subsets.SelectMany(s => whole.Groups.Index().Where(g => g.Item.Source == s).OrderByDescending(g => g.Item.Images.Count).ThenBy(g => g.Item.Name, StringComparer.Ordinal).Take(SmallGroupsASubset)).Select(g => g.Index)];
        Benchmark small = whole with { Groups = [.. some.Select(g => whole.Groups[g])] };
        BenchSetting[] settings =
        [
            .. Masked("hypernetwork", "0.5", "0.25", "0.1"), .. Masked("random", "0.5", "0.25"),
            .. Settings(file.Model.Config, windows, "masked-fine-tuning", ("locator", ["all"]), ("lr", ["0.0002", Rate])),
            .. Settings(file.Model.Config, windows, "kfac", ("damping", ["1", "0.1"])),
            .. Settings(file.Model.Config, windows, "gate", ("leak", ["0.1", "0.05"]), ("gain", ["1"])),
        ];
        BenchPlan plan = new(small, settings, new BenchOptions { MaxEditsPerGroup = EditsAGroup });
        string folder = world.File("run"), path = Path.Combine(folder, Shard.Whole.FileName);
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Dictionary<EditSpace, BenchData> own = settings.Select(s => windows.Space(s.Settings)).Distinct().ToDictionary(s => s, s => data(s).Select(some));
        BenchFolder.Prepare(folder, plan.Manifest);
        BenchFolder.WriteBenchmark(folder, small);
        using (BenchRowFile rows = BenchRowFile.Open(path, plan, Shard.Whole, resume: false))
        {
            terminal.Progress("editing", plan.Edits.Count, report =>
            {
                BenchRun.Run(plan, Cut, Shard.Whole, 0, batch =>
                {
                    rows.Append(batch);
                    report(rows.Rows, BenchSetting.Describe(batch[0].Method, batch[0].Settings));
                }, cancellation);
                return 0;
            });
        }
        IReadOnlyList<SettingSummary> summary = SettingSummary.Of(BenchRowFile.Read(path));
        BenchFolder.WriteSummary(folder, summary);
        BenchComparison comparison = BenchComparison.Of([ReportRun.Read(folder)]);
        IReadOnlyList<GalleryEdit> gallery = new ReportEdits(terminal, file, images, locality, windows).Make(comparison, [small], 4, wanted: null, space => own[space], cancellation);
        BenchReport.Write(Path.Combine(folder, BenchReport.FileName), comparison, labels, gallery, overwrite: true);
        BenchTable.Print(terminal,
        [
            ["   setting", "SR %", "GR %", "LR %"],
            .. summary.Select(s => (string[])[$"   {Short(s)}", BenchTable.Percent(s.Success.Mean), s.Generalization is { } gr ? BenchTable.Percent(gr.Mean) : "–", s.Locality is { } lr ? BenchTable.Percent(lr.Mean) : "–"]),
        ]);
        terminal.Line($"   {plan.Edits.Count / settings.Length} edits a setting: too few to rank methods, enough to see the trade; docs/results.md has the long run");
        BenchRow row = BenchRow(plan, shown, group);
        EditSpace shownIn = windows.Space(shown.Settings);
        return (folder, Gallery.Make(windows.Split(shownIn), whole, data(shownIn), file.Preprocessing, images, locality, shown, [row], cancellation: cancellation)[0]);

        (SplitVit, BenchData) Cut(BenchSetting setting)
        {
            EditSpace space = windows.Space(setting.Settings);
            return (windows.Split(space), own[space]);
        }

        IReadOnlyList<BenchSetting> Masked(string locator, params string[] keeps) =>
            Settings(file.Model.Config, windows, "masked-fine-tuning", ("locator", [locator]), ("keep", keeps), ("lr", [Rate]));
    }

    // The edit of the picture, as a row names it.
    static BenchRow BenchRow(BenchPlan plan, BenchSetting setting, FailureGroup group) => new()
    {
        Run = plan.Manifest.Run,
        Edit = 0,
        Method = setting.Editor.Name,
        Settings = setting.Settings,
        Group = group.Name,
        Image = group.Images[0].Path,
        Label = group.Label,
        Predicted = group.Label,
        Success = true,
        Generalization = null,
        Others = group.Images.Count - 1,
        Locality = null,
        SensitiveLocality = null,
        Steps = 0,
        Seconds = 0,
        Units = 0,
        Parameters = 0,
    };

    static string Short(SettingSummary s) => string.Join(' ', s.Settings.Where(x => x.Key is "locator" or "keep" or "lr" or "damping" or "leak").Where(x => s.Method != "kfac" || x.Key == "damping").Select(x => $"{x.Key}={x.Value}").Prepend(s.Method));

    // The wrong and the right class, and then the likeliest others.
    static IReadOnlyList<(int Class, double Before, double After)> Shares(SplitVit split, PrefixState state, ModelDelta delta, FailureGroup group)
    {
        using DisposeScope scope = NewDisposeScope();
        float[] before = [.. nn.functional.softmax(split.Logits(state), 1).data<float>()], after = [.. nn.functional.softmax(split.Logits(state, delta), 1).data<float>()];
        IEnumerable<int> others = Enumerable.Range(0, before.Length).Where(c => c != group.Label && c != group.Wrong).OrderByDescending(c => before[c] + after[c]);
        return [.. others.Prepend(group.Wrong).Prepend(group.Label).Take(Probabilities).Select(c => (c, (double)before[c], (double)after[c]))];
    }

    static void PrintNext(Terminal terminal)
    {
        terminal.Line();
        terminal.Line("Next, with a ViT of your own from timm (model.safetensors), its class names and your images:");
        terminal.Line("  retouch predict --model model.safetensors --labels labels.json wrong.jpg");
        terminal.Line("  retouch edit    --model model.safetensors --labels labels.json --image wrong.jpg --label NAME --locator gradient --locality photos/ --out fix.patch");
        terminal.Line("  retouch apply   --model model.safetensors --patch fix.patch --out edited.safetensors");
    }

    static void Open(Terminal terminal, string report)
    {
        try
        {
            using Process? process = Process.Start(new ProcessStartInfo(Path.GetFullPath(report)) { UseShellExecute = true });
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or PlatformNotSupportedException or InvalidOperationException)
        {
            terminal.Note($"warning: nothing on this machine opens {report}; open it in a browser.");
        }
    }

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
