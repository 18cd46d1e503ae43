using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Retouch.Editing;
using Retouch.Evaluation;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Cli.Verbs;

/// <summary><c>edit</c>: corrects a mistake and writes a patch.</summary>
sealed class EditVerb : Verb
{
    const int Shown = 3;
    const string Masked = "masked-fine-tuning", Kfac = "kfac", Gate = "gate";

    // The methods that have one way from general edits to local ones, and the settings along it.
    static readonly IReadOnlyDictionary<string, (IReadOnlyList<double> Places, Func<double, (string Knob, double Value)[]> At)> Guarded = new Dictionary<string, (IReadOnlyList<double>, Func<double, (string, double)[]>)>
    {
        [Kfac] = (KfacSettings.Generalities, place => new KfacSettings().AtGenerality(place) is var s ? [("damping", s.Damping), ("stopMargin", s.StopMargin)] : []),
        [Gate] = (GateSettings.Generalities, place => new GateSettings().AtGenerality(place) is var s ? [("leak", s.Leak), ("gain", s.Gain)] : []),
    };
    static readonly string[] Locators = ["hypernetwork", "gradient", "random", "all"], AllLocators = [.. Locators, "fisher"];
    static readonly MaskedFineTuningSettings Defaults = new();

    readonly ModelOptions _model;
    readonly BlocksOption _blocks;
    readonly PrecisionOption _precision;
    readonly MemoryOption _memory;
    readonly Option<string[]> _images = new("--image") { Description = "The image that the model gets wrong, or several of the same class.", Required = true, AllowMultipleArgumentsPerToken = true, HelpName = "FILE" };
    readonly Option<string> _label = new("--label") { Description = "The class it should have: an index, a WordNet id or a name.", Required = true, HelpName = "CLASS" };
    readonly Option<string?> _method = new("--method") { Description = $"How to edit, {Masked} by default; 'retouch methods' lists the methods and their settings.", HelpName = "NAME" };
    readonly Option<string[]> _set = new("--set") { Description = "Another value of a method's setting: NAME=VALUE.", AllowMultipleArgumentsPerToken = true, HelpName = "NAME=VALUE" };
    readonly Option<string[]> _prepared = new("--prepared") { Description = "What 'retouch prepare' made for the method; some comes with Retouch.", AllowMultipleArgumentsPerToken = true, HelpName = "FILE" };
    readonly Option<string?> _locator = new("--locator") { Description = $"What says where to edit: {string.Join(", ", Locators)}, hypernetwork by default; other methods than {Masked} have defaults of their own and also take fisher.", HelpName = "NAME" };
    readonly Option<string?> _locatorFile = new("--locator-file") { Description = "A hypernetwork trained for this model; by default the one that comes with Retouch, if there is one.", HelpName = "FILE" };
    readonly Option<double> _keep = new("--keep") { Description = "The share of hidden units to edit, above 0 and at most 1 (1 for --locator all).", DefaultValueFactory = _ => Defaults.KeepRatio, HelpName = "RATIO" };
    readonly Option<string?> _locality = new("--locality") { Description = "A folder of other images, to measure what else changed.", HelpName = "DIR" };
    readonly Option<double?> _guard = new("--guard") { Description = $"Find the most general edit that leaves at least this share of the --locality images as they are: --method {Kfac}, or {Gate} if that is given, with the most general settings that do.", HelpName = "RATE" };
    readonly Option<double> _lr = new("--lr") { Description = "RMSprop's step size.", DefaultValueFactory = _ => Defaults.LearningRate, HelpName = "RATE" };
    readonly Option<int> _steps = new("--steps") { Description = "Steps at most.", DefaultValueFactory = _ => Defaults.MaxSteps, HelpName = "N" };
    readonly Option<int> _seed = new("--seed") { Description = "The seed of everything random.", HelpName = "N" };
    readonly Option<string> _out = new("--out") { Description = "The patch to write.", Required = true, HelpName = "FILE" };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing patch." };
    readonly Option<bool> _force = new("--force") { Description = "Edit even if the model already gives the label, and write the patch even if the edit fails." };

