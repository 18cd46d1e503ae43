using System.CommandLine;
using Retouch.Editing;

namespace Retouch.Cli.Verbs;

/// <summary>Options that verbs share which correct whole folders: what names mean, and what is ordinary.</summary>
static class RepairOptions
{
    /// <summary>What other folder names mean.</summary>
    public static Option<string?> Accept() =>
        new("--accept") { Description = "What other folder names mean, as for 'mine'.", HelpName = "FILE" };

    /// <summary>More labelled images.</summary>
    /// <param name="use">What they are for.</param>
    /// <param name="lists">Whether they may be named by lists.</param>
    public static Option<string[]> Near(string use, bool lists = false) =>
        new("--near")
        {
            Description = $"Folders{(lists ? " or lists" : "")} of more labelled images of the same shift{use}.",
            AllowMultipleArgumentsPerToken = true,
            HelpName = lists ? "DIR|LIST" : "DIR",
        };

    /// <summary>Ordinary images.</summary>
    /// <param name="use">What they are for.</param>
    public static Option<string?> Locality(string use) =>
        new("--locality")
        {
            Description =
                $"A folder of ordinary images, to measure {use}. Where nothing was prepared for the model, it is "
                + "learned from half of these, and the others are measured.",
            HelpName = "DIR",
        };

    /// <summary>What is known of ordinary images.</summary>
    public static Option<string[]> Prepared() =>
        new("--prepared")
        {
            Description = $"What 'retouch prepare --method {Gate.Definition.Name}' made for the model.",
            AllowMultipleArgumentsPerToken = true,
            HelpName = "FILE",
        };
}
