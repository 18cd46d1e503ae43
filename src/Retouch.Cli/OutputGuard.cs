using System.CommandLine;
using System.CommandLine.Parsing;
using Retouch.Formats;

namespace Retouch.Cli;

/// <summary>
/// Keeps what a command reads from being replaced by what it writes: of a model, that may be the only original.
/// </summary>
static class OutputGuard
{
    // What options that name a file to write are called.
    static readonly string[] Outputs = ["--out", "--report", "--junit", "--mistakes"];

    const string Replace = "--replace-original";
    const string Model = "--model";
    const string Onnx = "--onnx";

    /// <summary>Checks the files that the command line names, before any work.</summary>
    /// <exception cref="BadInputException">The output is one of them.</exception>
    public static void Check(ParseResult parsed)
    {
        foreach ((string option, string output) in Written(parsed))
        {
            foreach (SymbolResult given in parsed.CommandResult.Children)
            {
                string name = given switch
                {
                    OptionResult named => named.Option.Name,
                    ArgumentResult argument => argument.Argument.Name,
                    _ => "",
                };
                if (Outputs.Contains(name))
                    continue;
                foreach (Token token in given.Tokens)
                    Refuse(parsed, option, output, token.Value, $"{name} {token.Value}", name == Original(parsed));
            }
        }
    }

    /// <summary>Checks the files that a model was read from, where its name is a folder's or the hub's.</summary>
    /// <exception cref="BadInputException">The output is one of them.</exception>
    public static void Check(ParseResult parsed, ModelFile file)
    {
        foreach ((string option, string output) in Written(parsed))
        {
            foreach (string read in file.Files)
                Refuse(
                    parsed,
                    option,
                    output,
                    read,
                    $"the model's file {read}",
                    read == file.Path && Original(parsed) == Model
                );
        }
    }

    /// <summary>Whether a verb that may replace an original is about to.</summary>
    public static bool Replaces(ParseResult parsed, string output, string original) =>
        Asked(parsed) == true && FileIdentity.Same(output, original);

    static void Refuse(ParseResult parsed, string option, string output, string read, string what, bool replaceable)
    {
        if (!File.Exists(read) || !FileIdentity.Same(output, read))
            return;
        bool? asked = replaceable ? Asked(parsed) : null;
        if (asked != true)
            throw new BadInputException(
                $"{option} {output} is {what} itself, which would be lost; give another "
                    + (
                        asked is not null
                            ? $"name, or pass {Replace} to put the result in its place (no copy of "
                                + "the original is kept)."
                            : "name (--overwrite is for files that the command does not read)."
                    )
            );
    }

    // Null for a verb that replaces no originals. Asked for by its name, an option is looked for in all verbs.
    static bool? Asked(ParseResult parsed) =>
        parsed.CommandResult.Command.Options.OfType<Option<bool>>().FirstOrDefault(o => o.Name == Replace) is { } option
            ? parsed.GetValue(option)
            : null;

    // What a verb makes another of: where an ONNX file is given, that; the model is only compared with it.
    static string Original(ParseResult parsed) =>
        parsed.CommandResult.Children.OfType<OptionResult>().Any(o => o.Option.Name == Onnx && o.Tokens.Count > 0)
            ? Onnx
            : Model;

    // Only a file that is there already can be one that is read.
    static IEnumerable<(string Option, string Path)> Written(ParseResult parsed) =>
        parsed
            .CommandResult.Command.Options.Where(o => Outputs.Contains(o.Name))
            .Select(o => (o.Name, parsed.GetResult(o)))
            .Where(o => o.Item2 is { Tokens: [{ Value: string path }] } && File.Exists(path))
            .Select(o => (o.Name, o.Item2!.Tokens[0].Value));
}
