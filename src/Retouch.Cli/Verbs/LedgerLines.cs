using System.Globalization;
using Retouch.Patches;

namespace Retouch.Cli.Verbs;

/// <summary>A ledger and its entries in lines for people.</summary>
static class LedgerLines
{
    const int ShortId = 12;

    /// <summary>The ledger as JSON.</summary>
    public static void Tell(Terminal terminal, Ledger ledger)
    {
        terminal.Object(
            new LedgerJson(
                ledger.Path,
                ledger.Base,
                ledger.State.Digest,
                ledger.History,
                ledger.Heads,
                [.. ledger.Entries.Select(e => LedgerEntryJson.Of(ledger, e))]
            ),
            JsonOutput.Default.LedgerJson
        );
    }

    /// <summary>How many patches are in, and the digests.</summary>
    public static string Summary(Ledger ledger) =>
        $"{ledger.Path}: {Count(ledger.Entries.Count, "entry", "entries")}, "
        + $"{Count(ledger.State.Added.Count, "patch", "patches")} in, state {ledger.State.Digest[..ShortId]}, "
        + $"history {ledger.History[..ShortId]}";

    /// <summary>An entry in a line.</summary>
    public static string Of(LedgerEntry entry, int? takenBackBy, Ledger? ledger = null)
    {
        string what = entry.Kind switch
        {
            LedgerEntryKind.Init => "begun",
            LedgerEntryKind.Add => $"+ {entry.Patch!.File} ({entry.Patch.Method}{Mends(entry)})",
            _ => $"- {string.Join(", ", entry.Reverts.Select(id => Name(id, ledger)))}",
        };
        string back = takenBackBy is int by ? $" [taken back by {by}]" : "";
        return $"{entry.Number, 4}  {entry.Id[..ShortId]}  {Time(entry)}  {entry.Author}  {what}: "
            + $"{OneLine(entry.Reason)}{back}";
    }

    public static string Time(LedgerEntry entry) =>
        entry.Time.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    public static string OneLine(string text) => text.ReplaceLineEndings(" ").Replace('\t', ' ');

    public static string Count(int number, string one, string several) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {(number == 1 ? one : several)}");

    static string Mends(LedgerEntry entry)
    {
        string[] classes = [.. entry.Images.Select(i => i.LabelName ?? $"class {i.Label}").Distinct()];
        return entry.Images.Count == 0
            ? ""
            : $", {Count(entry.Images.Count, "image", "images")} to "
                + $"{(classes.Length == 1 ? classes[0] : $"{classes.Length} classes")}";
    }

    static string Name(string id, Ledger? ledger) =>
        ledger?.Entries.FirstOrDefault(e => e.Id == id) is { Patch: { } patch } entry
            ? $"{patch.File} (entry {entry.Number})"
            : id[..ShortId];
}
