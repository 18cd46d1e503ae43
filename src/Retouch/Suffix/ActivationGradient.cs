using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>The derivatives of a model's activations.</summary>
static class ActivationGradient
{
    /// <summary>The gradient of an activation's input, given that of its output.</summary>
    /// <param name="model">The model whose activation it is.</param>
    /// <param name="gradient">The gradient of the output, of any shape.</param>
    /// <param name="x">The input, of the same shape.</param>
    public static Tensor ActivateBackward(this VitModel model, Tensor gradient, Tensor x)
    {
        if (model.Config.Activation != VitActivation.QuickGelu)
            return Aten.GeluBackward(gradient, x, model.Config.Activation == VitActivation.GeluTanh);
        Tensor gate = (x * Held(1.702)).sigmoid();
        return gradient * gate * (x * Held(1.702) * (Held(1) - gate) + Held(1));
    }
}
