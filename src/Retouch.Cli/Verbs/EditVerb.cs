using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Cli.Verbs;

/// <summary><c>edit</c>: corrects a mistake and writes a patch.</summary>
sealed class EditVerb : Verb
{
    const int Shown = 3;
    static readonly Method Masked = MaskedFineTuning.Definition;
    static readonly MaskedFineTuningSettings Defaults = new();

    readonly ModelOptions _model;
    readonly BlocksOption _blocks;
    readonly PrecisionOption _precision;
    readonly MemoryOption _memory;
    readonly Option<string[]> _images = new("--image") { Description = "The image that the model gets wrong, or several of the same class.", Required = true, AllowMultipleArgumentsPerToken = true, HelpName = "FILE" };
    readonly Option<string> _label = new("--label") { Description = "The class it should have: a WordNet id, a name or an index; index:7 where a class is called 7.", Required = true, HelpName = "CLASS" };
    readonly Option<string?> _method = new("--method") { Description = $"How to edit, {Masked.Name} by default; 'retouch methods' lists the methods and their settings.", HelpName = "NAME" };
    readonly Option<string[]> _set = new("--set") { Description = "Another value of a method's setting: NAME=VALUE.", AllowMultipleArgumentsPerToken = true, HelpName = "NAME=VALUE" };
    readonly Option<string[]> _prepared = new("--prepared") { Description = "What 'retouch prepare' made for the method; some comes with Retouch.", AllowMultipleArgumentsPerToken = true, HelpName = "FILE" };
    readonly Option<string?> _locator = new("--locator") { Description = $"What says where to edit: {string.Join(", ", Locators.Names)}; {Locators.Hypernetwork} by default, for other methods than {Masked.Name} their own.", HelpName = "NAME" };
    readonly Option<string?> _locatorFile = new("--locator-file") { Description = "A hypernetwork trained for this model; by default the one that comes with Retouch, if there is one.", HelpName = "FILE" };
    readonly Option<double> _keep = new("--keep") { Description = "The share of hidden units to edit, above 0 and at most 1 (1 for --locator all).", DefaultValueFactory = _ => Defaults.KeepRatio, HelpName = "RATIO" };
    readonly Option<string?> _locality = new("--locality")
    {
        Description = "A folder of other images, to measure what else changed; copies of the edited images in it do not count, "
            + "and folders that are called by their classes tell corrections from damage.",
        HelpName = "DIR",
    };
    readonly Option<string?> _base = new("--base")
    {
        Description = "The unedited model, where --model has been edited before: --locality and --guard measure against it; "
            + "against --model itself by default.",
        HelpName = "MODEL",
    };
    readonly Option<double?> _guard = new("--guard") { Description = $"Find the most general edit that leaves at least this share of the --locality images as they are: --method {Kfac.Definition.Name}, or {Gate.Definition.Name} if that is given, with the most general settings that do.", HelpName = "RATE" };
    readonly Option<double> _lr = new("--lr") { Description = "RMSprop's step size.", DefaultValueFactory = _ => Defaults.LearningRate, HelpName = "RATE" };
    readonly Option<int> _steps = new("--steps") { Description = "Steps at most.", DefaultValueFactory = _ => Defaults.MaxSteps, HelpName = "N" };
    readonly Option<int> _seed = new("--seed") { Description = "The seed of everything random.", HelpName = "N" };
    readonly Option<string> _out = new("--out") { Description = "The patch to write.", Required = true, HelpName = "FILE" };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing patch." };
    readonly Option<bool> _force = new("--force")
    {
        Description = "Edit even if the model already gives every image the label (else nothing is written, the exit code is 0, "
            + "and --json says \"alreadyRight\": true), and write the patch even if the edit fails.",
    };

