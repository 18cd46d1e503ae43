using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Optimizers;

/// <summary>
/// Minimizes a smooth function: L-BFGS (Liu and Nocedal, On the limited memory BFGS method for large scale
/// optimization, 1989; the two-loop recursion is algorithm 7.4 of Nocedal and Wright, Numerical Optimization), each
/// step halved until it gains enough (Armijo). Of a convex function it finds the minimum. Draws nothing at random.
/// </summary>
static class Lbfgs
{
    const int Memory = 20;
    const int MostHalvings = 30;

    // Of the slope along a step, how much has to be gained.
    const double Enough = 1e-4;

    // The largest entry of the gradient where the function is flat, as 1 and less are usual.
    const double Flat = 1e-6;

    /// <summary>Minimizes; the result lies in the caller's scope.</summary>
    /// <param name="start">Where to begin, float64 <c>[P]</c>.</param>
    /// <param name="function">The value and the gradient <c>[P]</c>; called in a scope of its own.</param>
    /// <param name="steps">Steps at most.</param>
    /// <param name="told">Told the value after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public static Tensor Minimize(
        Tensor start,
        Func<Tensor, (double Value, Tensor Gradient)> function,
        int steps,
        Action<int, double> told,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        List<(Tensor Step, Tensor Change, double Curvature)> past = [];
        Tensor at = start;
        (double value, Tensor gradient) = function(at);
        for (int i = 0; i < steps && gradient.abs().max().Number() > Flat; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope each = NewDisposeScope();
            Tensor direction = Downhill(gradient, past);
            double slope = gradient.dot(direction).Number();
            // The first step knows nothing of the function's scale.
            double length = i == 0 ? 1 / Math.Max(gradient.abs().sum().Number(), 1) : 1;
            if (Next(length) is not (Tensor next, double lower, Tensor steeper))
                break;
            (Tensor step, Tensor change) = (next - at, steeper - gradient);
            double curvature = step.dot(change).Number();
            if (curvature > 0)
            {
                if (past.Count == Memory)
                {
                    past[0].Step.Dispose();
                    past[0].Change.Dispose();
                    past.RemoveAt(0);
                }
                past.Add((step.MoveToOuterDisposeScope(), change.MoveToOuterDisposeScope(), curvature));
            }
            if (!ReferenceEquals(at, start))
                at.Dispose();
            gradient.Dispose();
            (at, value, gradient) = (next.MoveToOuterDisposeScope(), lower, steeper.MoveToOuterDisposeScope());
            told(i + 1, value);

            (Tensor, double, Tensor)? Next(double length)
            {
                for (int h = 0; h < MostHalvings; h++, length /= 2)
                {
                    Tensor next = at.Plus(direction * Held(length));
                    (double lower, Tensor steeper) = function(next);
                    if (lower <= value + Enough * length * slope)
                        return (next, lower, steeper);
                }
                return null;
            }
        }
        return at.MoveToOuterDisposeScope();
    }

    static Tensor Downhill(Tensor gradient, List<(Tensor Step, Tensor Change, double Curvature)> past)
    {
        Tensor q = -gradient;
        if (past.Count == 0)
            return q;
        double[] shares = new double[past.Count];
        for (int i = past.Count - 1; i >= 0; i--)
        {
            shares[i] = past[i].Step.dot(q).Number() / past[i].Curvature;
            q = q - past[i].Change * Held(shares[i]);
        }
        q = q * Held(past[^1].Curvature / past[^1].Change.dot(past[^1].Change).Number());
        for (int i = 0; i < past.Count; i++)
            q = q.Plus(past[i].Step * Held(shares[i] - past[i].Change.dot(q).Number() / past[i].Curvature));
        return q;
    }
}
