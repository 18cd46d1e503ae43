using System.CommandLine;
using Retouch.Formats;

namespace Retouch.Cli.Verbs;

/// <summary><c>pull</c>: downloads a model.</summary>
sealed class PullVerb : Verb
{
    readonly Argument<string> _name = new("MODEL")
    {
        Description = "OWNER/NAME[@REVISION] on the Hugging Face hub, or augreg:FILE.npz in Google's AugReg bucket.",
    };

    public PullVerb()
        : base(
            "pull",
            "Download a model into the cache that Python's tools use, too; afterwards --model takes its name.",
            reports: true
        ) => Add(_name);

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string name = parsed.GetRequiredValue(_name);
        HubReference reference =
            HubReference.Parse(name)
            ?? throw new BadInputException(
                $"{name} is no name of a model elsewhere; give OWNER/NAME[@REVISION] or augreg:FILE.npz."
            );
        using ModelHub hub = new();
        string path =
            hub.Offline && hub.Find(reference) is string cached ? cached : ModelSource.Pull(hub, reference, terminal);
        terminal.Object(new PullJson(reference.ToString(), path), JsonOutput.Default.PullJson);
        terminal.Line(path);
        return App.Ok;
    }
}
