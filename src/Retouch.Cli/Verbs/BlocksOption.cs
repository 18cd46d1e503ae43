using System.CommandLine;
using System.Globalization;
using Retouch.Suffix;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>The option that says which blocks' FFNs may be edited.</summary>
sealed class BlocksOption
{
    readonly Option<string?> _blocks = new("--blocks")
    {
        Description =
            "The window of blocks whose FFNs may be edited, from 0, such as 7-9 or 7,8,9; by default the paper's "
            + "share of the way up, for kfac and x-edit the last three, for gate, grace, prototype and head-alone the "
            + "last.",
        HelpName = "FIRST-LAST",
    };

    readonly bool _oneIsDepth;

    /// <summary>Adds the option.</summary>
    /// <param name="command">The command.</param>
    /// <param name="oneIsDepth">
    /// Whether a number alone means something else than a window of one block: the hypernetwork's own blocks.
    /// </param>
    public BlocksOption(Command command, bool oneIsDepth = false)
    {
        _blocks.Validators.Add(result =>
        {
            if (result.Tokens is not [{ Value: string text }])
                return;
            if (BlockWindow.Parse(text) is null)
                result.AddError(
                    $"{_blocks.Name} is {text}, but must be blocks in a row, counted from 0, such as 7-9 or 7,8,9"
                );
        });
        _oneIsDepth = oneIsDepth;
        command.Add(_blocks);
    }

    /// <summary>The window for a model.</summary>
    /// <exception cref="BadInputException">The model has no such blocks.</exception>
    public EditSpace Space(ParseResult parsed, VitModel model) =>
        Given(parsed, model) ?? EditSpace.Default(model.Config);

    /// <summary>The window that the user named for a model; null for the usual one.</summary>
    /// <exception cref="BadInputException">The model has no such blocks.</exception>
    public EditSpace? Given(ParseResult parsed, VitModel model) => Window(parsed)?.In(model.Config);

    /// <summary>The same for any model.</summary>
    public BlockWindow? Window(ParseResult parsed) =>
        Depth(parsed) is null && parsed.GetValue(_blocks) is string text ? BlockWindow.Parse(text) : null;

    /// <summary>The window as the user named it; null for the usual one.</summary>
    public string? Text(ParseResult parsed) => Depth(parsed) is null ? parsed.GetValue(_blocks) : null;

    /// <summary>A number alone, where that means the hypernetwork's own blocks; else null.</summary>
    public int? Depth(ParseResult parsed) =>
        _oneIsDepth
        && parsed.GetValue(_blocks) is string text
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int depth)
            ? depth
            : null;
}
