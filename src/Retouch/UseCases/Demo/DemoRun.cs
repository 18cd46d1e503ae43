using System.Diagnostics;
using System.Text;
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
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// The whole way from a mistake to a patch and a report, on a model and images that come along: find failures, correct
/// one in several ways, apply and take back the patch, measure on more. The steps are taken in this order, each once.
/// Owns what it opens, and holds the folder until it is disposed.
/// </summary>
public sealed class DemoRun : IDisposable
{
    const int SmallGroupsASubset = 2;
    const int EditsAGroup = 2;
    const int Probabilities = 4;
    const int ShownEdits = 4;
    const int SmallestGroup = 8;
    const string Published = "masked-fine-tuning";
    const string Rate = "0.0005";
    const string Keep = "0.25";

    // What is shown beside each other, and what it is called.
    static readonly (string Title, string Method, (string Knob, string[] Values)[] Knobs)[] Ways =
    [
        ("hypernetwork's mask", Published, [("locator", ["hypernetwork"]), ("keep", [Keep]), ("lr", [Rate])]),
        ("plain fine-tuning", Published, [("locator", ["all"]), ("lr", [Rate])]),
        ("random mask", Published, [("locator", ["random"]), ("keep", [Keep]), ("lr", [Rate])]),
        ("kfac (beyond the paper)", "kfac", []),
        ("gate (beyond the paper)", "gate", []),
    ];

    // Many typefaces draw them alike, so that a mistake between them is nobody's.
    static readonly string[] LookAlikes = ["0O", "1I"];

    readonly DemoWorld _world;
    readonly IUseCaseEvents _events;
    readonly CancellationToken _cancellation;
    readonly EditWindows _windows;
    readonly BenchSetting[] _ways;
    readonly ImageRoots _images;
    readonly ImageRoots _locality;
    DemoFailures? _failures;
    NearImages? _near;
    IReadOnlyList<(int Class, double Before, double After)> _probabilities = [];

    DemoRun(DemoWorld world, ShippedFiles shipped, IUseCaseEvents events, CancellationToken cancellation)
    {
        (_world, _events, _cancellation) = (world, events, cancellation);
        Model = ModelFile.Load(world.Model);
        try
        {
            Labels = LabelSet.Load(world.Labels);
            _windows = new EditWindows(Model.Model, new TrainedFiles { Shipped = shipped }, seed: 0, events);
            if (_windows.Resources(Usual).Hypernetwork is null)
                throw BadInput.Missing(
                    null,
                    "The demo's locator is missing; build the program again, it comes with it."
                );
            _ways = [.. Ways.SelectMany(w => Settings(w.Method, w.Knobs))];
            (_images, _locality) = (new ImageRoots(world.Images), new ImageRoots([world.Locality]));
        }
        catch
        {
            _windows?.Dispose();
            Model.Dispose();
            throw;
        }
    }

    /// <summary>The folder that everything is written to.</summary>
    public string Folder => _world.Folder;

    /// <summary>The folders of shifted images.</summary>
    public IReadOnlyList<string> ImageFolders => _world.Images;

    /// <summary>The file of the classes' names.</summary>
    public string LabelFile => _world.Labels;

    /// <summary>The folder of ordinary images.</summary>
    public string LocalityFolder => _world.Locality;

    /// <summary>The model.</summary>
    public ModelFile Model { get; }

    /// <summary>The names of its classes.</summary>
    public LabelSet Labels { get; }

    EditSpace Usual => EditSpace.Default(Model.Model.Config);

    DemoFailures Failures =>
        _failures ?? throw new InvalidOperationException($"{nameof(Find)} is the demo's first step.");

    string Patch => _world.File("edit.patch");

