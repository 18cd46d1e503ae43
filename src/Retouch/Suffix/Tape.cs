using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// What a forward pass leaves for its backward pass: each layer's derivative, and the tensors that they need, which the
/// tape owns.
/// </summary>
sealed class Tape
{
    readonly Stack<Func<Tensor, Tensor?>> _derivatives = new();
    readonly List<Tensor> _owned = [];

    /// <summary>Keeps a tensor beyond its dispose scope, until the tape is cleared.</summary>
    public Tensor Keep(Tensor tensor)
    {
        _owned.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }

    /// <summary>The start of a small graph of autograd, kept.</summary>
    public Tensor Leaf(Tensor x) => Keep(x.detach().requires_grad_(true));

    /// <summary>
    /// Adds the next layer's derivative: from the gradient of its output to that of its input, or to null where that is
    /// a constant.
    /// </summary>
    public void Push(Func<Tensor, Tensor?> derivative) => _derivatives.Push(derivative);

    /// <summary>
    /// Runs all derivatives, the last layer's first, and forgets the pass. A layer's tensors are freed after it.
    /// </summary>
    /// <exception cref="InvalidOperationException">No forward pass is on the tape.</exception>
    public void Backward(Tensor gradient)
    {
        if (_derivatives.Count == 0)
            throw new InvalidOperationException("Gradients are those of the last Logits, once.");
        Tensor? next = gradient;
        while (next is not null && _derivatives.TryPop(out Func<Tensor, Tensor?>? derivative))
        {
            using DisposeScope scope = NewDisposeScope();
            next = derivative(next)?.MoveToOuterDisposeScope();
        }
        Clear();
    }

    /// <summary>Forgets the pass and frees its tensors.</summary>
    public void Clear()
    {
        _derivatives.Clear();
        foreach (Tensor tensor in _owned)
            tensor.Dispose();
        _owned.Clear();
    }
}
