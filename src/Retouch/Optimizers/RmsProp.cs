using Retouch.Kernels;
using static TorchSharp.torch;

namespace Retouch.Optimizers;

/// <summary>RMSprop (Hinton, 2012) as PyTorch computes it: no momentum, not centred.</summary>
/// <param name="Alpha">The smoothing constant of the mean square.</param>
/// <param name="Epsilon">What is added to its root.</param>
readonly record struct RmsProp(double Alpha, double Epsilon)
{
    /// <summary>Changes weights, and the running mean square of their gradients, in place.</summary>
    public void Step(Tensor weights, Tensor gradient, Tensor square, double rate)
    {
        // One pass over memory where there is one, for it is memory that takes the time.
        if (Descent.RmsProp(weights, gradient, square, Alpha, Epsilon, rate))
            return;
        square.mul_(Held(Alpha)).addcmul_(gradient, gradient, Held(1 - Alpha));
        weights.addcdiv_(gradient, square.sqrt().add_(Held(Epsilon)), Held(-rate));
    }
}
