using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// How alike other images are to a failing one at what the last FFN reads for [CLS]: with q the failing image's x and
/// μ the mean of ordinary ones, s(x) = (q−μ)·(x−μ)/‖q−μ‖²; and the edge beyond which an image counts as alike.
/// </summary>
static class Likeness
{
    // An edge that leaves all but the image itself out would make a unit of endless steepness.
    const double LastEdge = 0.9;

    /// <summary>
    /// A key k and a bias b such that x·k + b is 0 at the edge and 1 for the failing image; in the caller's scope.
    /// </summary>
    /// <param name="query">q, <c>[D]</c>.</param>
    /// <param name="memory">What the last FFN reads for ordinary images, <c>[N,D]</c>.</param>
    /// <param name="others">
    /// Those that count, <c>[N]</c> booleans: an image that has the wanted class already may well be alike.
    /// </param>
    /// <param name="leak">The share of those that may be beyond the edge, in [0,1).</param>
    public static (Tensor Key, Tensor Bias) Key(Tensor query, Tensor memory, Tensor others, double leak)
    {
        Tensor mean = memory.mean([0]);
        Tensor difference = query - mean;
        Tensor likeness = difference / difference.Squared().sum().clamp_min(Held(float.Epsilon));
        float[] alike = [.. mv(memory - mean, likeness).cpu().masked_select(others).data<float>().OrderDescending()];
        // The first that stays outside, if as many as may are inside.
        double edge =
            alike.Length == 0
                ? 0
                : Math.Clamp(alike[Math.Min((int)(leak * alike.Length), alike.Length - 1)], 0, LastEdge);
        Tensor key = likeness / Held(1 - edge);
        return (key, -(key.dot(mean) + Held(edge / (1 - edge))).reshape(1));
    }
}
