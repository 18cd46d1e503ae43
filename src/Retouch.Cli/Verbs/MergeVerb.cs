using System.CommandLine;
using Retouch.Benchmarks;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>merge</c>: puts the parts together that a verb wrote with <c>--shard</c>.</summary>
sealed class MergeVerb : Verb
{
    readonly Argument<string[]> _parts = new("PATH")
    {
        Description =
            "The parts' files, or folders that hold them; without any, those that lie beside --out. What they are "
            + "parts of they say themselves.",
        Arity = ArgumentArity.ZeroOrMore,
    };
    readonly Option<string> _out = new("--out")
    {
        Description =
            "What to make: the benchmark of 'mine', the answers of 'check', or the folder of 'bench' or of "
            + "'solve-targets', which may be the one that holds the parts.",
        Required = true,
        HelpName = "FILE|DIR",
    };
    readonly Option<bool> _overwrite = new("--overwrite")
    {
        Description = "Replace a whole that is there already, of a run with its summary and report.",
    };

    public MergeVerb()
        : base(
            "merge",
            "Put the parts together that 'solve-targets', 'mine', 'check' or 'bench' wrote with --shard: what one run "
                + "would have written. Refuses where a part is missing, unfinished, there twice or of another run.",
            reports: true
        )
    {
        Add(_parts);
        Add(_out);
        Add(_overwrite);
    }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        MergeReport report = MergeUseCase.Run(
            new MergeRequest
            {
                Parts = parsed.GetValue(_parts) ?? [],
                Output = parsed.GetRequiredValue(_out),
                Overwrite = parsed.GetValue(_overwrite),
            }
        );
        if (report.Unsummed > 0)
            terminal.Note(
                $"{report.Unsummed} of {report.Parts} parts have no SHA-256 beside them, as those of older versions, "
                    + "and are taken as they are"
            );
        if (report.Kind == MergedKind.Run)
        {
            BenchTable.Print(terminal, report.Summary);
            SideEffectTable.Print(terminal, report.SideEffects is { } e ? SideEffectSummary.Of(e) : []);
            terminal.Line($"rows    {report.Output}");
            terminal.Line($"report  {report.Page}");
            return App.Ok;
        }
        terminal.Object(
            new MergeJson(
                report.Output,
                report.Kind switch
                {
                    MergedKind.TargetBank => "targetBank",
                    MergedKind.Benchmark => "benchmark",
                    _ => "check",
                },
                report.Parts,
                report.Items
            ),
            JsonOutput.Default.MergeJson
        );
        if (report.Mining is { } mined)
        {
            terminal.Warnings(mined.Skipped.Select(RemedyText.Of));
            terminal.Line($"{mined.Right} of {mined.Images} images are right");
            terminal.Line(
                $"{mined.Benchmark.Groups.Count} groups, {report.Items} images; {mined.SmallGroups} smaller ones are "
                    + "left out"
            );
        }
        terminal.Line(
            report.Kind switch
            {
                MergedKind.TargetBank => $"{report.Output} has {report.Items} targets of {report.Parts} parts",
                MergedKind.Benchmark => $"benchmark  {report.Output}, of {report.Parts} parts",
                _ => $"{report.Output} has the answers to {report.Items} images, of {report.Parts} parts; 'check' with "
                    + "--resume judges and reports",
            }
        );
        return App.Ok;
    }
}