    /// <summary>
    /// Lays the model and its images out in a folder: a new one, an empty one or one of an earlier demo.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="events">Told what happens; null to ignore.</param>
    /// <param name="shipped">What comes along; null for what lies beside the program.</param>
    /// <param name="cancellation">Stops this and every later step.</param>
    /// <exception cref="BadInputException">
    /// The folder is another one, or cannot be written, or what should come along is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static DemoRun LayOut(
        string folder,
        IUseCaseEvents? events = null,
        ShippedFiles? shipped = null,
        CancellationToken cancellation = default
    )
    {
        shipped ??= ShippedFiles.BesideProgram;
        DemoWorld world = DemoWorld.LayOut(folder, shipped, cancellation);
        try
        {
            return new DemoRun(world, shipped, events ?? NoEvents.Instance, cancellation);
        }
        catch
        {
            world.Dispose();
            throw;
        }
    }

    /// <summary>Finds what the model gets wrong, and chooses a mistake.</summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public DemoFailures Find()
    {
        ImageFolder[] folders = [.. _world.Images.Select(ImageFolder.Open)];
        ImageFolder locality = ImageFolder.Open(_world.Locality);
        _near = NearImages.In(folders, new ClassFolders(Labels), Labels.Count);
        MiningSettings settings = new() { MinImages = SmallestGroup };
        MiningResult mined = _events.Progress(
            "mining",
            folders.Sum(f => f.Files.Count) + locality.Files.Count,
            report =>
            {
                Told<int> told = new(done => report(done, null));
                return Mining.Mine(
                    _windows.Split(Usual),
                    Model.Preprocessing,
                    folders,
                    new ClassFolders(Labels),
                    locality,
                    settings,
                    told,
                    _cancellation
                );
            }
        );
        BenchmarkFile.Save(mined.Benchmark, _world.File("benchmark.json"), overwrite: true);
        FailureGroup[] largest =
        [
            .. mined
                .Benchmark.Groups.OrderByDescending(g => g.Images.Count)
                .ThenBy(g => g.Name, StringComparer.Ordinal),
        ];
        double ordinary = OrdinaryAccuracy(mined.Benchmark, Data(mined.Benchmark, Usual));
        FailureGroup group =
            largest.FirstOrDefault(g => !LookAlike(Labels[g.Label].Name, Labels[g.Wrong].Name)) ?? largest[0];
        string image = _images.Find(group.Images[0].Path, group.Images[0].Sha256);
        return _failures = new DemoFailures(mined, ordinary, largest, group, image);
    }

    /// <summary>
    /// Corrects it in several ways, measures each on its group, on ordinary images and on those nearby, and writes the
    /// patch of the first.
    /// </summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public IReadOnlyList<DemoEdit> Correct()
    {
        Benchmark benchmark = Failures.Mined.Benchmark;
        FailureGroup group = Failures.Group;
        int place = benchmark.Groups.ToList().IndexOf(group);
        List<DemoEdit> edits = [];
        foreach ((BenchSetting way, string title) in _ways.Zip(Ways.Select(w => w.Title)))
        {
            EditSpace space = _windows.Space(way.Settings);
            (SplitVit split, BenchData data) = (_windows.Split(space), Data(benchmark, space));
            using PrefixState state = data.Group(place, [0]);
            Failure failure = new(state, group.Label) { Images = [data.Images[place][0]] };
            Stopwatch clock = Stopwatch.StartNew();
            using EditResult result = way.Editor.Edit(split, [failure], null, _cancellation)[0];
            double seconds = clock.Elapsed.TotalSeconds;
            ModelDelta delta = result.Patch.Change;
            using PrefixState all = data.Group(place);
            GroupMeasurement measured = GroupMeasurement.Of(split.Predict(all, delta), [0], group.Accepted);
            LocalityMeasurement kept = data.Locality!.Measure(delta).Among(benchmark.Unrelated([place]));
            IReadOnlyList<(int Class, double Before, double After)> shares = Shares(split, state, delta, group);
            if (edits.Count == 0)
            {
                _probabilities = shares;
                Save(result.Patch, kept);
            }
            edits.Add(
                new DemoEdit(
                    title,
                    way.Name,
                    shares[0].Before,
                    shares[0].After,
                    measured.Success,
                    measured.OthersRight,
                    measured.Others,
                    kept.Changed.Count,
                    kept.Images,
                    result.Steps,
                    seconds
                )
                {
                    Near = Flips.Sum(data.Near!.Measure(delta, benchmark.Hashes([place])).Values),
                }
            );
        }
        return edits;
    }

    /// <summary>Writes the model with the patch, and asks both models about the image.</summary>
    /// <exception cref="InvalidOperationException">The patch does not do what the edit did.</exception>
    public DemoPatch Apply()
    {
        string output = _world.File("edited.safetensors");
        using DisposeScope scope = NewDisposeScope();
        using Patch patch = PatchFile.Load(Patch);
        patch.RequireModel(Model.Model, Patch);
        Dictionary<string, Tensor> edited = PatchLedger.Edited(Model.Model, [patch]);
        Model.WriteWith(output, edited, overwrite: true);
        foreach (Tensor tensor in edited.Values)
            tensor.Dispose();
        Tensor pixels = ImageLoader.LoadBatch([Failures.Image], Model.Preprocessing);
        using ModelFile applied = ModelFile.Load(output);
        using ModelFile reverted = ModelFile.Load(_world.Model);
        (int with, int without) = (Says(applied), Says(reverted));
        if (
            with != Failures.Group.Label
            || without != Failures.Group.Wrong
            || reverted.Model.Fingerprint != Model.Model.Fingerprint
        )
            throw new InvalidOperationException(
                $"the patch does not do what the edit did: {Labels[with].Name} with it, {Labels[without].Name} without."
            );
        return new DemoPatch(
            Patch,
            new FileInfo(Patch).Length,
            patch.Change.Parameters,
            new FileInfo(_world.Model).Length,
            output,
            with,
            without
        );

        int Says(ModelFile file) => (int)file.Model.Logits(pixels).argmax(1).item<long>();
    }

    /// <summary>Measures the same and other settings on more groups, and draws the edit of the patch.</summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public DemoBenchmark Measure()
    {
        Benchmark whole = Failures.Mined.Benchmark;
        int[] some = [.. DemoWorld.Subsets.SelectMany(subset => LargestOf(whole, subset))];
        Benchmark small = whole with { Groups = [.. some.Select(g => whole.Groups[g])] };
        BenchSetting[] settings =
        [
            .. Masked("hypernetwork", "0.5", "0.25", "0.1"),
            .. Masked("random", "0.5", "0.25"),
            .. Settings(Published, ("locator", ["all"]), ("lr", ["0.0002", Rate])),
            .. Settings("kfac", ("damping", ["1", "0.1"])),
            .. Settings("gate", ("leak", ["0.1", "0.03"])),
        ];
        BenchPlan plan = new(small, settings, new BenchOptions { MaxEditsPerGroup = EditsAGroup, Near = _near });
        string path = _world.File("run");
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        Dictionary<EditSpace, BenchData> own = settings
            .Select(s => _windows.Space(s.Settings))
            .Distinct()
            .ToDictionary(s => s, s => Data(whole, s).Select(some));
        using RunFolder folder = new(path, Shard.Whole, "bench");
        folder.Plan(plan, resume: false);
        folder.Begin(small, resume: false);
        IReadOnlyList<BenchRow> rows = folder.Fill(
            _events,
            (done, write) => BenchRun.Run(plan, Cut, Shard.Whole, done, write, _cancellation)
        );
        IReadOnlyList<SettingSummary> summary = SettingSummary.Of(rows);
        BenchFolder.WriteSummary(path, summary);
        BenchComparison comparison = BenchComparison.Of([ReportRun.Read(path)]);
        IReadOnlyList<GalleryEdit> gallery = new ReportEdits(Model, _images, _locality, _windows, _events).Make(
            comparison,
            [small],
            ShownEdits,
            wanted: null,
            space => own[space],
            _cancellation
        );
        string page = Path.Combine(path, BenchReport.FileName);
        BenchReport.Write(page, comparison, Labels, gallery, overwrite: true);
        return new DemoBenchmark(summary, plan.Edits.Count / settings.Length, page, Draw(plan));

        (SplitVit, BenchData) Cut(BenchSetting setting)
        {
            EditSpace space = _windows.Space(setting.Settings);
            return (_windows.Split(space), own[space]);
        }

        IReadOnlyList<BenchSetting> Masked(string locator, params string[] keeps) =>
            Settings(Published, ("locator", [locator]), ("keep", keeps), ("lr", [Rate]));
    }

    /// <summary>Frees what was opened, and lets others write to the folder.</summary>
    public void Dispose()
    {
        _windows.Dispose();
        Model.Dispose();
        _world.Dispose();
    }

    // The largest groups of each subset, so that the page has something of all.
    static IEnumerable<int> LargestOf(Benchmark whole, string subset) =>
        whole
            .Groups.Index()
            .Where(g => g.Item.Source == subset)
            .OrderByDescending(g => g.Item.Images.Count)
            .ThenBy(g => g.Item.Name, StringComparer.Ordinal)
            .Take(SmallGroupsASubset)
            .Select(g => g.Index);

    static bool LookAlike(string one, string other) =>
        LookAlikes.Any(pair =>
            pair.Contains(one, StringComparison.Ordinal) && pair.Contains(other, StringComparison.Ordinal)
        );

    IReadOnlyList<BenchSetting> Settings(string method, params (string Knob, string[] Values)[] knobs) =>
        EditorRegistry.Settings(
            [method],
            Sweep.Published,
            knobs.ToDictionary(k => k.Knob, k => (IReadOnlyList<string>)k.Values),
            _windows.Resources(Methods.Find(method).Window(Model.Model.Config))
        );

    BenchData Data(Benchmark benchmark, EditSpace space) =>
        _windows.Data(
            space,
            split =>
                BenchmarkSource.Load(
                    split,
                    Model,
                    benchmark,
                    _images,
                    _locality,
                    _near,
                    sensitive: null,
                    memory: null,
                    _events,
                    _cancellation
                )
        );

    // The locality images' folders name their classes, too.
    double OrdinaryAccuracy(Benchmark benchmark, BenchData data)
    {
        ClassFolders classes = new(Labels);
        return benchmark.Locality.Zip(data.Locality!.Predictions, IsRight).Average();

        double IsRight(LocalityImage image, int says) =>
            classes.Accepted(image.Path.Split('/')[^2]).Contains(says) ? 1.0 : 0;
    }

    void Save(Patch patch, LocalityMeasurement kept) =>
        PatchFile.Save(
            patch.With(
                patch.Provenance with
                {
                    LabelName = Labels[Failures.Group.Label].Name,
                    Preprocessing = Model.Preprocessing.ToString(),
                    Measurements = patch.Provenance.Measurements! with
                    {
                        LocalityRate = kept.Rate,
                        LocalityImages = kept.Images,
                    },
                }
            ),
            Patch,
            overwrite: true
        );

    string Draw(BenchPlan plan)
    {
        Benchmark whole = Failures.Mined.Benchmark;
        FailureGroup group = Failures.Group;
        EditSpace space = _windows.Space(_ways[0].Settings);
        GalleryEdit edit = Gallery.Make(
            _windows.Split(space),
            whole,
            Data(whole, space),
            Model.Preprocessing,
            _images,
            _locality,
            _ways[0],
            [Row(plan, _ways[0], group)],
            cancellation: _cancellation
        )[0];
        string picture = _world.File("edit.svg");
        string title = $"One edit: this is {Labels[group.Label].Name}, not {Labels[group.Wrong].Name}";
        string svg = EditFigure.Svg(edit, title, _probabilities, Labels);
        AtomicFile.Write(picture, overwrite: true, stream => stream.Write(Encoding.UTF8.GetBytes(svg)));
        return picture;
    }

    // The edit of the picture, as a row names it.
    static BenchRow Row(BenchPlan plan, BenchSetting setting, FailureGroup group) =>
        new()
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

    // The right and the wrong class, and then the likeliest others.
    static IReadOnlyList<(int Class, double Before, double After)> Shares(
        SplitVit split,
        PrefixState state,
        ModelDelta delta,
        FailureGroup group
    )
    {
        using DisposeScope scope = NewDisposeScope();
        float[] before = [.. nn.functional.softmax(split.Logits(state), 1).data<float>()];
        float[] after = [.. nn.functional.softmax(split.Logits(state, delta), 1).data<float>()];
        IEnumerable<int> others = Enumerable
            .Range(0, before.Length)
            .Where(c => c != group.Label && c != group.Wrong)
            .OrderByDescending(c => before[c] + after[c]);
        return
        [
            .. others
                .Prepend(group.Wrong)
                .Prepend(group.Label)
                .Take(Probabilities)
                .Select(c => (c, (double)before[c], (double)after[c])),
        ];
    }
}
