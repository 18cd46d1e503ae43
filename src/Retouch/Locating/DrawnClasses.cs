using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>Classes that a model draws itself, as the Fisher information wants them: no labels are needed.</summary>
static class DrawnClasses
{
    /// <summary>A class for each image, with its predicted probability.</summary>
    /// <param name="probabilities"><c>[B,C]</c>.</param>
    /// <param name="random">Gives one number an image.</param>
    /// <returns><c>[B]</c> int64 on the probabilities' device; in the caller's dispose scope.</returns>
    public static Tensor Of(Tensor probabilities, Random random)
    {
        long images = probabilities.shape[0];
        Tensor drawn = tensor(
            [.. Enumerable.Range(0, (int)images).Select(_ => random.NextDouble())],
            [images, 1],
            ScalarType.Float64
        );
        return probabilities
            .detach()
            .cpu()
            .to(ScalarType.Float64)
            .cumsum(1)
            .lt(drawn)
            .sum([1])
            .clamp_max(Held(probabilities.shape[1] - 1))
            .to(probabilities.device);
    }
}
