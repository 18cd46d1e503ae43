using System.CommandLine;
using Retouch.Patches;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>ledger revert</c>: takes patches back, by an entry that says so.</summary>
sealed class LedgerRevertVerb : Verb
{
    readonly Argument<string[]> _entries = new("ENTRY")
    {
        Description = "Entries: their numbers, the beginnings of their ids, or the files of their patches.",
        Arity = ArgumentArity.OneOrMore,
    };
    readonly LedgerOptions _ledger;

    public LedgerRevertVerb()
        : base("revert", "Take patches back. That is an entry, too: nothing is ever erased.", reports: true)
    {
        Add(_entries);
        _ledger = new LedgerOptions(this, writes: true);
    }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        Ledger ledger = LedgerUseCase.Revert(
            _ledger.Path(parsed),
            parsed.GetRequiredValue(_entries),
            _ledger.Author(parsed),
            _ledger.Reason(parsed),
            DateTimeOffset.UtcNow
        );
        LedgerLines.Tell(terminal, ledger);
        terminal.Line(LedgerLines.Of(ledger.Entries[^1], takenBackBy: null, ledger));
        terminal.Line(LedgerLines.Summary(ledger));
        return App.Ok;
    }
}
