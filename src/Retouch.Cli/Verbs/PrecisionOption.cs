using System.CommandLine;
using System.Globalization;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>The option that says in what the frozen products are computed.</summary>
sealed class PrecisionOption
{
    const string Auto = "auto", Single = "float32", Checked = "checked", BFloat16 = "bfloat16";
    static readonly string[] Words = [Auto, Single, Checked, BFloat16];

    readonly Option<string> _precision;

    /// <summary>Adds the option.</summary>
    /// <param name="command">The command.</param>
    /// <param name="fallback">What is meant if nobody says, which must have the same results on every machine.</param>
    public PrecisionOption(Command command, Precision fallback)
    {
        _precision = new Option<string>("--precision")
        {
            Description = $"In what products with unedited weights are computed: {Single}; {Checked}, predictions in {BFloat16} and where two classes are close again in {Single}, with the same results; {BFloat16}, edits, too. "
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

    /// <summary>Cuts a model, and says how far bfloat16 is from float32 where edits are made in it.</summary>
    public SplitVit Cut(ParseResult parsed, Terminal terminal, VitModel model, EditSpace space)
    {
        string asked = parsed.GetRequiredValue(_precision);
        SplitVit split = asked switch
        {
            Single => new SplitVit(model, space),
            // Without bfloat16 in the processor it would only be slower.
            Checked => PrecisionChoice.Cut(model, space, Precision.Checked),
            BFloat16 => new SplitVit(model, space, Precision.Mixed),
            _ => PrecisionChoice.Cut(model, space),
        };
        terminal.Detail(split.Precision switch
        {
            Precision.Mixed => string.Create(CultureInfo.InvariantCulture, $"precision: bfloat16; {split.Check.Agreeing} of {split.Check.Images} predictions as in float32, logits within {split.Check.LargestDifference:0.###}; those nearer than {split.Check.Tolerance:0.##} are computed again"),
            Precision.Checked => "precision: float32; predictions in bfloat16 where this model's agree, and those that are close again in float32",
            _ => $"precision: float32{(asked == Single ? "" : PrecisionChoice.ProcessorHasBFloat16 ? ", since this model's predictions change in bfloat16" : ", since this processor has no bfloat16")}",
        });
        return split;
    }
}
