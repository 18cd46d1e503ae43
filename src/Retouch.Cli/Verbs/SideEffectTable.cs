using Retouch.Benchmarks;
using Retouch.Measurement;

namespace Retouch.Cli.Verbs;

/// <summary>What edits by methods' defaults do to accuracy elsewhere, as a table.</summary>
static class SideEffectTable
{
    public static void Print(Terminal terminal, IReadOnlyList<SideEffectSummary> summary)
    {
        if (summary.Count == 0)
            return;
        terminal.Object(new SideEffectsJson(summary), JsonOutput.Default.SideEffectsJson);
        terminal.Line();
        terminal.Line("side effects of one edit: change of accuracy in points (95 % CI)");
        BenchTable.Print(
            terminal,
            [
                [
                    "method",
                    "edits",
                    .. summary[0].Lines.Select(l => Name(l.Shift)),
                    "neg. flips %, clean",
                    "corrupted",
                    "worst class, clean",
                    "corrupted",
                ],
                [
                    "  unedited, accuracy %",
                    "",
                    .. summary[0].Lines.Select(l => BenchTable.Percent(l.Unedited)),
                    "",
                    "",
                    "",
                    "",
                ],
                .. summary.Select(s =>
                    (string[])
                        [
                            "  " + BenchSetting.Describe(s.Method, s.Settings),
                            $"{s.Edits}",
                            .. s.Lines.Select(l => Points(l.Change)),
                            BenchTable.Interval(s.Lines[0].NegativeFlips),
                            BenchTable.Interval(s.CorruptedFlips),
                            Worst(s.Worst),
                            Worst(s.WorstCorrupted),
                        ]
                ),
            ]
        );
        terminal.Line(
            "corrupted: means over strengths "
                + $"{string.Join(", ", Corruption.Strengths.Select(s => $"{s}"))}; worst class: the one that an edit "
                + "costs most, edit by edit; without the images of the edit's own group"
        );
        terminal.Line();
    }

    static string Name(string? shift) => shift ?? "clean";

    static string Points(Estimate? change) =>
        change is { } c ? $"{Signed(c.Mean)} ({Signed(c.Low)} to {Signed(c.High)})" : "–";

    static string Signed(double share) => $"{100 * share:+0.00;-0.00;0.00}";

    static string Worst(WorstClass? worst) =>
        worst is null ? "–"
        : worst.Edits.Count == 0 ? Signed(worst.Change.Mean)
        : $"{Signed(worst.Change.Mean)} {string.Join(", ", worst.Edits.Select(c => $"{c.Key} {c.Value}×"))}";
}
