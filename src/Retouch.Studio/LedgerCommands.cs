using Retouch.Patches;

namespace Retouch.Studio;

/// <summary>The commands that a ledger's report names, as they can be copied.</summary>
public static class LedgerCommands
{
    /// <summary>How an entry's patch is taken back.</summary>
    /// <param name="ledger">The ledger.</param>
    /// <param name="entry">The entry.</param>
    public static IReadOnlyList<string> Back(Ledger ledger, LedgerEntry entry) =>
        [
            $"retouch ledger revert {entry.Number} --ledger {Name(ledger)} --reason \"…\"",
            $"retouch ledger build --ledger {Name(ledger)} --model MODEL --out edited.safetensors",
        ];

    /// <summary>How a state is built and verified.</summary>
    /// <param name="ledger">The ledger.</param>
    /// <param name="state">The state.</param>
    public static IReadOnlyList<string> Build(Ledger ledger, LedgerState state) =>
        [
            $"retouch ledger build --ledger {Name(ledger)} --at {state.Number} --model MODEL --out edited.safetensors",
            $"retouch ledger verify --ledger {Name(ledger)} --at {state.Number} --model MODEL "
                + "--built edited.safetensors",
        ];

    static string Name(Ledger ledger) => ShellText.Quote(Path.GetFileName(ledger.Path));
}
