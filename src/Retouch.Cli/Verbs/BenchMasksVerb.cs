using System.CommandLine;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>bench masks</c>: how specific a locator's masks are to groups.</summary>
sealed class BenchMasksVerb : Verb
{
    static readonly string[] Locators = ["hypernetwork", "gradient", "random"];
    const double PublishedKeep = 0.05;

    readonly BenchmarkOptions _benchmark;
    readonly BlocksOption _blocks;
    readonly Option<string> _locator = new("--locator")
    {
        Description = "What makes the masks.",
        DefaultValueFactory = _ => "hypernetwork",
        HelpName = string.Join('|', Locators),
    };
    readonly Option<string?> _locatorFile = new("--locator-file")
    {
        Description = "A trained hypernetwork for this model.",
        HelpName = "FILE",
    };
    readonly Option<double> _keep = new("--keep")
    {
        Description = "The share of units in a mask.",
        DefaultValueFactory = _ => PublishedKeep,
        HelpName = "RATIO",
    };
    readonly Option<int> _seed = new("--seed") { Description = "The seed of random masks.", HelpName = "N" };
    readonly Option<string?> _out = new("--out")
    {
        Description = "A run's folder, in whose masks.json the comparison is kept for the report.",
        HelpName = "DIR",
    };

    public BenchMasksVerb()
        : base("masks", "Compare a locator's masks within groups and across them.", reports: true)
    {
        Require<string>(_locator, Locators.Contains, $"one of {string.Join(", ", Locators)}");
        Require<double>(_keep, keep => keep is > 0 and <= 1, "a number above 0 and at most 1");
        Require<int>(_seed, _ => true, "a whole number");
        _benchmark = new BenchmarkOptions(this, withLocality: false);
        foreach (Option option in (Option[])[_locator, _locatorFile])
            Add(option);
        _blocks = new BlocksOption(this);
        foreach (Option option in (Option[])[_keep, _seed, _out])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string name = parsed.GetRequiredValue(_locator);
        string? locatorFile = parsed.GetValue(_locatorFile);
        using ModelFile file = _benchmark.LoadModel(parsed, terminal);
        SplitVit split = new(file.Model, _blocks.Space(parsed, file.Model));
        locatorFile =
            name == "hypernetwork"
                ? TrainedLocators.Choose(
                    new()
                    {
                        Locator = locatorFile,
                        MadeFor = new() { Model = _benchmark.ModelArguments(parsed) },
                    },
                    file.Model,
                    split.Space,
                    terminal
                )
                : null;
        using Hypernetwork? network = locatorFile is null ? null : HypernetworkFile.Load(locatorFile);
        ILocator locator = name switch
        {
            "gradient" => new GradientLocator(),
            "random" => new RandomLocator(parsed.GetValue(_seed), anewForEachFailure: true),
            _ => new HypernetworkLocator(network!),
        };
        BenchmarkSource source = _benchmark.Source(parsed);
        Benchmark benchmark = source.Read(file.Model) with { Locality = [] };
        if (benchmark.Groups.Count == 0)
            return BenchmarkOptions.SayEmpty(terminal);
        terminal.Note(ModelNotes.Preprocessing(file));
        using BenchData data = source.Load(split, file, benchmark, near: null, sensitive: null, terminal, cancellation);
        MaskSpecificity specificity = MaskSpecificity.Measure(
            split,
            benchmark,
            data,
            locator,
            parsed.GetValue(_keep),
            cancellation
        );

        string? written = parsed.GetValue(_out) is not string folder
            ? null
            : MaskFile.Add(
                folder,
                new MaskComparison
                {
                    Model = file.Model.Fingerprint,
                    Locator = name,
                    LocatorFile = locatorFile is null ? null : ImageRoots.Hash(locatorFile)[..12],
                    Keep = parsed.GetValue(_keep),
                    Seed = parsed.GetValue(_seed),
                    Specificity = specificity,
                }
            );

        terminal.Object(specificity, JsonOutput.Default.MaskSpecificity);
        terminal.Line($"mean IoU of {name} masks, keep {parsed.GetValue(_keep)}");
        terminal.Line($"  within groups   {specificity.Within:0.0000}");
        if (specificity.Across is double across)
            terminal.Line($"  across groups   {across:0.0000}");
        for (int g = 0; g < specificity.Groups.Count; g++)
            terminal.Line($"  {specificity.Matrix[g][g]:0.0000}  {specificity.Groups[g]}");
        if (written is not null)
            terminal.Line($"masks  {written}");
        return App.Ok;
    }
}
