using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Optimizers;

/// <summary>
/// Adam (Kingma, Ba, ICLR 2015) on the leaves of a graph, as PyTorch computes it. Owns its state, not the leaves.
/// </summary>
sealed class Adam : IDisposable
{
    const double Beta1 = 0.9;
    const double Beta2 = 0.999;
    const double Epsilon = 1e-8;

    readonly IReadOnlyList<Tensor> _leaves;

    public Adam(IReadOnlyList<Tensor> leaves)
    {
        _leaves = leaves;
        using DisposeScope scope = NewDisposeScope();
        Means = [.. leaves.Select(l => zeros_like(l, requires_grad: false).DetachFromDisposeScope())];
        Squares = [.. leaves.Select(l => zeros_like(l, requires_grad: false).DetachFromDisposeScope())];
    }

    public IReadOnlyList<Tensor> Means { get; }

    public IReadOnlyList<Tensor> Squares { get; }

    /// <summary>Steps taken so far.</summary>
    public long Steps { get; set; }

    public void Step(IReadOnlyList<Tensor> gradients, double rate)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Steps++;
        double first = 1 - Math.Pow(Beta1, Steps);
        double second = 1 - Math.Pow(Beta2, Steps);
        for (int i = 0; i < gradients.Count; i++)
        {
            Means[i].mul_(Held(Beta1)).add_(gradients[i], Held(1 - Beta1));
            Squares[i].mul_(Held(Beta2)).addcmul_(gradients[i], gradients[i], Held(1 - Beta2));
            _leaves[i].addcdiv_(Means[i], (Squares[i] / Held(second)).sqrt_().add_(Held(Epsilon)), Held(-rate / first));
        }
    }

    public void Dispose()
    {
        foreach (Tensor tensor in Means.Concat(Squares))
            tensor.Dispose();
    }
}