    public EditVerb() : base("edit", "Correct a mistake: find the units responsible, edit only those, and write a patch.", reports: true)
    {
        _locator.CompletionSources.Add(AllLocators);
        _method.CompletionSources.Add([.. Methods.All.Select(m => m.Name)]);
        Require<string>(_locator, AllLocators.Contains, $"one of {string.Join(", ", AllLocators)}");
        Require<double>(_guard, guard => guard is > 0 and <= 1, "a number above 0 and at most 1");
        Require<double>(_keep, keep => keep is > 0 and <= 1, "a number above 0 and at most 1");
        Require<double>(_lr, lr => double.IsFinite(lr) && lr > 0, "a finite number above 0");
        Require<int>(_steps, steps => steps >= 1, "a whole number of at least 1");
        Require<int>(_seed, _ => true, "a whole number");
        _model = new ModelOptions(this);
        foreach (Option option in (Option[])[_images, _label, _out, _method, _set, _prepared, _locality, _guard, _locator, _locatorFile])
            Add(option);
        _blocks = new BlocksOption(this);
        _precision = new PrecisionOption(this, Precision.Checked);
        _memory = new MemoryOption(this);
        foreach (Option option in (Option[])[_keep, _lr, _steps, _seed, _overwrite, _force])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        OutputName.Require(output, "a patch (a safetensors file)", ".patch", ".safetensors");
        AtomicFile.CheckWritable(output, parsed.GetValue(_overwrite));
        double? guard = parsed.GetValue(_guard);
        string method = parsed.GetValue(_method) ?? (guard is null ? Masked : Kfac);
        IReadOnlyDictionary<string, string> settings = method == Masked ? PublishedSettings(parsed) : Settings(parsed, Methods.Find(method));
        if (guard is not null && !Guarded.ContainsKey(method))
            throw new BadInputException($"--guard searches among edits of --method {string.Join(" or ", Guarded.Keys)}; leave out --method {method}.");
        ImageFolder? locality = parsed.GetValue(_locality) is string folder ? ImageFolder.Open(folder)
            : guard is null ? null : throw new BadInputException("--guard needs the images to guard: name their folder with --locality.");

        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = _model.Load(parsed, terminal);
        LabelSet labels = _model.Labels(parsed, file);
        int label = labels.Resolve(parsed.GetRequiredValue(_label));
        string[] paths = parsed.GetRequiredValue(_images);
        SplitVit split = _precision.Cut(parsed, terminal, file.Model, _blocks.Given(parsed, file.Model) ?? Methods.Find(method).Window(file.Model.Config));
        using PreparedFiles prepared = new(parsed.GetValue(_prepared) ?? [], split);
        using Hypernetwork? network = LoadHypernetwork(parsed, settings.GetValueOrDefault("locator"), split, terminal);
        EditorResources resources = new() { Hypernetwork = network, Preparations = prepared.ByKind, PreparationIds = prepared.Ids, Seed = parsed.GetValue(_seed) };
        IEditor editor = method == Masked ? new MaskedFineTuning(Locator(settings["locator"], resources), Published(settings, resources.Seed)) : Methods.Find(method).Create(settings, resources);
        ModelOptions.PrintPreprocessing(file, terminal);

        using PrefixState state = split.Prefix(ImageLoader.LoadBatch(paths, file.Preprocessing));
        Tensor before = split.Logits(state);
        Asked asked = new(paths, labels, label, split, method, settings, resources.Seed);
        if (!parsed.GetValue(_force) && before.argmax(1).eq(label).all().item<bool>())
        {
            terminal.Line($"Nothing to correct: the model already says {labels[label].Name} ({label}). No patch was written; --force edits all the same.");
            terminal.Object(asked.Report(before, before, null, null, output: null, 0, guard, null), JsonOutput.Default.EditJson);
            return App.Ok;
        }

        Failure failure = new(state, label) { Images = [.. paths.Select(p => new PatchImage(Path.GetFileName(p), Hash(p)) { Path = FromPatch(output, p) })] };
        Stopwatch clock = Stopwatch.StartNew();
        LocalityOutcome? outcome = null;
        GuardedEdit? guarded = null;
        EditResult? result = null;
        try
        {
            if (guard is double bound)
            {
                (guarded, outcome) = Guard(terminal, method, split, failure, settings, resources, locality!, file.Preprocessing, bound, _memory.Bytes(parsed), cancellation);
                if (guarded.Edit is null)
                {
                    EditJson none = asked.Report(before, before, null, null, output: null, clock.Elapsed.TotalSeconds, guard, guarded) with { Success = false };
                    terminal.Object(none, JsonOutput.Default.EditJson);
                    PrintCurve(terminal, none, outcome.Measurement.Images);
                    terminal.Line($"No edit leaves {100 * bound:0.##} % of these images as they are and corrects the mistake; no patch was written. Take a lower --guard.");
                    return App.Failed;
                }
                (result, asked) = (guarded.Edit, asked with { Settings = With(method, settings, guarded.Setting!.Value) });
            }
            else
            {
                int most = settings.TryGetValue("steps", out string? steps) && int.TryParse(steps, CultureInfo.InvariantCulture, out int count) ? count : 1;
                result = terminal.Progress("editing", most, report =>
                    editor.Edit(split, [failure], new Told<EditProgress>(p => report(p.Step, $"step {p.Step}, loss {p.Loss:0.000}")), cancellation)[0]);
            }
            double seconds = clock.Elapsed.TotalSeconds;
            if (!result.Patch.Change.IsFinite)
            {
                throw new BadInputException(settings.TryGetValue("lr", out string? rate)
                    ? $"The edit diverged, its weights are no numbers any more; use a smaller --lr than {rate}."
                    : "The edit diverged, its weights are no numbers any more; use other settings.");
            }
            terminal.Detail($"edited: {result.Steps} steps{(result.Losses.Count > 0 ? $", last loss {result.Losses[^1]:0.0000}" : "")}");
            Tensor after = split.Logits(state, result.Patch.Change);

            if (locality is not null && outcome is null)
            {
                outcome = terminal.Progress("measuring locality", locality.Files.Count, report =>
                {
                    (LocalityMeasurement measurement, IReadOnlyList<string> files, IReadOnlyList<(string File, string Why)> skipped) =
                        Locality.Measure(split, result.Patch.Change, locality, file.Preprocessing, new Told<int>(done => report(done, null)), cancellation);
                    return new LocalityOutcome(measurement, files, skipped);
                });
                Warn(terminal, outcome);
            }

            bool write = result.Success || parsed.GetValue(_force);
            if (write)
            {
                Patch patch = result.Patch.With(result.Patch.Provenance with
                {
                    Float16Fingerprint = Rounded(file.Model, ScalarType.Float16),
                    BFloat16Fingerprint = Rounded(file.Model, ScalarType.BFloat16),
                    LabelName = labels.HasNames ? labels[label].Name : null,
                    Preprocessing = file.Preprocessing.ToString(),
                    Measurements = result.Patch.Provenance.Measurements! with { LocalityRate = outcome?.Measurement.Rate, LocalityImages = outcome?.Measurement.Images },
                });
                PatchFile.Save(patch, output, parsed.GetValue(_overwrite));
            }
            EditJson summary = asked.Report(before, after, result, outcome, write ? output : null, seconds, guard, guarded);
            terminal.Object(summary, JsonOutput.Default.EditJson);
            Print(terminal, summary, write);
            return result.Success ? App.Ok : App.Failed;
        }
        finally
        {
            if (guarded is null)
                result?.Dispose();
            guarded?.Dispose();
        }
    }

