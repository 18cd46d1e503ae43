using System.CommandLine;

namespace Retouch.Cli.Verbs;

/// <summary><c>ledger</c>: the history of a model's patches.</summary>
sealed class LedgerVerb : Verb
{
    public LedgerVerb()
        : base(
            "ledger",
            "Keep the history of a model's patches in one file beside them: who added or took back what, when and why. "
                + "Builds the model of its present or any earlier state, and asks again whether what was corrected "
                + "still is.",
            reports: false
        )
    {
        foreach (
            Verb verb in (Verb[])
                [
                    new LedgerInitVerb(),
                    new LedgerAddVerb(),
                    new LedgerListVerb(),
                    new LedgerShowVerb(),
                    new LedgerRevertVerb(),
                    new LedgerBuildVerb(),
                    new LedgerVerifyVerb(),
                    new LedgerDiffVerb(),
                    new LedgerReportVerb(),
                ]
        )
            Add(verb);
    }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation) =>
        throw new BadInputException(
            $"Name what to do with a ledger: {string.Join(", ", Subcommands.Select(c => c.Name))}; 'retouch ledger "
                + "--help' shows what each does."
        );
}
