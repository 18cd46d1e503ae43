using System.CommandLine;
using System.CommandLine.Parsing;
using Retouch.Cli.Verbs;

namespace Retouch.Cli;

/// <summary>What is wrong with a command line, in one sentence.</summary>
static class Usage
{
    /// <summary>The first mistake, or null where there is none.</summary>
    public static string? Mistake(ParseResult parsed)
    {
        if (parsed.CommandResult.Command is not Verb verb)
            return parsed.Errors.Count > 0 ? Help(NoVerb(parsed), "") : null;
        string? mistake =
            UnknownOption(parsed) is string option ? $"There is no option {option}"
            : Repeated(parsed) is { IdentifierTokenCount: int times, Option.Name: string name }
                ? $"{name} is given {times} times, but takes one value"
            : parsed.Errors.Count > 0 ? parsed.Errors[0].Message
            : null;
        string path = verb.Parents.OfType<Verb>().FirstOrDefault() is { } parent
            ? $" {parent.Name} {verb.Name}"
            : " " + verb.Name;
        return mistake is null ? null : Help(mistake, path);
    }

    static string NoVerb(ParseResult parsed)
    {
        string known = string.Join(", ", parsed.RootCommandResult.Command.Subcommands.Select(c => c.Name));
        return parsed.UnmatchedTokens is [string first, ..]
            ? $"There is no command {first}; there are {known}"
            : $"Name a command: {known}";
    }

    // An option or argument that takes any number of files would take a misspelt option for one more.
    static string? UnknownOption(ParseResult parsed) =>
        parsed
            .Tokens.TakeWhile(t => t.Type != TokenType.DoubleDash)
            .FirstOrDefault(t =>
                t.Type == TokenType.Argument
                && (t.Value.StartsWith("--", StringComparison.Ordinal) || t.Value is ['-', not (>= '0' and <= '9')])
            )
            ?.Value;

    // Of two values neither is sure to be meant. A switch says the same twice.
    static OptionResult? Repeated(ParseResult parsed) =>
        parsed
            .CommandResult.Children.OfType<OptionResult>()
            .Where(o => o.Option.Arity.MaximumNumberOfValues == 1)
            .FirstOrDefault(o => o.IdentifierTokenCount > 1 && o.Tokens.Count > 0);

    static string Help(string mistake, string verb) =>
        $"{mistake.TrimEnd('.')}; 'retouch{verb} --help' shows what it takes.";
}
