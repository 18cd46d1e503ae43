using System.CommandLine;
using Retouch.Patches;

namespace Retouch.Cli.Verbs;

/// <summary>The options that say which state of a ledger is meant, and whether it is taken as it is.</summary>
sealed class LedgerStateOptions
{
    readonly Option<string?> _at = new("--at")
    {
        Description =
            "The last entry that counts: its number, the beginning of its id, or the file of its patch; 0 is the model "
            + "without patches. By default the last of all.",
        HelpName = "ENTRY",
    };
    readonly Option<bool> _force = new("--force") { Description = "Take patches that cancel each other." };

    public LedgerStateOptions(Command command)
    {
        command.Add(_at);
        command.Add(_force);
    }

    public bool Forced(ParseResult parsed) => parsed.GetValue(_force);

    public LedgerState Of(ParseResult parsed, Ledger ledger) =>
        parsed.GetValue(_at) is string name ? ledger.At(ledger.Named(name)[^1].Number) : ledger.State;
}
