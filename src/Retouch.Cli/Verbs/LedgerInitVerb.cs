using System.CommandLine;
using Retouch.Formats;
using Retouch.Patches;

namespace Retouch.Cli.Verbs;

/// <summary><c>ledger init</c>: begins a ledger.</summary>
sealed class LedgerInitVerb : Verb
{
    readonly ModelOptions _model;
    readonly LedgerOptions _ledger;

    public LedgerInitVerb()
        : base("init", "Begin a ledger for a model, whose fingerprint it keeps.", reports: true)
    {
        _model = new ModelOptions(this, withLabels: false, description: "The unedited model.");
        _ledger = new LedgerOptions(this, writes: true);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string path = _ledger.Path(parsed);
        if (File.Exists(path))
            throw new BadInputException(
                $"{path} is there, and a ledger is never replaced; name another with --ledger."
            );
        AtomicFile.CheckWritable(path, overwrite: false);
        string author = _ledger.Author(parsed);
        using ModelFile file = _model.Load(parsed, terminal);
        Ledger ledger = Ledger.Begin(path, file.Model, author, _ledger.Reason(parsed), DateTimeOffset.UtcNow);
        LedgerLines.Tell(terminal, ledger);
        terminal.Line($"{path}: begun by {author} for the model {ledger.Base}");
        terminal.Note(
            $"note: in a git repository, '{Path.GetFileName(path)} merge=union' in .gitattributes merges what two "
                + "branches added."
        );
        return App.Ok;
    }
}
