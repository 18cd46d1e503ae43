using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// The way down the slope of a loss in steps of one length to the first point that will do, and back along the last
/// step as far as that goes.
/// </summary>
/// <param name="Value">Where it ended.</param>
/// <param name="Steps">Steps taken.</param>
/// <param name="Losses">The loss at the start and after each step, the last one's where it ended.</param>
/// <param name="Arrived">Whether the point will do.</param>
sealed record SlopeWalk(Tensor Value, int Steps, IReadOnlyList<float> Losses, bool Arrived)
{
    // Of the last step, until its length is exact to a hundredth.
    const int Halvings = 7;

    /// <summary>Goes; in the caller's scope.</summary>
    /// <param name="start">Where from.</param>
    /// <param name="judge">The loss at a point, whether the point will do, and the gradient.</param>
    /// <param name="step">What a gradient takes away from a point.</param>
    /// <param name="most">Steps at most.</param>
    /// <param name="told">Told the steps taken and the loss before each further one.</param>
    public static SlopeWalk From(
        Tensor start,
        Func<Tensor, SlopePoint> judge,
        Func<Tensor, Tensor> step,
        int most,
        Action<int, float>? told = null
    )
    {
        Tensor value = start;
        Tensor before = start;
        SlopePoint at = judge(value);
        List<float> losses = [at.Loss];
        int steps = 0;
        for (; steps < most && !at.WillDo; steps++)
        {
            told?.Invoke(steps, at.Loss);
            before = value;
            value = before - step(at.Gradient);
            at = judge(value);
            losses.Add(at.Loss);
        }
        for (int i = 0; i < Halvings && steps > 0 && at.WillDo; i++)
        {
            Tensor between = before.Plus(value) / Held(2);
            SlopePoint there = judge(between);
            if (there.WillDo)
                (value, losses[^1]) = (between, there.Loss);
            else
                before = between;
        }
        return new SlopeWalk(value, steps, losses, at.WillDo);
    }
}

/// <summary>A point of a <see cref="SlopeWalk"/>.</summary>
/// <param name="Loss">The loss there.</param>
/// <param name="WillDo">Whether the walk may end there.</param>
/// <param name="Gradient">The loss's gradient.</param>
readonly record struct SlopePoint(float Loss, bool WillDo, Tensor Gradient);
