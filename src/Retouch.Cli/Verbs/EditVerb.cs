using System.CommandLine;
using System.Diagnostics;
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
    static readonly string[] Locators = ["hypernetwork", "gradient", "random", "all"];
    static readonly MaskedFineTuningSettings Published = new();

    readonly ModelOptions _model;
    readonly BlocksOption _blocks;
    readonly Option<string[]> _images = new("--image") { Description = "The image that the model gets wrong, or several of the same class.", Required = true, AllowMultipleArgumentsPerToken = true, HelpName = "FILE" };
    readonly Option<string> _label = new("--label") { Description = "The class it should have: an index, a WordNet id or a name.", Required = true, HelpName = "CLASS" };
    readonly Option<string> _locator = new("--locator") { Description = "What says where to edit.", DefaultValueFactory = _ => "hypernetwork", HelpName = string.Join('|', Locators) };
    readonly Option<string?> _locatorFile = new("--locator-file") { Description = "A hypernetwork trained for this model; by default the one that comes with Retouch, if there is one.", HelpName = "FILE" };
    readonly Option<double> _keep = new("--keep") { Description = "The share of hidden units to edit, above 0 and at most 1 (1 for --locator all).", DefaultValueFactory = _ => Published.KeepRatio, HelpName = "RATIO" };
    readonly Option<string?> _locality = new("--locality") { Description = "A folder of other images, to measure what else changed.", HelpName = "DIR" };
    readonly Option<double> _lr = new("--lr") { Description = "RMSprop's step size.", DefaultValueFactory = _ => Published.LearningRate, HelpName = "RATE" };
    readonly Option<int> _steps = new("--steps") { Description = "Steps at most.", DefaultValueFactory = _ => Published.MaxSteps, HelpName = "N" };
    readonly Option<int> _seed = new("--seed") { Description = "The seed of everything random.", HelpName = "N" };
    readonly Option<string> _out = new("--out") { Description = "The patch to write.", Required = true, HelpName = "FILE" };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing patch." };
    readonly Option<bool> _force = new("--force") { Description = "Edit even if the model already gives the label, and write the patch even if the edit fails." };

    public EditVerb() : base("edit", "Correct a mistake: find the units responsible, edit only those, and write a patch.", reports: true)
    {
        _locator.CompletionSources.Add(Locators);
        Require<string>(_locator, Locators.Contains, $"one of {string.Join(", ", Locators)}");
        Require<double>(_keep, keep => keep is > 0 and <= 1, "a number above 0 and at most 1");
        Require<double>(_lr, lr => double.IsFinite(lr) && lr > 0, "a finite number above 0");
        Require<int>(_steps, steps => steps >= 1, "a whole number of at least 1");
        Require<int>(_seed, _ => true, "a whole number");
        _model = new ModelOptions(this);
        foreach (Option option in (Option[])[_images, _label, _out, _locality, _locator, _locatorFile])
            Add(option);
        _blocks = new BlocksOption(this);
        foreach (Option option in (Option[])[_keep, _lr, _steps, _seed, _overwrite, _force])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        AtomicFile.CheckWritable(output, parsed.GetValue(_overwrite));
        MaskedFineTuningSettings settings = Settings(parsed);
        ImageFolder? locality = parsed.GetValue(_locality) is string folder ? ImageFolder.Open(folder) : null;

        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = _model.Load(parsed, terminal);
        LabelSet labels = _model.Labels(parsed, file);
        int label = labels.Resolve(parsed.GetRequiredValue(_label));
        string[] paths = parsed.GetRequiredValue(_images);
        SplitVit split = new(file.Model, _blocks.Space(parsed, file.Model));
        using Hypernetwork? network = LoadHypernetwork(parsed, split, terminal);
        MaskedFineTuning editor = new(Locator(parsed, network), settings);
        ModelOptions.PrintPreprocessing(file, terminal);

        using PrefixState state = split.Prefix(ImageLoader.LoadBatch(paths, file.Preprocessing));
        Tensor before = split.Logits(state);
        if (!parsed.GetValue(_force) && before.argmax(1).eq(label).all().item<bool>())
        {
            terminal.Line($"Nothing to correct: the model already says {labels[label].Name} ({label}). No patch was written; --force edits all the same.");
            terminal.Object(Report(paths, labels, label, before, before, null, null, output: null, split, settings, editor, parsed, 0), JsonOutput.Default.EditJson);
            return App.Ok;
        }

        Failure failure = new(state, label) { Images = [.. paths.Select(p => new PatchImage(Path.GetFileName(p), Hash(p)))] };
        Stopwatch clock = Stopwatch.StartNew();
        using EditResult result = terminal.Progress("editing", settings.MaxSteps, report =>
            editor.Edit(split, [failure], new Told<EditProgress>(p => report(p.Step, $"step {p.Step}, loss {p.Loss:0.000}")), cancellation)[0]);
        double seconds = clock.Elapsed.TotalSeconds;
        if (!result.Patch.Delta.Norms().All(double.IsFinite))
            throw new BadInputException($"The edit diverged, its weights are no numbers any more; use a smaller --lr than {settings.LearningRate}.");
        terminal.Detail($"edited: {result.Steps} steps, last loss {result.Losses[^1]:0.0000}");
        Tensor after = split.Logits(state, result.Patch.Delta);

        LocalityOutcome? outcome = null;
        if (locality is not null)
        {
            outcome = terminal.Progress("measuring locality", locality.Files.Count, report =>
            {
                (LocalityMeasurement measurement, IReadOnlyList<string> files, IReadOnlyList<(string File, string Why)> skipped) =
                    Locality.Measure(split, result.Patch.Delta, locality, file.Preprocessing, new Told<int>(done => report(done, null)), cancellation);
                return new LocalityOutcome(measurement, files, skipped);
            });
            foreach ((_, string why) in outcome.Skipped)
                terminal.Note($"warning: skipped, {why}");
        }

        bool write = result.Success || parsed.GetValue(_force);
        if (write)
        {
            Patch patch = result.Patch.With(result.Patch.Provenance with
            {
                LabelName = labels.HasNames ? labels[label].Name : null,
                Preprocessing = file.Preprocessing.ToString(),
                Measurements = result.Patch.Provenance.Measurements! with { LocalityRate = outcome?.Measurement.Rate, LocalityImages = outcome?.Measurement.Images },
            });
            PatchFile.Save(patch, output, parsed.GetValue(_overwrite));
        }
        EditJson summary = Report(paths, labels, label, before, after, result, outcome, write ? output : null, split, settings, editor, parsed, seconds);
        terminal.Object(summary, JsonOutput.Default.EditJson);
        Print(terminal, summary, write);
        return result.Success ? App.Ok : App.Failed;
    }

    MaskedFineTuningSettings Settings(ParseResult parsed)
    {
        double keep = parsed.GetValue(_keep);
        if (parsed.GetValue(_locator) == "all")
        {
            if (parsed.GetResult(_keep) is { Implicit: false } && keep != 1)
                throw new BadInputException($"--locator all edits every unit, but --keep is {keep}; leave out --keep, or choose another locator.");
            keep = 1;
        }
        MaskedFineTuningSettings settings = Published with
        {
            KeepRatio = keep,
            LearningRate = parsed.GetValue(_lr),
            MaxSteps = parsed.GetValue(_steps),
            Seed = parsed.GetValue(_seed),
        };
        settings.Validate();
        return settings;
    }

    Hypernetwork? LoadHypernetwork(ParseResult parsed, SplitVit split, Terminal terminal)
    {
        string? path = parsed.GetValue(_locatorFile);
        if (parsed.GetValue(_locator) != "hypernetwork")
            return path is null ? null : throw new BadInputException("--locator-file is for --locator hypernetwork only.");
        return HypernetworkFile.Load(ShippedLocators.Choose(path, split.Model, split.Space, terminal));
    }

    ILocator Locator(ParseResult parsed, Hypernetwork? network) => parsed.GetValue(_locator) switch
    {
        "gradient" => new GradientLocator(),
        "random" => new RandomLocator(parsed.GetValue(_seed)),
        "all" => new AllLocator(),
        _ => new HypernetworkLocator(network!),
    };

    EditJson Report(string[] paths, LabelSet labels, int label, Tensor before, Tensor after, EditResult? result, LocalityOutcome? outcome, string? output,
        SplitVit split, MaskedFineTuningSettings settings, IEditor editor, ParseResult parsed, double seconds) => new()
        {
            Image = paths[0],
            Images = paths,
            Label = Class(labels, label),
            Before = Predictions.Top(before[0], Shown, labels),
            After = Predictions.Top(after[0], Shown, labels),
            Success = result?.Success ?? true,
            Steps = result?.Steps ?? 0,
            Seconds = Math.Round(seconds, 3),
            Units = result?.Patch.Delta.Units.Count ?? 0,
            Parameters = result?.Patch.Delta.Units.Parameters ?? 0,
            LocalityRate = outcome?.Measurement.Rate,
            LocalityImages = outcome?.Measurement.Images,
            Changed = outcome is null ? [] : [.. outcome.Measurement.Changed.Select(c => new ChangedJson(outcome.Files[c.Image], Class(labels, c.Before), Class(labels, c.After)))],
            Skipped = outcome is null ? [] : [.. outcome.Skipped.Select(s => s.File)],
            Patch = output,
            Model = split.Model.Fingerprint,
            Method = editor.Name,
            Locator = parsed.GetRequiredValue(_locator),
            Blocks = split.Space.BlockRange,
            Keep = settings.KeepRatio,
            LearningRate = settings.LearningRate,
            Seed = settings.Seed,
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
        terminal.Line($"  touched    {e.Units} units, {e.Parameters} parameters ({e.Locator}, keep {e.Keep:0.###}, blocks {e.Blocks})");
        if (e.LocalityRate is double rate)
        {
            terminal.Line($"  locality   {100 * rate:0.00} % of {e.LocalityImages} images keep their prediction; {e.Changed.Count} changed");
            foreach (ChangedJson c in e.Changed)
                terminal.Line($"    {c.Image}: {c.Before.Name} ({c.Before.Index}) → {c.After.Name} ({c.After.Index})");
        }
        terminal.Line(written
            ? $"  patch      {e.Patch} ({new FileInfo(e.Patch!).Length / 1024.0:0} KiB)"
            : "  patch      none was written, since the edit failed; try more --steps, a larger --lr or --keep, or --force to write it all the same");
    }

    static ClassJson Class(LabelSet labels, int index) => new(index, labels[index].Name);

    static string Hash(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    sealed record LocalityOutcome(LocalityMeasurement Measurement, IReadOnlyList<string> Files, IReadOnlyList<(string File, string Why)> Skipped);
}
