using System.CommandLine;
using Retouch.Evaluation;
using Retouch.Formats;
using Retouch.Images;

namespace Retouch.Cli.Verbs;

/// <summary><c>mine</c>: gathers a model's failures into a benchmark.</summary>
sealed class MineVerb : Verb
{
    static readonly MiningSettings Defaults = new();

    readonly ModelOptions _model;
    readonly Option<string[]> _images = new("--images") { Description = "Folders of images, in folders that are called by their class: its index, WordNet id or name.", Required = true, AllowMultipleArgumentsPerToken = true, HelpName = "DIR" };
    readonly Option<string?> _accept = new("--accept") { Description = "What other folder names mean: JSON such as {\"elephant\": [386, 101, 385]}; all of a list count as right, edits aim at the first, and an empty list leaves the folder out.", HelpName = "FILE" };
    readonly Option<string?> _locality = new("--locality") { Description = "A folder of images that edits should leave alone.", HelpName = "DIR" };
    readonly Option<double> _margin = new("--margin") { Description = "A locality image is sensitive if its two largest probabilities differ by less.", DefaultValueFactory = _ => Defaults.Margin, HelpName = "P" };
    readonly Option<int> _min = new("--min") { Description = "Leave out groups of fewer images, at least 2.", DefaultValueFactory = _ => Defaults.MinImages, HelpName = "N" };
    readonly Option<string> _out = new("--out") { Description = "The benchmark to write.", Required = true, HelpName = "FILE" };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing benchmark." };

    public MineVerb() : base("mine", "Gather what a model gets wrong into groups: a benchmark file of paths and hashes.", reports: true)
    {
        Require<double>(_margin, margin => margin is >= 0 and <= 1, "a number from 0 to 1");
        Require<int>(_min, min => min >= MiningSettings.FewestImages, $"a whole number of at least {MiningSettings.FewestImages}");
        _model = new ModelOptions(this);
        foreach (Option option in (Option[])[_images, _accept, _locality, _margin, _min, _out, _overwrite])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        AtomicFile.CheckWritable(output, parsed.GetValue(_overwrite));
        ImageFolder[] folders = [.. parsed.GetRequiredValue(_images).Select(ImageFolder.Open)];
        ImageFolder? locality = parsed.GetValue(_locality) is string folder ? ImageFolder.Open(folder) : null;
        MiningSettings settings = new() { Margin = parsed.GetValue(_margin), MinImages = parsed.GetValue(_min) };

        using ModelFile file = _model.Load(parsed, terminal);
        LabelSet labels = _model.Labels(parsed, file);
        ClassFolders classes = parsed.GetValue(_accept) is string accept ? ClassFolders.Load(accept, labels) : new ClassFolders(labels);
        ModelOptions.PrintPreprocessing(file, terminal);
        Vit.SplitVit split = new(file.Model);
        int total = folders.Sum(f => f.Files.Count) + (locality?.Files.Count ?? 0);
        MiningResult result = terminal.Progress("mining", total, report =>
            Mining.Mine(split, file.Preprocessing, folders, classes, locality, settings, new Told<int>(done => report(done, null)), cancellation));
        foreach (string skipped in result.Skipped)
            terminal.Note($"warning: {skipped}");
        Benchmark benchmark = result.Benchmark;
        BenchmarkFile.Save(benchmark, output, parsed.GetValue(_overwrite));

        MineJson summary = new()
        {
            Benchmark = output,
            Model = benchmark.ModelFingerprint,
            Images = result.Images,
            Right = result.Right,
            Groups = [.. benchmark.Groups.Select(g => new MinedGroupJson(g.Name, g.Source, g.Class, Class(labels, g.Label), Class(labels, g.Wrong), g.Images.Count))],
            SmallGroups = result.SmallGroups,
            LocalityImages = benchmark.Locality.Count,
            SensitiveImages = benchmark.Sensitive.Count,
            Skipped = result.Skipped,
        };
        terminal.Object(summary, JsonOutput.Default.MineJson);
        Print(terminal, summary, settings);
        return App.Ok;
    }

    static void Print(Terminal terminal, MineJson m, MiningSettings settings)
    {
        terminal.Line($"{m.Right} of {m.Images} images are right ({100.0 * m.Right / m.Images:0.0} %)");
        terminal.Line($"{m.Groups.Count} groups of at least {settings.MinImages}, {m.Groups.Sum(g => g.Images)} images; {m.SmallGroups} smaller ones are left out");
        foreach (MinedGroupJson g in m.Groups)
            terminal.Line($"  {g.Images,4}  {g.Source}/{g.Class} → {g.Wrong.Name} ({g.Wrong.Index})");
        if (m.LocalityImages > 0)
            terminal.Line($"{m.LocalityImages} locality images, {m.SensitiveImages} of them sensitive (margin below {settings.Margin})");
        terminal.Line($"benchmark  {m.Benchmark}");
    }

    static ClassJson Class(LabelSet labels, int index) => new(index, labels[index].Name);
}
