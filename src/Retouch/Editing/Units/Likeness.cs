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
    /// <param name="ordinary">Ordinary images.</param>
    /// <param name="label">The wanted class: an image that has it already may well be alike and does not count.</param>
    /// <param name="leak">The share of the others that may be beyond the edge, in [0,1).</param>
    public static (Tensor Key, Tensor Bias) Key(Tensor query, OrdinaryTokens ordinary, int label, double leak)
    {
        Tensor mean = ordinary.Queries.mean([0]);
        (Tensor key, Tensor bias, bool _) = Edge(Direction(query - mean), mean, ordinary, label, leak);
        return (key, bias);
    }

    /// <summary>s as a direction, <c>[D]</c>; in the caller's scope.</summary>
    /// <param name="difference">q − μ, <c>[D]</c>.</param>
    public static Tensor Direction(Tensor difference) =>
        difference / difference.Squared().sum().clamp_min(Held(float.Epsilon));

    /// <summary>
    /// The same as <see cref="Key"/> along another direction than that of likeness, and whether no more ordinary images
    /// than may are beyond the edge: some may be as far out as the failing image itself.
    /// </summary>
    /// <param name="direction">Along which the failing image reads 1 from the mean, <c>[D]</c>.</param>
    /// <param name="mean">μ, <c>[D]</c>.</param>
    /// <param name="ordinary">Ordinary images.</param>
    /// <param name="label">The wanted class.</param>
    /// <param name="leak">The share of the others that may be beyond the edge, in [0,1).</param>
    public static (Tensor Key, Tensor Bias, bool IsHeld) Edge(
        Tensor direction,
        Tensor mean,
        OrdinaryTokens ordinary,
        int label,
        double leak
    )
    {
        Tensor others = ordinary.Others(label);
        float[] readings =
        [
            .. mv(ordinary.Queries - mean, direction).masked_select(others).cpu().data<float>().OrderDescending(),
        ];
        // The first that stays outside, if as many as may are inside.
        double wanted =
            readings.Length == 0 ? 0 : readings[Math.Min((int)(leak * readings.Length), readings.Length - 1)];
        double edge = Math.Clamp(wanted, 0, LastEdge);
        Tensor key = direction / Held(1 - edge);
        return (key, -(key.dot(mean) + Held(edge / (1 - edge))).reshape(1), wanted <= LastEdge);
    }
}
