using Retouch.Benchmarks;
using Retouch.Measurement;

namespace Retouch.Cli.Verbs;

/// <summary>A run's summary as a table.</summary>
static class BenchTable
{
    public static void Print(Terminal terminal, IReadOnlyList<SettingSummary> summary)
    {
        foreach (SettingSummary s in summary)
            terminal.Object(s, JsonOutput.Default.SettingSummary);
        bool several = summary.Any(s => s.Samples != 1);
        bool sequential = summary.Any(s => s.Mode == BenchMode.Sequential);
        bool near = summary.Any(s => s.NegativeFlips is not null || s.NetGain is not null);
        int? mined = summary.Max(s => s.MinedImages);
        Column[] columns =
        [
            new("setting", s => $"{(s.OnFront ? "*" : " ")} {BenchSetting.Describe(s.Method, s.Settings)}"),
            new("mode", s => s.Mode.ToString().ToLowerInvariant(), summary.Any(s => s.Mode != BenchMode.Single)),
            new("images/edit", s => s.Samples is int k ? $"{k}" : "group", several),
            new("edits", s => $"{s.Edits}"),
            new("SR %", s => Percent(s.Success.Mean)),
            new("GR % (95 % CI)", s => Interval(s.Generalization)),
            new("LR % (95 % CI)", s => Elsewhere(s, s.Locality)),
            new("sensitive LR %", s => Elsewhere(s, s.SensitiveLocality)),
            new($"LR % of {mined} sensitive (95 % CI)", s => Elsewhere(s, s.MinedLocality), mined is not null),
            new("neg. flips % (95 % CI)", s => Interval(s.NegativeFlips), near),
            new("net gain", s => s.NetGain is double gain ? $"{gain:+0.0;-0.0;0.0}" : "–", near),
            new("earlier right %", s => Interval(s.EarlierSuccess), sequential),
            new("right at end %", s => s.FinalSuccess is double share ? Percent(share) : "–", sequential),
            new("LR at end %", s => s.FinalLocality is double share ? Percent(share) : "–", sequential),
            new("steps", s => $"{s.Steps:0.0}"),
            new("s/edit", s => $"{s.Seconds:0.00}"),
            new("units", s => $"{s.Units:0}"),
        ];
        columns = [.. columns.Where(c => c.Shown)];
        string[][] rows =
        [
            [.. columns.Select(c => c.Title)],
            .. summary.Select(s => columns.Select(c => c.Cell(s)).ToArray()),
        ];
        Print(terminal, rows);
        terminal.Line(
            $"* on the Pareto front of GR and LR{(several ? " among edits on as many images" : "")}; intervals from a "
                + "bootstrap over groups"
        );
        if (mined is int images)
            terminal.Line(
                $"LR of {images} sensitive: over the images of --sensitive that the model is unsure of, as the paper "
                    + "measures locality; without those of the edit's own group"
            );
        if (near)
            terminal.Line(
                "negative flips: of the near images that were right, the share that an edit makes wrong; net gain: "
                    + "near images made right less those made wrong, an edit"
            );
        if (summary.Any(s => s.Mode == BenchMode.Folder))
            terminal.Line(
                "of a folder: one edit of all groups together, each image to its own class; SR of the images that it "
                    + "saw, GR of those that were held out, negative flips of the right ones that it did not see; "
                    + "their intervals from a bootstrap over the near images' folders"
            );
        if (sequential)
            terminal.Line(
                "of a sequence: means over its steps, each measured on all edits so far, and its end; LR is against "
                    + "the unedited model"
            );
    }

    /// <summary>Rows of cells under each other, the first column to the left.</summary>
    public static void Print(Terminal terminal, string[][] rows)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(c => rows.Max(r => r[c].Length))];
        foreach (string[] row in rows)
            terminal.Line(
                string.Join("  ", row.Select((cell, c) => c == 0 ? cell.PadRight(widths[c]) : cell.PadLeft(widths[c])))
            );
    }

    public static string Percent(double share) => $"{100 * share:0.00}";

    // One edit of all groups together does the same elsewhere whatever groups are drawn.
    static string Elsewhere(SettingSummary s, Estimate? e) =>
        s.Mode == BenchMode.Folder && e is { } x ? Percent(x.Mean) : Interval(e);

    public static string Interval(Estimate? e) =>
        e is { } x ? $"{Percent(x.Mean)} ({Percent(x.Low)}–{Percent(x.High)})" : "–";

    sealed record Column(string Title, Func<SettingSummary, string> Cell, bool Shown = true);
}
