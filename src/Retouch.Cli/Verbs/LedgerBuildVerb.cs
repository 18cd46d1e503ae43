using System.CommandLine;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>ledger build</c>: writes the model of a state.</summary>
sealed class LedgerBuildVerb : Verb
{
    readonly ModelOptions _model;
    readonly LedgerOptions _ledger;
    readonly LedgerStateOptions _state;
    readonly Option<string> _out = new("--out")
    {
        Description = "The model file to write.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing file." };

    public LedgerBuildVerb()
        : base("build", "Write the model of the present state, or of an earlier one.", reports: true)
    {
        _model = new ModelOptions(this, withLabels: false, description: "The unedited model.");
        _ledger = new LedgerOptions(this, writes: false);
        _state = new LedgerStateOptions(this);
        Add(_out);
        Add(_overwrite);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        bool overwrite = parsed.GetValue(_overwrite);
        OutputName.RequireModel(output);
        AtomicFile.CheckWritable(output, overwrite);
        Ledger ledger = _ledger.Open(parsed);
        LedgerState state = _state.Of(parsed, ledger);
        using ModelFile file = _model.Load(parsed, terminal);
        ledger.RequireModel(file.Model, file.Path);
        using PatchStack patches = new(ledger.Load(state));
        cancellation.ThrowIfCancellationRequested();
        using BuiltModel built = LedgerUseCase.Build(ledger, state, file, patches.Files, _state.Forced(parsed));
        built.Write(output, overwrite);
        terminal.Object(
            new LedgerBuildJson(
                output,
                ledger.Path,
                state.Number,
                ledger.Base,
                built.Model.Fingerprint,
                state.Digest,
                [.. state.Added.Select(a => a.Patch!)]
            ),
            JsonOutput.Default.LedgerBuildJson
        );
        terminal.Line(
            $"{output}: {file.Path} with {LedgerLines.Count(patches.Files.Count, "patch", "patches")} of {ledger.Path} "
                + "as of "
                + $"entry {state.Number}"
        );
        terminal.Line($"  is       {built.Model.Fingerprint}");
        terminal.Line($"  state    {state.Digest}");
        return App.Ok;
    }
}