    public EditVerb() : base(
        "edit",
        "Correct a mistake: find the units responsible, edit only those, and write a patch. The model's file stays as it is: "
        + "an edit is taken back by using that, or by applying other patches alone to it.",
        reports: true)
    {
        _locator.CompletionSources.Add([.. Locators.Names]);
        _method.CompletionSources.Add([.. Methods.All.Select(m => m.Name)]);
        Require<string>(_locator, Locators.Names.Contains, $"one of {string.Join(", ", Locators.Names)}");
        Require<double>(_guard, guard => guard is > 0 and <= 1, "a number above 0 and at most 1");
        Require<double>(_keep, keep => keep is > 0 and <= 1, "a number above 0 and at most 1");
        Require<double>(_lr, lr => double.IsFinite(lr) && lr > 0, "a finite number above 0");
        Require<int>(_steps, steps => steps >= 1, "a whole number of at least 1");
        Require<int>(_seed, _ => true, "a whole number");
        _model = new ModelOptions(this);
        foreach (Option option in (Option[])[_images, _label, _out, _method, _set, _prepared, _locality, _guard, _base, _locator, _locatorFile])
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
        Method method = Methods.Find(parsed.GetValue(_method) ?? (guard is null ? Masked : Kfac.Definition).Name);
        IReadOnlyDictionary<string, string> settings = Settings(parsed, method);
        if (guard is not null && method.Generalities.Count == 0)
            throw new BadInputException($"--guard searches among edits of --method {string.Join(" or ", Methods.All.Where(m => m.Generalities.Count > 0).Select(m => m.Name))}; leave out --method {method.Name}.");
        ImageFolder? locality = parsed.GetValue(_locality) is string folder ? ImageFolder.Open(folder)
            : guard is null ? null : throw new BadInputException("--guard needs the images to guard: name their folder with --locality.");
        if (locality is null && parsed.GetValue(_base) is not null)
            throw new BadInputException("--base says what --locality is measured against: name a folder of other images with --locality.");
        if (guard is not null && parsed.GetValue(_method) is null)
        {
            string with = parsed.GetValue(_locator) is string where ? $" with --locator {where}" : "";
            terminal.Note($"guard: edits by --method {method.Name}{with}, since "
                + $"{Masked.Name} has no settings that lead from general edits to local ones; --method {Gate.Definition.Name} is the other that has");
        }

        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = _model.Load(parsed, terminal);
        LabelSet labels = _model.Labels(parsed, file);
        int label = ReadLabel(parsed.GetRequiredValue(_label), labels, terminal);
        string[] paths = parsed.GetRequiredValue(_images);
        SplitVit split = _precision.Cut(parsed, terminal, file.Model, _blocks.Given(parsed, file.Model) ?? method.Window(file.Model.Config));
        using PreparedFiles prepared = new(parsed.GetValue(_prepared) ?? [], split);
        MakingCommands commands = new() { Model = _model.Arguments(parsed), Blocks = _blocks.Text(parsed) };
        using Hypernetwork? network = LoadHypernetwork(parsed, settings.GetValueOrDefault("locator"), split, terminal, commands);
        EditorResources resources = new()
        {
            Hypernetwork = network,
            Preparations = prepared.ByKind,
            PreparationIds = prepared.Ids,
            Seed = parsed.GetValue(_seed),
            For = split,
            Commands = commands,
        };
        IEditor editor = method.Create(settings, resources);
        ModelOptions.PrintPreprocessing(file, terminal);
        terminal.Warnings(locality?.LeftOut ?? []);

        using PrefixState state = split.Prefix(ImageLoader.LoadBatch(paths, file.Preprocessing));
        ModelOptions.PrintTurned(paths, file, terminal);
        Tensor before = split.Logits(state);
        IReadOnlyList<string> leftOut = [];
        if (locality is not null)
            (locality, leftOut) = EditedImages.LeaveOut(locality, paths);
        using ModelFile? unedited = parsed.GetValue(_base) is string path ? _model.Load(path, parsed, terminal) : null;
        Unedited against = new(
            unedited is null ? null : _precision.Cut(parsed, terminal, unedited.Model, split.Space),
            unedited?.Path ?? file.Path, locality, leftOut, labels);
        Asked asked = new(paths, labels, label, split, method.Name, settings, resources.Seed, against);
        if (!parsed.GetValue(_force) && before.argmax(1).cpu().data<long>().ToArray().All(c => c == label))
        {
            terminal.Line($"Nothing to correct: the model already says {labels[label].Name} ({label}). No patch was written; --force edits all the same.");
            terminal.Object(asked.Report(before, before, null, null, output: null, 0, guard, null), JsonOutput.Default.EditJson);
            return App.Ok;
        }

        if (editor is Gate gate && guard is null)
            WarnOfCost(terminal, gate, split, new Failure(state, label), before, settings, labels);
        Failure failure = new(state, label) { Images = [.. paths.Select(p => new PatchImage(Path.GetFileName(p), ImageRoots.Hash(p)) { Path = FromPatch(output, p) })] };
        Stopwatch clock = Stopwatch.StartNew();
        LocalityOutcome? outcome = null;
        GuardedEdit? guarded = null;
        EditResult? result = null;
        try
        {
            if (guard is double bound)
            {
                (guarded, outcome) = Guard(terminal, method, split, failure, settings, resources, against, file.Preprocessing, bound, _memory.Bytes(parsed), cancellation);
                if (guarded.Edit is null)
                {
                    EditJson none = asked.Report(before, before, null, null, output: null, clock.Elapsed.TotalSeconds, guard, guarded) with { Success = false };
                    terminal.Object(none, JsonOutput.Default.EditJson);
                    PrintCurve(terminal, none, outcome.Measurement.Images, against);
                    PrintLeftOut(terminal, none);
                    terminal.Line($"No edit leaves {100 * bound:0.##} % of these images as they are and corrects the mistake; no patch was written. Take a lower --guard.");
                    return App.Failed;
                }
                (result, asked) = (guarded.Edit, asked with { Settings = method.AtGenerality(settings, guarded.Setting!.Value) });
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
                        Locality.Measure(split, result.Patch.Change, locality, file.Preprocessing, new Told<int>(done => report(done, null)), against.Model, cancellation);
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
            Print(terminal, summary, write, against);
            return result.Success ? App.Ok : App.Failed;
        }
        finally
        {
            if (guarded is null)
                result?.Dispose();
            guarded?.Dispose();
        }
    }

    static int ReadLabel(string text, LabelSet labels, Terminal terminal)
    {
        int label = labels.Resolve(text);
        if (labels.OtherReading(text) is int number)
            terminal.Note($"label: {text} is the class of that name, number {label}; class number {number}, "
                + $"{labels[number].Name}, would be --label index:{number}");
        return label;
    }

    static (GuardedEdit Guarded, LocalityOutcome Outcome) Guard(
        Terminal terminal, Method method, SplitVit split, Failure failure, IReadOnlyDictionary<string, string> settings, EditorResources resources, Unedited against, Preprocessing preprocessing,
        double bound, long? memory, CancellationToken cancellation)
    {
        IReadOnlyList<double> places = method.Generalities;
        ImageFolder locality = against.Images!;
        (LocalitySet set, IReadOnlyList<string> files, IReadOnlyList<(string File, string Why)> skipped) = terminal.Progress("loading locality images", locality.Files.Count, report =>
            Locality.Load(split, locality, preprocessing, new Told<int>(done => report(done, null)), memory, against.Model, cancellation));
        using (set)
        {
            GuardedEdit guarded = terminal.Progress("searching", places.Count, report =>
            {
                int tried = 0;
                return GuardedEdit.Search(
                    generality => method.Create(method.AtGenerality(settings, generality), resources).Edit(split, [failure], null, cancellation)[0], result => set.Measure(result.Patch.Change), bound, places,
                    progress: new Told<GuardPoint>(p => report(++tried, $"{Place(method, p.Setting)}: {100 * p.Locality:0.00} % kept")), cancellation: cancellation);
            });
            LocalityOutcome outcome = new(guarded.Locality ?? new LocalityMeasurement(files.Count, []), files, skipped);
            Warn(terminal, outcome);
            return (guarded, outcome);
        }
    }

    static string Place(Method method, double generality)
    {
        IReadOnlyDictionary<string, string> there = method.AtGenerality(new Dictionary<string, string>(), generality);
        return string.Join(", ", method.GeneralitySettings.Select(name => string.Create(
            CultureInfo.InvariantCulture, $"{name} {double.Parse(there[name], CultureInfo.InvariantCulture),-6:0.####}")));
    }

    // Of few classes each has many ordinary images, and those of the class that the image is mistaken for are the most alike.
    static void WarnOfCost(
        Terminal terminal, Gate gate, SplitVit split, Failure failure, Tensor before, IReadOnlyDictionary<string, string> settings, LabelSet labels)
    {
        using Tensor classes = before.argmax(1);
        long[] wrong = [.. classes.data<long>().Where(c => c != failure.Label)];
        if (wrong.Length == 0)
            return;
        int mistakenFor = (int)wrong.GroupBy(c => c).MaxBy(g => g.Count())!.Key;
        GateCost cost = gate.Cost(split, failure, mistakenFor);
        if (cost.IsNotable(double.Parse(settings["leak"], CultureInfo.InvariantCulture)))
        {
            terminal.Note(string.Create(CultureInfo.InvariantCulture,
                $"warning: of the {cost.Images} ordinary images that gate was prepared with, {cost.OfClass} "
                + $"({100 * cost.ClassShare:0.#} %) are of the class that this one is mistaken for, "
                + $"{labels[mistakenFor].Name} ({mistakenFor}), and {cost.Open} of those open the gate: "
                + $"about {100 * cost.OpenShare:0.0} % of ordinary images may change, and shutting out the rest costs generalization. "
                + $"--set leak=… below {settings["leak"]} changes less, above it generalizes more; --guard 0.99 --locality DIR finds the bound"));
        }
    }

    static void Warn(Terminal terminal, LocalityOutcome outcome)
    {
        foreach ((_, string why) in outcome.Skipped)
            terminal.Note($"warning: skipped, {why}");
    }

    // The method's defaults, and what --set and the options say, if it has such a setting.
    IReadOnlyDictionary<string, string> Settings(ParseResult parsed, Method method)
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
        if (parsed.GetValue(_guard) is not null && method.GeneralitySettings.FirstOrDefault(given.ContainsKey) is string searched)
            throw new BadInputException($"--guard searches for the {searched}; leave it out of --set.");
        IReadOnlyDictionary<string, string> settings = method.Grid(Sweep.Published, given)[0];
        if (settings.GetValueOrDefault("locator") == Locators.All && given.TryGetValue("keep", out IReadOnlyList<string>? keep) && keep[0] != settings["keep"])
            throw new BadInputException($"--locator {Locators.All} edits every unit, but --keep is {keep[0]}; leave out --keep, or choose another locator.");
        method.Validate(settings);
        return settings;

        void Take(string option, string name, string value)
        {
            if (!method.Settings.Any(s => s.Name == name))
                throw new BadInputException($"{option} gives {name}, which {method.Name} does not have; its settings are {string.Join(", ", method.Settings.Select(s => s.Name))}.");
            if (!given.TryAdd(name, [value]))
                throw new BadInputException($"The setting {name} is given twice.");
        }
    }