    static (GuardedEdit Guarded, LocalityOutcome Outcome) Guard(
        Terminal terminal, string name, SplitVit split, Failure failure, IReadOnlyDictionary<string, string> settings, EditorResources resources, ImageFolder locality, Preprocessing preprocessing,
        double bound, long? memory, CancellationToken cancellation)
    {
        MethodInfo method = Methods.Find(name);
        IReadOnlyList<double> places = Guarded[name].Places;
        (LocalitySet set, IReadOnlyList<string> files, IReadOnlyList<(string File, string Why)> skipped) = terminal.Progress("loading locality images", locality.Files.Count, report =>
            Locality.Load(split, locality, preprocessing, new Told<int>(done => report(done, null)), memory, cancellation));
        using (set)
        {
            GuardedEdit guarded = terminal.Progress("searching", places.Count, report =>
            {
                int tried = 0;
                return GuardedEdit.Search(
                    generality => method.Create(With(name, settings, generality), resources).Edit(split, [failure], null, cancellation)[0], result => set.Measure(result.Patch.Change), bound, places,
                    progress: new Told<GuardPoint>(p => report(++tried, $"{Place(name, p.Setting)}: {100 * p.Locality:0.00} % kept")), cancellation: cancellation);
            });
            LocalityOutcome outcome = new(guarded.Locality ?? new LocalityMeasurement(files.Count, []), files, skipped);
            Warn(terminal, outcome);
            return (guarded, outcome);
        }
    }

