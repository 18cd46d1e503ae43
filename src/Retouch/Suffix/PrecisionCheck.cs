using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>How far the suffix in bfloat16 is from the suffix in float32 on one model.</summary>
/// <param name="Images">
/// The images that were looked at: noise with as much of every size of structure, the same for all models of one input
/// size.
/// </param>
/// <param name="Agreeing">How many of them get the same class from both.</param>
/// <param name="LargestDifference">The largest difference of two logits.</param>
/// <param name="Deviation">The root of the mean square of these differences.</param>
public sealed record PrecisionCheck(int Images, int Agreeing, double LargestDifference, double Deviation)
{
    const int Count = 32;

    /// <summary>
    /// The gap of the two greatest logits below which a prediction is made again in float32: 12 deviations of one
    /// logit, that is 8.5 of a difference of two independent ones.
    /// </summary>
    public double Tolerance => 12 * Deviation;

    /// <summary>
    /// Whether predictions agree well enough for bfloat16 to be the better choice: an image on which they do not
    /// has two logits that are closer than <see cref="Tolerance"/>, which is computed again, and few are that close.
    /// </summary>
    public bool Agrees => Agreeing >= 0.9 * Images && double.IsFinite(Deviation);

    internal static PrecisionCheck Of(SplitVit split)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using PrefixState state = split.Prefix(Noise(split.Model.Config.ImageSize));
        Tensor exact = split.Logits(state);
        Tensor rough = split.Logits(state, null, Precision.Mixed);
        Tensor difference = (rough - exact).abs();
        return new PrecisionCheck(
            Count,
            (int)rough.argmax(1).eq(exact.argmax(1)).sum().item<long>(),
            difference.max().item<float>(),
            difference.Squared().mean().sqrt().item<float>()
        );
    }

    static Tensor Noise(int size)
    {
        using Generator generator = new(0, CPU);
        Tensor sum = zeros(Count, 3, size, size);
        int octaves = 0;
        for (int cells = 1; cells <= size; cells *= 2, octaves++)
            sum = sum.Plus(
                nn.functional.interpolate(
                    randn([Count, 3, cells, cells], generator: generator),
                    size: [size, size],
                    mode: InterpolationMode.Bilinear,
                    align_corners: false
                )
            );
        return sum / Held(Math.Sqrt(octaves));
    }
}