    static bool Given(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    Hypernetwork? LoadHypernetwork(ParseResult parsed, string? locator, SplitVit split, Terminal terminal, MakingCommands commands)
    {
        string? path = parsed.GetValue(_locatorFile);
        if (locator != Locators.Hypernetwork)
            return path is null ? null : throw new BadInputException("--locator-file is for --locator hypernetwork only.");
        return HypernetworkFile.Load(ShippedLocators.Choose(path, split.Model, split.Space, terminal, commands));
    }

    static void Print(Terminal terminal, EditJson e, bool written, Unedited against)
    {
        terminal.Line($"{e.Image}{(e.Images.Count > 1 ? $" and {e.Images.Count - 1} more" : "")} → {e.Label.Name} ({e.Label.Index})");
        int width = e.Before.Max(p => Predictions.Text(p).Length);
        terminal.Line($"  {"before".PadRight(width)}    after");
        for (int i = 0; i < e.Before.Count; i++)
            terminal.Line($"  {Predictions.Text(e.Before[i]).PadRight(width)}    {Predictions.Text(e.After[i])}");
        if (e.EachImage.Count > 1 || !e.Success)
        {
            terminal.Line($"  {e.Label.Name}, image by image");
            foreach (EditedImageJson image in e.EachImage)
                terminal.Line($"    {image.Image}: {100 * image.ProbabilityBefore:0.00} → {100 * image.Probability:0.00} %{Verdict(image)}");
        }
        terminal.Line();
        terminal.Line(e.Success
            ? "corrected"
            : $"NOT corrected: {e.StillWrong.Count} of {e.Images.Count} {(e.Images.Count == 1 ? "image is" : "images are")} still wrong");
        terminal.Line($"  steps      {e.Steps} in {e.Seconds:0.0} s");
        if (e.Method != Masked.Name)
            terminal.Line($"  method     {e.Method}: {string.Join(", ", e.Settings.Select(s => $"{s.Key} {s.Value}"))}");
        terminal.Line($"  touched    {(e.Units > 0 ? $"{e.Units} units, " : "")}{e.Parameters} parameters{(e.Locator is null ? $" (blocks {e.Blocks})" : $" ({e.Locator}, keep {e.Keep:0.###}, blocks {e.Blocks})")}");
        PrintCurve(terminal, e, e.LocalityImages ?? 0, against);
        if (e.LocalityRate is double rate)
        {
            string by = against.Model is null ? "" : $" by {against.Name}";
            terminal.Line(
                $"  locality   {100 * rate:0.00} % of {e.LocalityImages} images keep their prediction{by}; "
                + $"{e.Changed.Count} changed{Kinds(e.Changed)}");
            foreach (ChangedJson c in e.Changed)
            {
                string kind = c.Kind is null ? "" : $", {c.Kind}";
                terminal.Line($"    {c.Image}: {c.Before.Name} ({c.Before.Index}) → {c.After.Name} ({c.After.Index}){kind}");
            }
            PrintLeftOut(terminal, e);
        }
        terminal.Line(written
            ? $"  patch      {e.Patch} ({new FileInfo(e.Patch!).Length / 1024.0:0} KiB)"
            : $"  patch      none was written, since the edit failed; try {(e.Method == Masked.Name ? "more --steps, a larger --lr or --keep" : "other settings with --set")}, or --force to write it all the same");
    }

    static string Verdict(EditedImageJson image) => image.Right
        ? image.AlreadyRight ? ", was right already" : ""
        : $", {(image.AlreadyRight ? "was right and is wrong now" : "still wrong")}: {Predictions.Text(image.After[0]).Trim()}";

    // Where folders say what their images are.
    static string Kinds(IReadOnlyList<ChangedJson> changed)
    {
        if (changed.All(c => c.Kind is null))
            return "";
        IEnumerable<string> kinds = changed.GroupBy(c => c.Kind ?? "of unknown class").OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => $"{g.Count()} {g.Key}");
        return $": {string.Join(", ", kinds)}, by the classes that their folders name";
    }

    static void PrintLeftOut(Terminal terminal, EditJson e)
    {
        if (e.LeftOut.Count == 0)
            return;
        string what = e.LeftOut.Count == 1 ? "it is an edited image" : "they are edited images";
        terminal.Line($"    left out, since {what} by content: {string.Join(", ", e.LeftOut)}");
    }

    static void PrintCurve(Terminal terminal, EditJson e, int images, Unedited against)
    {
        if (e.Guard is not double guard)
            return;
        string other = against.Model is null ? " (--base names the unedited model where this one was edited before)" : "";
        terminal.Line(
            $"  guard      {100 * guard:0.##} % of {images} images keep their prediction by {against.Name}{other}; "
            + "tried, the most general first:");
        foreach (GuardPoint p in e.Curve)
            terminal.Line($"    {Place(Methods.Find(e.Method), p.Setting)}  {100 * p.Locality,6:0.00} % kept{(p.Success ? "" : ", not corrected")}{(p.Setting == e.GuardedSetting ? "  ← chosen" : "")}");
    }

    // Patch and images may move together; where there is no way from one to the other (another drive), it is absolute.
    static string FromPatch(string patch, string image) =>
        Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(patch))!, Path.GetFullPath(image)).Replace(Path.DirectorySeparatorChar, '/');

    // A model of half precision is its own twin.
    static string? Rounded(VitModel model, ScalarType type) => model.FingerprintAs(type) is string rounded && rounded != model.Fingerprint ? rounded : null;

    sealed record LocalityOutcome(LocalityMeasurement Measurement, IReadOnlyList<string> Files, IReadOnlyList<(string File, string Why)> Skipped);

    /// <summary>What locality is measured on, and against.</summary>
    /// <param name="Model">The unedited model, cut like the edited one; null where that is the unedited one itself.</param>
    /// <param name="Name">Its file.</param>
    /// <param name="Images">The locality images; null for none.</param>
    /// <param name="LeftOut">Those that are edited ones.</param>
    /// <param name="Labels">The classes' names.</param>
    sealed record Unedited(SplitVit? Model, string Name, ImageFolder? Images, IReadOnlyList<string> LeftOut, LabelSet Labels)
    {
        readonly FolderClasses? _classes = Images is null ? null : new FolderClasses(Images, Labels);

        public string? Kind(string file, PredictionChange change) => _classes?.Of(file) is not { } right ? null
            : right.Contains(change.Before) ? right.Contains(change.After) ? null : "damaged"
            : right.Contains(change.After) ? "corrected" : "wrong";
    }

    /// <summary>What was asked for, as the report repeats it.</summary>
    sealed record Asked(
        string[] Paths, LabelSet Labels, int Label, SplitVit Split, string Method, IReadOnlyDictionary<string, string> Settings, int Seed, Unedited Against)
    {
        public EditJson Report(Tensor before, Tensor after, EditResult? result, LocalityOutcome? outcome, string? output, double seconds, double? guard, GuardedEdit? guarded)
        {
            IReadOnlyList<EditedImageJson> each = Each(before, after);
            return new()
            {
                Image = Paths[0],
                Images = Paths,
                Label = Class(Label),
                Before = Predictions.Top(before[0], Shown, Labels),
                After = Predictions.Top(after[0], Shown, Labels),
                EachImage = each,
                AlreadyRight = each.All(i => i.AlreadyRight),
                StillWrong = [.. each.Where(i => !i.Right).Select(i => i.Image)],
                Success = result?.Success ?? true,
                Steps = result?.Steps ?? 0,
                Seconds = Math.Round(seconds, 3),
                Units = result?.Patch.Change is WeightDelta { Units: var units } ? units.Count : 0,
                Parameters = result?.Patch.Change.Parameters ?? 0,
                LocalityModel = Against.Images is null ? null : (Against.Model ?? Split).Model.Fingerprint,
                LocalityRate = outcome?.Measurement.Rate,
                LocalityImages = outcome?.Measurement.Images,
                Changed = outcome is null ? [] : [.. outcome.Measurement.Changed.Select(c =>
                    new ChangedJson(outcome.Files[c.Image], Class(c.Before), Class(c.After), Against.Kind(outcome.Files[c.Image], c)))],
                LeftOut = Against.LeftOut,
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
        }

        EditedImageJson[] Each(Tensor before, Tensor after)
        {
            using DisposeScope scope = NewDisposeScope();
            (double Right, bool IsRight)[] was = Right(before), now = Right(after);
            return [.. Paths.Select((path, i) =>
                new EditedImageJson(
                    path, was[i].IsRight, now[i].IsRight, was[i].Right, now[i].Right, Predictions.Top(after[i], Shown, Labels)))];
        }

        (double Probability, bool IsRight)[] Right(Tensor logits)
        {
            float[] probabilities = [.. special.softmax(logits, 1).select(1, Label).data<float>()];
            long[] classes = [.. logits.argmax(1).data<long>()];
            return [.. probabilities.Zip(classes, (p, c) => ((double)p, c == Label))];
        }

        ClassJson Class(int index) => new(index, Labels[index].Name);

        double? Number(string knob) => Settings.TryGetValue(knob, out string? text) ? double.Parse(text, CultureInfo.InvariantCulture) : null;
    }
}
