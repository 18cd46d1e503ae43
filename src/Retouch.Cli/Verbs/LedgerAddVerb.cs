using System.CommandLine;
using Retouch.Patches;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>ledger add</c>: adds patches to a ledger.</summary>
sealed class LedgerAddVerb : Verb
{
    readonly Argument<string[]> _patches = new("PATCH")
    {
        Description = "Patches; those that do not lie in the ledger's folder are copied there.",
        Arity = ArgumentArity.OneOrMore,
    };
    readonly LedgerOptions _ledger;
    readonly Option<bool> _keep = new("--keep-images")
    {
        Description =
            "Copy the images that the patches mend beside the ledger, so that 'ledger verify' finds them anywhere.",
    };
    readonly Option<string[]> _images = new("--images")
    {
        Description = "Folders to look for these images in, whatever they are called there.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<string?> _criteria = new("--criteria")
    {
        Description = "The criteria that the patches were checked against, a JSON file, to be kept in the entry.",
        HelpName = "FILE",
    };
    readonly Option<string?> _check = new("--check")
    {
        Description = "What the check said, a JSON file, to be kept in the entry.",
        HelpName = "FILE",
    };
    readonly Option<bool> _force = new("--force") { Description = "Take patches that cancel one in the ledger." };

    public LedgerAddVerb()
        : base("add", "Add patches, and with each the images that it mends: from then on they are promised.", true)
    {
        Add(_patches);
        _ledger = new LedgerOptions(this, writes: true);
        foreach (Option option in (Option[])[_keep, _images, _criteria, _check, _force])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string[] patches = parsed.GetRequiredValue(_patches);
        Ledger ledger = LedgerUseCase.Add(
            new LedgerAddition
            {
                Ledger = _ledger.Path(parsed),
                Patches = patches,
                Author = _ledger.Author(parsed),
                Reason = _ledger.Reason(parsed),
                Time = DateTimeOffset.UtcNow,
                KeepImages = parsed.GetValue(_keep),
                ImageFolders = parsed.GetValue(_images) ?? [],
                Criteria = parsed.GetValue(_criteria),
                Check = parsed.GetValue(_check),
                Force = parsed.GetValue(_force),
            }
        );
        LedgerLines.Tell(terminal, ledger);
        foreach (LedgerEntry entry in ledger.Entries.TakeLast(patches.Length))
            terminal.Line(LedgerLines.Of(entry, takenBackBy: null));
        terminal.Line(LedgerLines.Summary(ledger));
        return App.Ok;
    }
}
