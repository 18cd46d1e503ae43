using Retouch.Evaluation;

namespace Retouch.Cli.Verbs;

/// <summary>A run's summary as a table.</summary>
static class BenchTable
{
    public static void Print(Terminal terminal, IReadOnlyList<SettingSummary> summary)
    {
        foreach (SettingSummary s in summary)
            terminal.Object(s, JsonOutput.Default.SettingSummary);
        string[][] rows =
        [
            ["setting", "edits", "SR %", "GR % (95 % CI)", "LR % (95 % CI)", "sensitive LR %", "steps", "s/edit", "units"],
            .. summary.Select(s => (string[])
            [
                $"{(s.OnFront ? "*" : " ")} {BenchSetting.Describe(s.Method, s.Settings)}", $"{s.Edits}", Percent(s.Success.Mean), Interval(s.Generalization), Interval(s.Locality),
                Interval(s.SensitiveLocality), $"{s.Steps:0.0}", $"{s.Seconds:0.00}", $"{s.Units:0}",
            ]),
        ];
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(c => rows.Max(r => r[c].Length))];
        foreach (string[] row in rows)
            terminal.Line(string.Join("  ", row.Select((cell, c) => c == 0 ? cell.PadRight(widths[c]) : cell.PadLeft(widths[c]))));
        terminal.Line("* on the Pareto front of GR and LR; intervals from a bootstrap over groups");
    }

    static string Percent(double share) => $"{100 * share:0.00}";

    static string Interval(Estimate? e) => e is { } x ? $"{Percent(x.Mean)} ({Percent(x.Low)}–{Percent(x.High)})" : "–";
}
