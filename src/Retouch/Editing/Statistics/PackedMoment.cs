using Retouch.Locating;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// A second moment E[x·xᵀ] as a small file keeps it: the mean, the standard deviations, and the correlations
/// above the diagonal in half precision. The mean alone holds most of a moment's energy; kept apart it does not
/// drown in rounding what the rest says, and correlations neither overflow nor vanish.
/// </summary>
static class PackedMoment
{
    /// <summary>Puts the parts of a moment among tensors; they lie in the caller's dispose scope.</summary>
    /// <param name="into">
    /// Gets <c>NAME.mean [d]</c>, <c>NAME.deviation [d]</c> and <c>NAME.correlations [d·(d−1)/2]</c>.
    /// </param>
    /// <param name="name">The moment's name.</param>
    /// <param name="moment"><c>[d,d]</c> float64.</param>
    /// <param name="mean"><c>[d]</c> float64.</param>
    public static void Pack(Dictionary<string, Tensor> into, string name, Tensor moment, Tensor mean)
    {
        Tensor covariance = moment - outer(mean, mean);
        Tensor deviation = covariance.diagonal().clamp_min(Held(0)).sqrt();
        Tensor scale = where(deviation.gt(Held(0)), deviation, ones_like(deviation));
        Tensor correlations = (covariance / outer(scale, scale))
            .masked_select(Above(moment.shape[0]))
            .clamp(Held(-1), Held(1));
        into[name + ".mean"] = mean;
        into[name + ".deviation"] = deviation;
        into[name + ".correlations"] = correlations.to(ScalarType.Float16);
    }

    /// <summary>The moment, <c>[d,d]</c> float64; the caller disposes it.</summary>
    /// <exception cref="BadInputException">A part is missing or has not the size of the others.</exception>
    public static Tensor Unpack(Preparation from, string name) =>
        Unpack(from, name, from.Shaped(name + ".mean", -1).shape[0]);

    /// <summary>The same, of a matrix's side of a known size.</summary>
    internal static Tensor Unpack(Preparation from, string name, long size)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor mean = from.Shaped(name + ".mean", size).to(ScalarType.Float64);
        Tensor deviation = from.Shaped(name + ".deviation", size).to(ScalarType.Float64);
        Tensor correlations = from.Shaped(name + ".correlations", size * (size - 1) / 2).to(ScalarType.Float64);
        Tensor upper = zeros([size, size], ScalarType.Float64).masked_scatter_(Above(size), correlations);
        Tensor covariance =
            upper.Plus(upper.t()).Plus(eye(size, dtype: ScalarType.Float64)) * outer(deviation, deviation);
        return covariance.Plus(outer(mean, mean)).MoveToOuterDisposeScope();
    }

    static Tensor Above(long size) => ones([size, size], ScalarType.Bool).triu(1);
}
