using System.CommandLine;
using System.Globalization;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>The option that says in what the frozen products are computed.</summary>
sealed class PrecisionOption
{
    const string Auto = "auto", Single = "float32", BFloat16 = "bfloat16";

    readonly Option<string> _precision;

    /// <summary>Adds the option.</summary>
    /// <param name="command">The command.</param>
    /// <param name="sharedFiles">Whether it writes files that several machines make together or that are compared between machines: those are float32 if nobody asks for anything else.</param>
    public PrecisionOption(Command command, bool sharedFiles)
    {
        _precision = new Option<string>("--precision")
        {
            Description = $"In what products with unedited weights are computed; {Auto} is {BFloat16} where the processor has it and predictions agree.",
            DefaultValueFactory = _ => sharedFiles ? Single : Auto,
            HelpName = $"{Auto}|{Single}|{BFloat16}",
        };
        _precision.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: string text }] && text is not (Auto or Single or BFloat16))
                result.AddError($"--precision is {text}, but must be one of {Auto}, {Single}, {BFloat16}");
        });
        command.Add(_precision);
    }

    /// <summary>Cuts a model, and says how far bfloat16 is from float32 where that was asked for.</summary>
    public SplitVit Cut(ParseResult parsed, Terminal terminal, VitModel model, EditSpace space)
    {
        string asked = parsed.GetRequiredValue(_precision);
        SplitVit split = asked == Auto ? PrecisionChoice.Auto(model, space) : new SplitVit(model, space, asked == BFloat16 ? Precision.Mixed : Precision.Full);
        if (asked == Auto && split.Precision == Precision.Full)
            terminal.Detail(PrecisionChoice.ProcessorHasBFloat16 ? "precision: float32, since this model's predictions change in bfloat16" : "precision: float32, since this processor has no bfloat16");
        if (split.Precision == Precision.Mixed)
        {
            PrecisionCheck check = split.Check;
            string found = string.Create(CultureInfo.InvariantCulture, $"precision: bfloat16; {check.Agreeing} of {check.Images} predictions as in float32, logits within {check.LargestDifference:0.###}; those nearer than {check.Tolerance:0.##} are computed again");
            if (asked == Auto)
                terminal.Detail(found);
            else
                terminal.Note(found);
        }
        return split;
    }
}
