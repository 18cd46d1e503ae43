using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using Retouch.Patches;

namespace Retouch.Cli.Verbs;

/// <summary>The options that name a ledger, and who writes it and why.</summary>
sealed class LedgerOptions
{
    public const string DefaultName = "ledger.json";

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    readonly Option<string> _ledger = new("--ledger")
    {
        Description = $"The ledger's file; its patches lie beside it. By default {DefaultName}.",
        DefaultValueFactory = _ => DefaultName,
        HelpName = "FILE",
    };
    readonly Option<string?> _author = new("--author")
    {
        Description = "Who does this, such as \"Ann Example <ann@example.org>\"; by default who git's config says.",
        HelpName = "NAME",
    };
    readonly Option<string> _reason = new("--reason")
    {
        Description = "Why: what went wrong, for whom, and who asked for it.",
        Required = true,
        HelpName = "TEXT",
    };

    public LedgerOptions(Command command, bool writes)
    {
        command.Add(_ledger);
        if (writes)
        {
            command.Add(_reason);
            command.Add(_author);
        }
    }

    public string Path(ParseResult parsed) => parsed.GetRequiredValue(_ledger);

    /// <summary>Whether a ledger was named, rather than the usual taken.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetResult(_ledger) is { Implicit: false };

    public Ledger Open(ParseResult parsed) => Ledger.Open(Path(parsed));

    public string Reason(ParseResult parsed) => parsed.GetRequiredValue(_reason);

    public string Author(ParseResult parsed)
    {
        if (parsed.GetValue(_author) is string author)
            return author;
        return GitAuthor(Path(parsed))
            ?? throw new BadInputException(
                "An entry of a ledger names its author, and git's config says none; name yourself with --author."
            );
    }

    /// <summary>Who git's config says works on a ledger; null where it says nobody.</summary>
    /// <param name="ledger">The ledger's file.</param>
    public static string? GitAuthor(string ledger)
    {
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(ledger))!;
        string? name = Git(folder, "user.name");
        return string.IsNullOrEmpty(name) ? null
            : Git(folder, "user.email") is string { Length: > 0 } mail ? $"{name} <{mail}>"
            : name;
    }

    static string? Git(string folder, string key)
    {
        try
        {
            using Process? git = Process.Start(
                new ProcessStartInfo("git", ["config", "--get", key])
                {
                    WorkingDirectory = Directory.Exists(folder) ? folder : Environment.CurrentDirectory,
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                    RedirectStandardInput = true,
                }
            );
            if (git is null)
                return null;
            git.StandardInput.Close();
            string said = git.StandardOutput.ReadToEnd();
            if (git.WaitForExit(s_patience))
                return git.ExitCode == 0 ? said.Trim() : null;
            git.Kill();
            return null;
        }
        // There is no git.
        catch (Exception e) when (e is Win32Exception or IOException or InvalidOperationException)
        {
            return null;
        }
    }
}
