using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// When an edit is done: all its images are right, their mean cross-entropy and the lead of the right class's logit are
/// as wanted.
/// </summary>
/// <param name="Loss">The mean cross-entropy, at most.</param>
/// <param name="Margin">The lead over the best other class on every image, at least.</param>
sealed record StopRule(double Loss, double Margin)
{
    // exp(-Smallest) is the last probability below 1 that single precision tells from 1.
    const double Smallest = 6e-8;

    /// <summary>Judges a pass.</summary>
    /// <param name="logits"><c>[B·S,C]</c>.</param>
    /// <param name="batch">The edits.</param>
    public Point[] Judge(Tensor logits, RowBatch batch)
    {
        using DisposeScope scope = NewDisposeScope();
        (float[] losses, bool[] right) = batch.Judge(logits);
        Tensor label = batch.Labels.unsqueeze(1);
        Tensor lead =
            logits.gather(1, label).squeeze(1)
            - logits
                .scatter(1, label, Filled(label.shape, Held(float.NegativeInfinity), ScalarType.Float32, label.device))
                .amax([1]);
        float[] margins = lead.view(batch.Count, -1).amin([1]).cpu().data<float>().ToArray();
        return
        [
            .. losses.Select(
                (loss, b) =>
                    new Point(
                        loss,
                        right[b],
                        right[b] && loss <= Loss && margins[b] >= Margin,
                        Math.Min(LogOdds(loss) - LogOdds(Loss), margins[b] - Margin)
                    )
            ),
        ];
    }

    /// <summary>How fast the log-odds of a mean probability grow when the loss falls by one.</summary>
    public static double LogOddsPerLoss(double loss) => 1 / -Expm1(-Math.Max(loss, Smallest));

    // Of the probability exp(-loss): about linear in the logits, and so along an edit, where the loss is not.
    static double LogOdds(double loss) =>
        loss > 30 ? -loss : -Math.Log(-Expm1(-Math.Max(loss, Smallest))) - Math.Max(loss, Smallest);

    static double Expm1(double x) => Math.Abs(x) < 1e-5 ? x + x * x / 2 : Math.Exp(x) - 1;

    /// <summary>Where an edit stands.</summary>
    /// <param name="Loss">The mean cross-entropy.</param>
    /// <param name="IsRight">Whether all images get their label.</param>
    /// <param name="IsMet">Whether the rule is met.</param>
    /// <param name="Gap">
    /// How far it is, in log-odds or logits: negative before, not negative where the rule is met.
    /// </param>
    public readonly record struct Point(float Loss, bool IsRight, bool IsMet, double Gap);
}
