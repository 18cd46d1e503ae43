using System.CommandLine;
using System.Globalization;
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

    /// <summary>Cuts a model, and says how far bfloat16 is from float32 where that was asked for.</summary>
    public SplitVit Cut(ParseResult parsed, Terminal terminal, VitModel model, EditSpace space)
    {
        SplitVit split = parsed.GetRequiredValue(_precision) switch
        {
            Single => new SplitVit(model, space),
            // Without bfloat16 in the processor it would only be slower.
            Checked => PrecisionChoice.Cut(model, space, Precision.Checked),
            BFloat16 => new SplitVit(model, space, Precision.Mixed),
            _ => PrecisionChoice.Cut(model, space),
        };
        if (split.Precision != Precision.Full)
        {
            PrecisionCheck check = split.Check;
            terminal.Detail(string.Create(CultureInfo.InvariantCulture, $"precision: {(split.Precision == Precision.Checked ? "predictions in bfloat16" : "bfloat16")}; {check.Agreeing} of {check.Images} predictions as in float32, logits within {check.LargestDifference:0.###}; those nearer than {check.Tolerance:0.##} are computed again"));
        }
        else if (parsed.GetRequiredValue(_precision) != Single)
        {
            terminal.Detail(PrecisionChoice.ProcessorHasBFloat16 ? "precision: float32, since this model's predictions change in bfloat16" : "precision: float32, since this processor has no bfloat16");
        }
        return split;
    }
}
