using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// The paper's locator: a meta-trained <see cref="Hypernetwork"/> reads the failing image's [CLS] feature
/// under the unedited model. For several images their outputs are averaged. Does not own the hypernetwork.
/// </summary>
public sealed class HypernetworkLocator(Hypernetwork network) : ILocator
{
    /// <inheritdoc/>
    public string Name => "hypernetwork";

    /// <inheritdoc/>
    public Mask Locate(SplitVit split, Failure failure)
    {
        EditSpace space = split.Space;
        if (network.Width != space.Width || network.Hidden != space.Hidden || network.Matrices != space.Matrices)
        {
            throw BadInput.Mismatch(
                null,
                $"The locator scores {network.Matrices} matrices of {network.Hidden} units from features of width "
                    + $"{network.Width}; "
                    + $"the model has {space.Matrices} of {space.Hidden} and width {space.Width}. It was trained for "
                    + "another model."
            );
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor features = split.ClassFeatures(failure.State);
        Tensor tokens = LocatorInputs.Tokens(
            split.Model,
            network.Input,
            features,
            () =>
                nn
                    .functional.one_hot(
                        tensor(failure.EachLabel, ScalarType.Int64, features.device),
                        split.Model.Config.Classes
                    )
                    .to(features.dtype)
        );
        Tensor? gradients =
            network.Input == LocatorInput.FeatureAndGradient
                ? UnitGradients.Norms(split, failure.State, failure.EachLabel)
                : null;
        using IDisposable noGrad = no_grad();
        Tensor values = network.Forward(tokens, gradients).mean([0]); // [matrices,H]
        return Mask.FromTensor(space, network.Balanced ? Ranks(values) : values);
    }

    // Each unit's place within its matrix, from 0 for the least to below 1.
    static Tensor Ranks(Tensor values) => values.argsort(1).argsort(1).to(ScalarType.Float32) / Held(values.shape[1]);
}