    static Dictionary<string, string> With(string method, IReadOnlyDictionary<string, string> settings, double generality)
    {
        Dictionary<string, string> there = new(settings);
        foreach ((string knob, double value) in Guarded[method].At(generality))
            there[knob] = value.ToString("R", CultureInfo.InvariantCulture);
        return there;
    }

    static string Place(string method, double generality) =>
        string.Join(", ", Guarded[method].At(generality).Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Knob} {s.Value,-6:0.####}")));

    static void Warn(Terminal terminal, LocalityOutcome outcome)
    {
        foreach ((_, string why) in outcome.Skipped)
            terminal.Note($"warning: skipped, {why}");
    }

    // Those of the published method, whose options have ranges and defaults of their own.
    SortedDictionary<string, string> PublishedSettings(ParseResult parsed)
    {
        if (parsed.GetValue(_set) is { Length: > 0 } others)
            throw new BadInputException($"--set {others[0]} is for other methods than {Masked}, whose settings are --locator, --keep, --lr and --steps.");
        string locator = parsed.GetValue(_locator) ?? "hypernetwork";
        Range(locator, Locators.Contains, $"one of {string.Join(", ", Locators)}");
        double keep = parsed.GetValue(_keep);
        if (locator == "all")
        {
            if (Given(parsed, _keep) && keep != 1)
                throw new BadInputException($"--locator all edits every unit, but --keep is {keep}; leave out --keep, or choose another locator.");
            keep = 1;
        }
        SortedDictionary<string, string> settings = new(StringComparer.Ordinal)
        {
            ["locator"] = locator,
            ["keep"] = keep.ToString("R", CultureInfo.InvariantCulture),
            ["lr"] = parsed.GetValue(_lr).ToString("R", CultureInfo.InvariantCulture),
            ["steps"] = parsed.GetValue(_steps).ToString(CultureInfo.InvariantCulture),
        };
        Published(settings, 0).Validate();
        return settings;

        static void Range(string value, Func<string, bool> holds, string range)
        {
            if (!holds(value))
                throw new BadInputException($"--locator is {value}, but must be {range} with --method {Masked}.");
        }
    }

    static MaskedFineTuningSettings Published(IReadOnlyDictionary<string, string> settings, int seed) => Defaults with
    {
        KeepRatio = double.Parse(settings["keep"], CultureInfo.InvariantCulture),
        LearningRate = double.Parse(settings["lr"], CultureInfo.InvariantCulture),
        MaxSteps = int.Parse(settings["steps"], CultureInfo.InvariantCulture),
        Seed = seed,
    };

    // Those of any other method: its defaults, and what --set and the options say, if it has such a setting.
    IReadOnlyDictionary<string, string> Settings(ParseResult parsed, MethodInfo method)
    {
        Dictionary<string, IReadOnlyList<string>> given = [];
        foreach (string text in parsed.GetValue(_set) ?? [])
        {
            if (text.Split('=', 2) is not [{ Length: > 0 } name, { Length: > 0 } value])
                throw new BadInputException($"--set is {text}, but must be a setting's name and its value such as damping=0.1.");
            Take("--set", name, value);
        }
        foreach (Option option in (Option[])[_locator, _keep, _lr, _steps])
        {
            if (Given(parsed, option))
                Take(option.Name, option.Name[2..], parsed.GetResult(option)!.Tokens[0].Value);
        }
        if (parsed.GetValue(_guard) is not null && Guarded.TryGetValue(method.Name, out var guarded) && guarded.At(1).Select(s => s.Knob).FirstOrDefault(given.ContainsKey) is string searched)
            throw new BadInputException($"--guard searches for the {searched}; leave it out of --set.");
        return method.Grid(Sweep.Published, given)[0];

        void Take(string option, string name, string value)
        {
            if (!method.Knobs.Any(k => k.Name == name))
                throw new BadInputException($"{option} gives {name}, which {method.Name} does not have; its settings are {string.Join(", ", method.Knobs.Select(k => k.Name))}.");
            if (!given.TryAdd(name, [value]))
                throw new BadInputException($"The setting {name} is given twice.");
        }
    }

    static bool Given(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    Hypernetwork? LoadHypernetwork(ParseResult parsed, string? locator, SplitVit split, Terminal terminal)
    {
        string? path = parsed.GetValue(_locatorFile);
        if (locator != "hypernetwork")
            return path is null ? null : throw new BadInputException("--locator-file is for --locator hypernetwork only.");
        return HypernetworkFile.Load(ShippedLocators.Choose(path, split.Model, split.Space, terminal));
    }

    static ILocator Locator(string name, EditorResources resources) => name switch
    {
        "gradient" => new GradientLocator(),
        "random" => new RandomLocator(resources.Seed),
        "all" => new AllLocator(),
        _ => new HypernetworkLocator(resources.Hypernetwork!),
    };

    static void Print(Terminal terminal, EditJson e, bool written)
    {
        terminal.Line($"{e.Image}{(e.Images.Count > 1 ? $" and {e.Images.Count - 1} more" : "")} → {e.Label.Name} ({e.Label.Index})");
        int width = e.Before.Max(p => Predictions.Text(p).Length);
        terminal.Line($"  {"before".PadRight(width)}    after");
        for (int i = 0; i < e.Before.Count; i++)
            terminal.Line($"  {Predictions.Text(e.Before[i]).PadRight(width)}    {Predictions.Text(e.After[i])}");
        terminal.Line();
        terminal.Line(e.Success ? "corrected" : "NOT corrected");
        terminal.Line($"  steps      {e.Steps} in {e.Seconds:0.0} s");
        if (e.Method != Masked)
            terminal.Line($"  method     {e.Method}: {string.Join(", ", e.Settings.Select(s => $"{s.Key} {s.Value}"))}");
        terminal.Line($"  touched    {(e.Units > 0 ? $"{e.Units} units, " : "")}{e.Parameters} parameters{(e.Locator is null ? $" (blocks {e.Blocks})" : $" ({e.Locator}, keep {e.Keep:0.###}, blocks {e.Blocks})")}");
        PrintCurve(terminal, e, e.LocalityImages ?? 0);
        if (e.LocalityRate is double rate)
        {
            terminal.Line($"  locality   {100 * rate:0.00} % of {e.LocalityImages} images keep their prediction; {e.Changed.Count} changed");
            foreach (ChangedJson c in e.Changed)
                terminal.Line($"    {c.Image}: {c.Before.Name} ({c.Before.Index}) → {c.After.Name} ({c.After.Index})");
        }
        terminal.Line(written
            ? $"  patch      {e.Patch} ({new FileInfo(e.Patch!).Length / 1024.0:0} KiB)"
            : $"  patch      none was written, since the edit failed; try {(e.Method == Masked ? "more --steps, a larger --lr or --keep" : "other settings with --set")}, or --force to write it all the same");
    }

    static void PrintCurve(Terminal terminal, EditJson e, int images)
    {
        if (e.Guard is not double guard)
            return;
        terminal.Line($"  guard      {100 * guard:0.##} % of {images} images; tried, the most general first:");
        foreach (GuardPoint p in e.Curve)
            terminal.Line($"    {Place(e.Method, p.Setting)}  {100 * p.Locality,6:0.00} % kept{(p.Success ? "" : ", not corrected")}{(p.Setting == e.GuardedSetting ? "  ← chosen" : "")}");
    }

    // Patch and images may move together; where there is no way from one to the other (another drive), it is absolute.
    static string FromPatch(string patch, string image) =>
        Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(patch))!, Path.GetFullPath(image)).Replace(Path.DirectorySeparatorChar, '/');

    // A model of half precision is its own twin.
    static string? Rounded(VitModel model, ScalarType type) => model.FingerprintAs(type) is string rounded && rounded != model.Fingerprint ? rounded : null;

    static string Hash(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    sealed record LocalityOutcome(LocalityMeasurement Measurement, IReadOnlyList<string> Files, IReadOnlyList<(string File, string Why)> Skipped);

    /// <summary>What was asked for, as the report repeats it.</summary>
    sealed record Asked(string[] Paths, LabelSet Labels, int Label, SplitVit Split, string Method, IReadOnlyDictionary<string, string> Settings, int Seed)
    {
        public EditJson Report(Tensor before, Tensor after, EditResult? result, LocalityOutcome? outcome, string? output, double seconds, double? guard, GuardedEdit? guarded) => new()
        {
            Image = Paths[0],
            Images = Paths,
            Label = Class(Label),
            Before = Predictions.Top(before[0], Shown, Labels),
            After = Predictions.Top(after[0], Shown, Labels),
            Success = result?.Success ?? true,
            Steps = result?.Steps ?? 0,
            Seconds = Math.Round(seconds, 3),
            Units = result?.Patch.Change is WeightDelta { Units: var units } ? units.Count : 0,
            Parameters = result?.Patch.Change.Parameters ?? 0,
            LocalityRate = outcome?.Measurement.Rate,
            LocalityImages = outcome?.Measurement.Images,
            Changed = outcome is null ? [] : [.. outcome.Measurement.Changed.Select(c => new ChangedJson(outcome.Files[c.Image], Class(c.Before), Class(c.After)))],
            Skipped = outcome is null ? [] : [.. outcome.Skipped.Select(s => s.File)],
            Patch = output,
            Model = Split.Model.Fingerprint,
            Method = Method,
            Settings = Settings,
            Locator = Settings.GetValueOrDefault("locator"),
            Blocks = Split.Space.BlockRange,
            Keep = Settings.GetValueOrDefault("locator") == "all" ? 1 : Number("keep"),
            LearningRate = Number("lr"),
            Seed = Seed,
            Guard = guard,
            GuardedSetting = guarded?.Setting,
            Curve = guarded?.Curve ?? [],
        };

        ClassJson Class(int index) => new(index, Labels[index].Name);

        double? Number(string knob) => Settings.TryGetValue(knob, out string? text) ? double.Parse(text, CultureInfo.InvariantCulture) : null;
    }
}
