using System.CommandLine;
using Retouch.Patches;

namespace Retouch.Cli.Verbs;

/// <summary><c>ledger list</c>: the entries of a ledger, or what is in a model.</summary>
sealed class LedgerListVerb : Verb
{
    readonly LedgerOptions _ledger;
    readonly Option<string?> _model = new("--model")
    {
        Description =
            "List instead what a model says is in it, safetensors or ONNX, and with --ledger which of its states that "
            + "is.",
        HelpName = "FILE",
    };

    public LedgerListVerb()
        : base("list", "List the entries of a ledger, or the patches in a built model.", reports: true)
    {
        _ledger = new LedgerOptions(this, writes: false);
        Add(_model);
    }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        if (parsed.GetValue(_model) is string model)
            return Model(terminal, model, _ledger.IsGiven(parsed) ? _ledger.Open(parsed) : null);
        Ledger ledger = _ledger.Open(parsed);
        LedgerLines.Tell(terminal, ledger);
        terminal.Line(LedgerLines.Summary(ledger));
        terminal.Line($"  model    {ledger.Base}");
        terminal.Line($"  state    {ledger.State.Digest}");
        terminal.Line($"  history  {ledger.History}");
        Dictionary<string, int> back = ledger
            .Entries.SelectMany(e => e.Reverts.Select(id => (id, e.Number)))
            .DistinctBy(r => r.id)
            .ToDictionary(r => r.id, r => r.Number);
        foreach (LedgerEntry entry in ledger.Entries)
            terminal.Line(LedgerLines.Of(entry, back.TryGetValue(entry.Id, out int by) ? by : null, ledger));
        return App.Ok;
    }

    static int Model(Terminal terminal, string model, Ledger? ledger)
    {
        IReadOnlyList<AppliedPatches> layers = AppliedPatches.Of(model);
        LedgerState? state = ledger is not null && layers is [.., var top] ? ledger.Find(top) : null;
        terminal.Object(
            new ModelEditsJson(
                model,
                [.. layers.Select(l => new EditLayerJson(l.Base, l.Result, l.Digest, l.Patches))],
                ledger?.Path,
                state?.Number
            ),
            JsonOutput.Default.ModelEditsJson
        );
        if (layers.Count == 0)
            terminal.Line($"{model} names no patches in it");
        foreach (AppliedPatches layer in layers)
        {
            terminal.Line($"{model}: {LedgerLines.Count(layer.Patches.Count, "patch", "patches")} in it");
            terminal.Line($"  made of  {layer.Base}");
            terminal.Line($"  is       {layer.Result}");
            terminal.Line($"  state    {layer.Digest}");
            foreach (AppliedPatch patch in layer.Patches)
                terminal.Line($"  {patch.Sha256[..12]}  {NameOf(patch, ledger)}{patch.Method}, {patch.Mends}");
        }
        if (ledger is not null && layers.Count > 0)
            terminal.Line(
                state is not null
                    ? $"that is {ledger.Path} as of entry {state.Number}"
                        + (
                            state.Number < ledger.Entries.Count - 1
                                ? $" of {ledger.Entries.Count - 1}"
                                : ", the present"
                        )
                    : $"{ledger.Path} never had these patches together: it is of another model, or was cut"
            );
        return ledger is null || layers.Count == 0 || state is not null ? App.Ok : App.Failed;
    }

    static string NameOf(AppliedPatch patch, Ledger? ledger) =>
        ledger?.Entries.FirstOrDefault(e => e.Patch?.Change == patch.Change) is { } entry
            ? $"{entry.Patch!.File} (entry {entry.Number}: {LedgerLines.OneLine(entry.Reason)}), "
            : "";
}
