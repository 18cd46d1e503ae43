using System.CommandLine;
using Retouch.Patches;

namespace Retouch.Cli.Verbs;

/// <summary><c>ledger show</c>: all that an entry says.</summary>
sealed class LedgerShowVerb : Verb
{
    readonly Argument<string> _entry = new("ENTRY")
    {
        Description = "The entry: its number, the beginning of its id, or the file of its patch.",
    };
    readonly LedgerOptions _ledger;

    public LedgerShowVerb()
        : base("show", "Show all that an entry says.", reports: true)
    {
        Add(_entry);
        _ledger = new LedgerOptions(this, writes: false);
    }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        Ledger ledger = _ledger.Open(parsed);
        foreach (LedgerEntry entry in ledger.Named(parsed.GetRequiredValue(_entry)))
        {
            LedgerEntryJson json = LedgerEntryJson.Of(ledger, entry);
            terminal.Object(json, JsonOutput.Default.LedgerEntryJson);
            terminal.Line($"entry {entry.Number} of {ledger.Path}");
            terminal.Line($"  id        {entry.Id}");
            foreach (string id in entry.On)
                terminal.Line($"  upon      {id}");
            terminal.Line($"  author    {entry.Author}");
            terminal.Line($"  time      {LedgerLines.Time(entry)} UTC");
            terminal.Line($"  reason    {LedgerLines.OneLine(entry.Reason)}");
            if (entry.Base is string model)
                terminal.Line($"  model     {model}");
            if (entry.Patch is { } patch)
            {
                terminal.Line($"  patch     {patch.File}, {patch.Bytes} bytes, by {patch.Method}");
                terminal.Line($"  SHA-256   {patch.Sha256}");
                terminal.Line($"  change    {patch.Change}");
                terminal.Line($"  in now    {(json.In ? "yes" : "no, it was taken back")}");
            }
            foreach (string line in LongList.Lines(entry.Images, Promise, more => $"  {more}, which --json shows"))
                terminal.Line(line);
            foreach (string id in entry.Reverts)
                terminal.Line($"  takes back {id}");
            if (entry.Criteria is not null)
                terminal.Line($"  criteria  {entry.Criteria}");
            if (entry.Check is not null)
                terminal.Line($"  check     {entry.Check}");
        }
        return App.Ok;
    }

    static string Promise(LedgerImage image) =>
        $"  promises  {image.Name} is {image.LabelName ?? "class"} ({image.Label})"
        + $"{(image.Kept ? ", kept" : "")}, SHA-256 {image.Sha256}";
}
