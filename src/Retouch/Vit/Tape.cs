using static TorchSharp.torch;

namespace Retouch.Vit;

/// <summary>What a forward pass leaves for its backward pass: each layer's derivative, and the tensors that they need, which the tape owns.</summary>
sealed class Tape
{
    readonly Stack<Func<Tensor, Tensor>> _derivatives = new();
    readonly List<Tensor> _owned = [];

    /// <summary>Whether a forward pass is on the tape.</summary>
    public bool Recorded => _derivatives.Count > 0;

    /// <summary>Keeps a tensor beyond its dispose scope, until the tape is cleared.</summary>
    public Tensor Keep(Tensor tensor)
    {
        _owned.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }

    /// <summary>The start of a small graph of autograd, kept.</summary>
    public Tensor Leaf(Tensor x) => Keep(x.detach().requires_grad_(true));

    /// <summary>Adds the next layer's derivative: from the gradient of its output to that of its input.</summary>
    public void Push(Func<Tensor, Tensor> derivative) => _derivatives.Push(derivative);

    /// <summary>The gradient of the first layer's input. What it makes lies in the caller's dispose scope.</summary>
    public Tensor Backward(Tensor gradient)
    {
        while (_derivatives.TryPop(out Func<Tensor, Tensor>? derivative))
            gradient = derivative(gradient);
        return gradient;
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
