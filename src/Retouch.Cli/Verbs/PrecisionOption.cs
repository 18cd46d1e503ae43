using System.CommandLine;
using Retouch.Suffix;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>The option that says in what the frozen products are computed.</summary>
sealed class PrecisionOption
{
    const string Auto = "auto";
    const string Single = "float32";
    const string Checked = "checked";
    const string BFloat16 = "bfloat16";
    static readonly string[] Words = [Auto, Single, Checked, BFloat16];

    readonly Option<string> _precision;

    /// <summary>Adds the option.</summary>
    /// <param name="command">The command.</param>
    /// <param name="fallback">What is meant if nobody says, which must have the same results on every machine.</param>
    public PrecisionOption(Command command, Precision fallback)
    {
        _precision = new Option<string>("--precision")
        {
            Description =
                $"In what products with unedited weights are computed: {Single}; {Checked}, predictions in {BFloat16} "
                + $"and where two classes are close again in {Single}, with the same "
                + $"results; {BFloat16}, edits, too. "
                + $"{Auto} is {BFloat16} where the processor has it and predictions agree.",
            DefaultValueFactory = _ => fallback == Precision.Checked ? Checked : Single,
            HelpName = string.Join('|', Words),
        };
        _precision.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: string text }] && !Words.Contains(text))
                result.AddError($"--precision is {text}, but must be one of {string.Join(", ", Words)}");
        });
        command.Add(_precision);
    }

    /// <summary>What was asked for; null for what this machine is best at.</summary>
    public Precision? Asked(ParseResult parsed) =>
        parsed.GetRequiredValue(_precision) switch
        {
            Single => Precision.Full,
            Checked => Precision.Checked,
            BFloat16 => Precision.Mixed,
            _ => null,
        };

    /// <summary>Cuts a model, and says how far bfloat16 is from float32 where edits are made in it.</summary>
    public SplitVit Cut(ParseResult parsed, Terminal terminal, VitModel model, EditSpace space) =>
        ModelCut.Of(model, space, Asked(parsed), terminal);
}
