using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Locating;

/// <summary>Makes the tokens that a hypernetwork reads.</summary>
static class LocatorInputs
{
    /// <summary>
    /// The tokens for images that should have given probabilities <paramref name="wanted"/>; the caller disposes them.
    /// </summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="input">What the hypernetwork sees.</param>
    /// <param name="features">[CLS] features of the failing images, <c>[B,D]</c>.</param>
    /// <param name="wanted">The right probabilities, <c>[B,C]</c>.</param>
    /// <returns><c>[B,1,D]</c> or <c>[B,2,D]</c>.</returns>
    public static Tensor Tokens(VitModel model, LocatorInput input, Tensor features, Func<Tensor> wanted)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        if (input != LocatorInput.FeatureAndError)
            return features.unsqueeze(1).clone().MoveToOuterDisposeScope();
        // [B,D]
        Tensor error = (softmax(model.Classify(features), 1) - wanted()).matmul(model.Tensors[VitNames.HeadWeight]);
        error = error / error.Squared().mean([1], true).sqrt().clamp_min(Held(1e-12));
        return stack([features, error], 1).MoveToOuterDisposeScope();
    }
}
