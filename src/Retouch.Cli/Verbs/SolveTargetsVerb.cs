using System.CommandLine;
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
    readonly Option<string> _shard = new("--shard")
    {
        Description = "Solve part I of N only, I from 0 to N-1; the parts' files go into one folder.",
        DefaultValueFactory = _ => "0/1",
        HelpName = "I/N",
    };

    public SolveTargetsVerb()
        : base("solve-targets", "Solve target masks on unlabelled images: what a locator is trained on.", reports: true)
    {
        _model = new ModelOptions(this, withLabels: false);
        _targets = new TargetOptions(this, imagesRequired: true);
        Require<int>(_count, count => count >= 1, "a whole number of at least 1");
        Require<string>(_shard, text => TargetOptions.Part(text) is not null, "I/N with I from 0 to N-1, as 0/4");
        Add(_bank);
        Add(_count);
        Add(_shard);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        using ModelFile file = _model.Load(parsed, terminal);
        ModelOptions.PrintPreprocessing(file, terminal);
        SplitVit split = _targets.Cut(parsed, terminal, file.Model);
        using TargetBankFiller filler = _targets.Filler(parsed, terminal, split, file.Preprocessing)!;
        int count = parsed.GetValue(_count);
        TargetOptions.RequireDisk(split.Space, count, parsed.GetRequiredValue(_bank));
        TargetBank bank = TargetBank.OpenOrCreate(parsed.GetRequiredValue(_bank), filler.Manifest);
        (int part, int parts) = TargetOptions.Part(parsed.GetRequiredValue(_shard))!.Value;
        TargetOptions.Fill(terminal, filler, bank, count, part, parts, cancellation);
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
