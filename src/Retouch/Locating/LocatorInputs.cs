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
    /// What a classifier reads beside [CLS], or in its place, takes as many further tokens as it has room in, the last
    /// filled up with zeros.
    /// </summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="input">What the hypernetwork sees.</param>
    /// <param name="features">
    /// What the classifier reads of the failing images, <c>[B,D]</c>, or other numbers of each image, flattened or not.
    /// </param>
    /// <param name="wanted">The right probabilities, <c>[B,C]</c>.</param>
    /// <returns><c>[B,n,D]</c>, with the error <c>[B,2n,D]</c>; for a plain ViT n is 1.</returns>
    public static Tensor Tokens(VitModel model, LocatorInput input, Tensor features, Func<Tensor> wanted)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor read = Cut(features.flatten(1), model.Config.Width);
        if (input != LocatorInput.FeatureAndError)
            return read.clone().MoveToOuterDisposeScope();
        Tensor surplus = softmax(model.Classify(AsRead(model, features)), 1) - wanted(); // [B,C]
        string[] heads = [VitNames.HeadWeight, VitNames.SecondHeadWeight];
        Tensor error = cat(
            [.. heads.Where(model.Tensors.ContainsKey).Select(h => surplus.matmul(model.Tensors[h]))],
            1
        );
        error = error / error.Squared().mean([1], true).sqrt().clamp_min(Held(1e-12));
        return cat([read, Cut(error, model.Config.Width)], 1).MoveToOuterDisposeScope();
    }

    /// <summary>What the classifier reads, as it reads it, of the same flattened: of two heads <c>[B,2,D]</c>.</summary>
    public static Tensor AsRead(VitModel model, Tensor features) =>
        model.Config.Pooling == VitPooling.TwoHeads ? features.view(-1, 2, model.Config.Width) : features;

    static Tensor Cut(Tensor rows, int width)
    {
        long over = rows.shape[1] % width;
        if (over > 0)
            rows = cat([rows, zeros([rows.shape[0], width - over], rows.dtype, rows.device)], 1);
        return rows.view(rows.shape[0], -1, width);
    }
}
