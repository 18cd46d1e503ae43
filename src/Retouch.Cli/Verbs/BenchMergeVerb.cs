using System.CommandLine;
using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Reports;

namespace Retouch.Cli.Verbs;

/// <summary><c>bench merge</c>: puts the shards of a run together.</summary>
sealed class BenchMergeVerb : Verb
{
    readonly Argument<string[]> _inputs = new("PATH")
    {
        Description = "The shards' files of rows, or folders that hold them.",
        Arity = ArgumentArity.OneOrMore,
    };
    readonly Option<string> _out = new("--out")
    {
        Description = "The folder for all rows, their summary and the report; it may be one of the folders.",
        Required = true,
        HelpName = "DIR",
    };

    readonly Option<bool> _overwrite = new("--overwrite")
    {
        Description = "Replace a whole run's rows, summary and report that are there already.",
    };

    public BenchMergeVerb()
        : base("merge", "Put the shards of a run together; refuses if a row is missing.", reports: true)
    {
        Add(_inputs);
        Add(_out);
        Add(_overwrite);
    }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string folder = parsed.GetRequiredValue(_out);
        string[] files = [.. parsed.GetRequiredValue(_inputs).SelectMany(Files)];
        const string verb = "bench merge";
        string rows = Path.Combine(folder, Shard.Whole.FileName);
        if (File.Exists(rows) && !parsed.GetValue(_overwrite))
            throw new BadInputException(
                $"{rows} exists; pass --overwrite to replace it with its summary and its report, or name another "
                    + "folder with --out."
            );
        using WriterLock? early = Directory.Exists(folder) ? BenchFolder.Lock(folder, Shard.Whole, verb) : null;
        IReadOnlyList<SettingSummary> summary = SettingSummary.Of(BenchFolder.Merge(files, folder));
        using WriterLock? late = early is null ? BenchFolder.Lock(folder, Shard.Whole, verb) : null;
        BenchFolder.WriteSummary(folder, summary);
        SideEffects? effects = SideEffectFile.Read(folder);
        BenchReport.Write(
            Path.Combine(folder, BenchReport.FileName),
            BenchComparison.Of([ReportRun.Read(folder)]),
            labels: null,
            gallery: [],
            overwrite: true
        );
        BenchTable.Print(terminal, summary);
        SideEffectTable.Print(terminal, effects is null ? [] : SideEffectSummary.Of(effects));
        terminal.Line($"rows    {rows}");
        terminal.Line($"report  {Path.Combine(folder, BenchReport.FileName)}");
        return App.Ok;
    }

    static IEnumerable<string> Files(string path)
    {
        if (!Directory.Exists(path))
            return [path];
        string[] shards = [.. Directory.EnumerateFiles(path, "rows-*-of-*.jsonl").Order(StringComparer.Ordinal)];
        return shards.Length > 0
            ? shards
            : throw new BadInputException(
                $"{path} holds no shard's rows (rows-I-of-N.jsonl); name the folder that 'bench --shard' wrote to."
            );
    }
}
