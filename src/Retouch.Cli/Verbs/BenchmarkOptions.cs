using System.CommandLine;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>The options that name a model, a benchmark and where its images are.</summary>
sealed class BenchmarkOptions
{
    readonly ModelOptions _model;
    readonly Option<string> _benchmark = new("--benchmark") { Description = "The benchmark, which 'mine' writes.", Required = true, HelpName = "FILE" };
    readonly Option<string[]> _images = new("--images") { Description = "The folders that it was mined from, in any order.", Required = true, AllowMultipleArgumentsPerToken = true, HelpName = "DIR" };
    readonly Option<string?>? _locality;
    readonly MemoryOption _memory;

    public BenchmarkOptions(Command command, bool withLocality = true, bool withLabels = false)
    {
        _model = new ModelOptions(command, withLabels);
        command.Add(_benchmark);
        command.Add(_images);
        if (withLocality)
            command.Add(_locality = new("--locality") { Description = "The folder of its locality images.", HelpName = "DIR" });
        _memory = new MemoryOption(command);
    }

    public Benchmark Read(ParseResult parsed)
    {
        Benchmark benchmark = BenchmarkFile.Load(parsed.GetRequiredValue(_benchmark));
        return _locality is null ? benchmark with { Locality = [] } : benchmark;
    }

    /// <inheritdoc cref="ModelOptions.Arguments"/>
    public string ModelArguments(ParseResult parsed) => _model.Arguments(parsed);

    /// <summary>Says how many locality images are also edited ones, by their bytes: they do not count for the edits of their groups.</summary>
    public static void SayShared(Terminal terminal, Benchmark benchmark)
    {
        int all = benchmark.Locality.Count, shared = all - benchmark.Unrelated(Enumerable.Range(0, benchmark.Groups.Count)).Count;
        if (shared > 0)
        {
            terminal.Note(
                $"{shared} of {all} locality images are also images of the benchmark's groups, by their content; "
                + "an edit's LR leaves out those of its own group");
        }
    }

    /// <summary>Whether a benchmark has nothing to edit, because its model gets everything right; says so.</summary>
    /// <exception cref="BadInputException">It is another model's.</exception>
    public static bool IsEmpty(Benchmark benchmark, VitModel model, Terminal terminal)
    {
        benchmark.RequireModel(model);
        if (benchmark.Groups.Count > 0)
            return false;
        const string nothing =
            "The benchmark is empty: the model got every image right when it was mined, so there is nothing to edit "
            + "and nothing was written.";
        if (terminal.Json)
            terminal.Note(nothing);
        terminal.Line(nothing);
        return true;
    }

    public ModelFile LoadModel(ParseResult parsed, Terminal terminal) => _model.Load(parsed, terminal);

    /// <summary>The names of the model's classes; null where the user gave none.</summary>
    public LabelSet? Labels(ParseResult parsed, ModelFile file) => _model.Labels(parsed, file) is { HasNames: true } labels ? labels : null;

    /// <summary>Where the groups' images and the locality images are.</summary>
    public (ImageRoots Images, ImageRoots? Locality) Roots(ParseResult parsed) =>
        (new ImageRoots(parsed.GetRequiredValue(_images)), _locality is not null && parsed.GetValue(_locality) is string folder ? new ImageRoots([folder]) : null);

    /// <summary>What loads a benchmark's images, which are found and checked here, for any cut of the model.</summary>
    public Func<SplitVit, BenchData> Loader(ParseResult parsed, ModelFile file, Benchmark benchmark, CancellationToken cancellation)
    {
        (ImageRoots images, ImageRoots? locality) = Roots(parsed);
        BenchData.Find(benchmark, images, locality);
        return split => BenchData.Load(split, benchmark, file.Preprocessing, images, locality, memory: _memory.Bytes(parsed), cancellation: cancellation);
    }

    public BenchData LoadData(ParseResult parsed, Terminal terminal, SplitVit split, ModelFile file, Benchmark benchmark, CancellationToken cancellation)
    {
        (ImageRoots images, ImageRoots? locality) = Roots(parsed);
        ModelOptions.PrintPreprocessing(file, terminal);
        return terminal.Progress("loading images", benchmark.Groups.Sum(g => g.Images.Count) + benchmark.Locality.Count, report =>
            BenchData.Load(split, benchmark, file.Preprocessing, images, locality, new Told<int>(done => report(done, null)), _memory.Bytes(parsed), cancellation));
    }
}
