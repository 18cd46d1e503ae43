using System.CommandLine;
using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;

namespace Retouch.Cli.Verbs;

/// <summary><c>solve-targets</c>: fills a target bank.</summary>
sealed class SolveTargetsVerb : Verb
{
    readonly ModelOptions _model;
    readonly TargetOptions _targets;
    readonly Option<string> _bank = new("--bank")
    {
        Description = "The folder to keep the targets in; one that exists is filled up.",
        Required = true,
        HelpName = "DIR",
    };
    readonly Option<int> _count = new("--count")
    {
        Description = "How many targets the bank shall have.",
        Required = true,
        HelpName = "N",
    };
    readonly ShardOption _shard;

    public SolveTargetsVerb()
        : base("solve-targets", "Solve target masks on unlabelled images: what a locator is trained on.", reports: true)
    {
        _model = new ModelOptions(this, withLabels: false);
        _targets = new TargetOptions(this, imagesRequired: true);
        Require<int>(_count, count => count >= 1, "a whole number of at least 1");
        Add(_bank);
        Add(_count);
        _shard = new ShardOption(this, "Solve part I of N only; the parts' files go into one folder.");
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        Shard shard = _shard.Of(parsed, terminal, Path.Combine(parsed.GetRequiredValue(_bank), "part.json"));
        using ModelFile file = _model.Load(parsed, terminal);
        ModelOptions.PrintPreprocessing(file, terminal);
        SplitVit split = _targets.Cut(parsed, terminal, file.Model);
        using TargetBankFiller filler = _targets.Filler(parsed, terminal, split, file.Preprocessing)!;
        int count = parsed.GetValue(_count);
        TargetOptions.RequireDisk(split.Space, count, parsed.GetRequiredValue(_bank));
        TargetBank bank = TargetBank.OpenOrCreate(parsed.GetRequiredValue(_bank), filler.Manifest);
        TargetOptions.Fill(terminal, filler, bank, count, shard.Index, shard.Count, cancellation);
        long solved = bank.SolvedOf(count);
        terminal.Line($"{bank.Folder} has {solved} of {count} targets");
        terminal.Object(
            new SolveTargetsJson(
                bank.Folder,
                solved,
                count,
                split.Model.Fingerprint,
                filler.Manifest.Identity(),
                [.. filler.Skipped.Keys]
            ),
            JsonOutput.Default.SolveTargetsJson
        );
        return App.Ok;
    }
}
