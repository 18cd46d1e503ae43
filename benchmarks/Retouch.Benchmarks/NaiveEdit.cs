using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Speed;

/// <summary>
/// An edit as the published code does it: every parameter takes part in autograd, each step runs the whole
/// model forward and backward, the six matrices' gradients are multiplied by the mask, and RMSprop updates
/// them at full size.
/// </summary>
sealed class NaiveEdit : IDisposable
{
    readonly VitModel _model;
    readonly Dictionary<string, Tensor> _weights;
    readonly (Tensor Weight, Tensor Mask, Tensor Square)[] _edited;
    readonly Tensor _pixels;
    readonly Tensor _label;
    readonly double _rate;

    public NaiveEdit(VitModel model, EditSpace space, UnitSelection units, Tensor pixels, int label, double rate)
    {
        (_model, _rate) = (model, rate);
        _weights = model.Tensors.ToDictionary(t => t.Key, t => t.Value.clone().requires_grad_(true));
        _edited =
        [
            .. Enumerable
                .Range(0, space.Matrices)
                .Select(m =>
                {
                    Tensor weight = _weights[space.MatrixName(m)];
                    Tensor mask = zeros_like(weight);
                    using Tensor index = tensor([.. units[m].ToArray().Select(u => (long)u)]);
                    mask.index_fill_(m % 2, index, 1);
                    return (weight, mask, zeros_like(weight));
                }),
        ];
        (_pixels, _label) = (pixels, tensor([(long)label]));
    }

    /// <summary>
    /// Steps until the prediction is right and the loss small: the number of steps, at most <paramref name="most"/>.
    /// </summary>
    public int Run(double stopLoss, int most)
    {
        int steps = 0;
        while (steps < most && !Step(stopLoss))
            steps++;
        return steps;
    }

    /// <summary>
    /// One step, unless the loss is at most <paramref name="stopLoss"/> and the prediction right: whether that is so.
    /// </summary>
    public bool Step(double stopLoss = -1)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (Tensor weight in _weights.Values)
            weight.grad = null;
        Tensor logits = _model.Logits(_pixels, _weights);
        Tensor loss = cross_entropy(logits, _label);
        if (loss.item<float>() <= stopLoss && logits.argmax(1).eq(_label).all().item<bool>())
            return true;
        loss.backward();
        using IDisposable noGrad = no_grad();
        foreach ((Tensor weight, Tensor mask, Tensor square) in _edited)
        {
            Tensor gradient = weight.grad! * mask;
            square.mul_(0.99).addcmul_(gradient, gradient, 0.01);
            weight.addcdiv_(gradient, square.sqrt().add_(1e-8), -_rate);
        }
        return false;
    }

    public void Dispose()
    {
        foreach (Tensor weight in _weights.Values)
            weight.Dispose();
        foreach ((_, Tensor mask, Tensor square) in _edited)
        {
            mask.Dispose();
            square.Dispose();
        }
        _label.Dispose();
    }
}
