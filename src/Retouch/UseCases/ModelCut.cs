using System.Globalization;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>Cuts a model for edits in the precision that was asked for.</summary>
public static class ModelCut
{
    /// <summary>Cuts a model, and says how far bfloat16 is from float32 where edits are made in it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="space">Where edits may change it.</param>
    /// <param name="asked">The precision; null for bfloat16 where the processor has it and predictions agree.</param>
    /// <param name="events">Where to say it.</param>
    public static SplitVit Of(VitModel model, EditSpace space, Precision? asked, IUseCaseEvents events)
    {
        SplitVit split = asked switch
        {
            Precision.Full => new SplitVit(model, space),
            // Without bfloat16 in the processor it would only be slower.
            Precision.Checked => PrecisionChoice.Cut(model, space, Precision.Checked),
            Precision.Mixed => new SplitVit(model, space, Precision.Mixed),
            _ => PrecisionChoice.Cut(model, space),
        };
        string why =
            asked == Precision.Full ? ""
            : PrecisionChoice.ProcessorHasBFloat16 ? ", since this model's predictions change in bfloat16"
            : ", since this processor has no bfloat16";
        events.Detail(
            split.Precision switch
            {
                Precision.Mixed => string.Create(
                    CultureInfo.InvariantCulture,
                    $"precision: bfloat16; {split.Check.Agreeing} of {split.Check.Images} predictions as in float32, "
                        + $"logits within {split.Check.LargestDifference:0.###}; "
                        + $"those nearer than {split.Check.Tolerance:0.##} are computed again"
                ),
                Precision.Checked => "precision: float32; predictions in bfloat16 where this model's agree, "
                    + "and those that are close again in float32",
                _ => $"precision: float32{why}",
            }
        );
        return split;
    }
}
