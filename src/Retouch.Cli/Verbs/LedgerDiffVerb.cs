using System.CommandLine;
using Retouch.Patches;

namespace Retouch.Cli.Verbs;

/// <summary><c>ledger diff</c>: in what two ledgers differ.</summary>
sealed class LedgerDiffVerb : Verb
{
    readonly Argument<string> _first = new("L1") { Description = "A ledger." };
    readonly Argument<string> _second = new("L2") { Description = "Another, such as the same on another branch." };

    public LedgerDiffVerb()
        : base("diff", "Show which entries and patches only one of two ledgers has.", reports: true)
    {
        Add(_first);
        Add(_second);
    }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        Ledger first = Ledger.Open(parsed.GetRequiredValue(_first));
        Ledger second = Ledger.Open(parsed.GetRequiredValue(_second));
        LedgerEntry[] onlyFirst = Only(first, second);
        LedgerEntry[] onlySecond = Only(second, first);
        LedgerPatch[] patchesFirst = OnlyPatches(first, second);
        LedgerPatch[] patchesSecond = OnlyPatches(second, first);
        terminal.Object(
            new LedgerDiffJson(
                first.Path,
                second.Path,
                first.Base == second.Base,
                [.. onlyFirst.Select(e => LedgerEntryJson.Of(first, e))],
                [.. onlySecond.Select(e => LedgerEntryJson.Of(second, e))],
                patchesFirst,
                patchesSecond
            ),
            JsonOutput.Default.LedgerDiffJson
        );
        if (first.Base != second.Base)
            terminal.Line($"they are of different models: {first.Base} and {second.Base}");
        if (onlyFirst.Length + onlySecond.Length == 0)
            terminal.Line($"{first.Path} and {second.Path} have the same {first.Entries.Count} entries");
        Print(terminal, first, onlyFirst);
        Print(terminal, second, onlySecond);
        foreach (
            (Ledger ledger, LedgerPatch[] patches) in (ReadOnlySpan<(Ledger, LedgerPatch[])>)
                [(first, patchesFirst), (second, patchesSecond)]
        )
        {
            if (patches.Length > 0)
                terminal.Line(
                    $"a model of {ledger.Path} alone has {string.Join(", ", patches.Select(p => p.File))} in it"
                );
        }
        if (first.Base == second.Base && patchesFirst.Length + patchesSecond.Length == 0)
            terminal.Line($"both build the same model, state {first.State.Digest}");
        return App.Ok;
    }

    static void Print(Terminal terminal, Ledger ledger, LedgerEntry[] entries)
    {
        if (entries.Length > 0)
            terminal.Line($"only in {ledger.Path}:");
        foreach (LedgerEntry entry in entries)
            terminal.Line(LedgerLines.Of(entry, takenBackBy: null, ledger));
    }

    static LedgerEntry[] Only(Ledger ledger, Ledger other)
    {
        HashSet<string> ids = [.. other.Entries.Select(e => e.Id)];
        return [.. ledger.Entries.Where(e => !ids.Contains(e.Id))];
    }

    static LedgerPatch[] OnlyPatches(Ledger ledger, Ledger other) =>
        [.. ledger.State.Added.Select(a => a.Patch!).Where(p => !other.Holds(p))];
}
