using Retouch.Measurement;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>Images that a model sees alike: how they are put together, for all that look for slices.</summary>
static class SliceGroups
{
    /// <summary>Puts rows together.</summary>
    /// <param name="rows"><c>[N,D]</c>, each of length 1.</param>
    /// <param name="settings">How.</param>
    /// <param name="cancellation">Stops in the middle.</param>
    /// <returns>The group of each row, how like its centre it is, and how many bits are no accident.</returns>
    public static (IReadOnlyList<int> Groups, IReadOnlyList<float> Likeness, double Bits) Of(
        Tensor rows,
        SliceSettings settings,
        CancellationToken cancellation
    )
    {
        using Clusters clusters = Clusters.Of(rows, settings.Fewest, settings.Most, settings.Seed, cancellation);
        (IReadOnlyList<int> groups, IReadOnlyList<float> likeness) = clusters.Assign(rows);
        return (groups, likeness, clusters.Bits);
    }

    /// <summary>
    /// Directions from what is usual, with as much weight on each dimension as it varies; in the caller's scope.
    /// </summary>
    /// <param name="some">The rows to group, <c>[N,D]</c>.</param>
    /// <param name="all">All rows, in parts, which say what is usual.</param>
    public static Tensor Directions(Tensor some, IEnumerable<Tensor> all) => Clusters.Unit(Standard(some, all));

    /// <summary>The same at their own length: each dimension less its mean, over its standard deviation.</summary>
    /// <param name="some">The rows, <c>[N,D]</c>.</param>
    /// <param name="all">All rows, in parts, which say what is usual.</param>
    public static Tensor Standard(Tensor some, IEnumerable<Tensor> all)
    {
        Tensor sum = zeros(some.shape[1], ScalarType.Float64);
        Tensor squares = zeros(some.shape[1], ScalarType.Float64);
        long count = 0;
        foreach (Tensor part in all)
        {
            using DisposeScope each = NewDisposeScope();
            Tensor rows = part.to(ScalarType.Float64);
            sum.Plus_(rows.sum([0]));
            squares.Plus_(rows.Squared().sum([0]));
            count += part.shape[0];
        }
        Tensor mean = sum / Held(count);
        Tensor deviation = (squares / Held(count) - mean.Squared()).clamp_min(Held(1e-12)).sqrt();
        return (some - mean.to(ScalarType.Float32)) / deviation.to(ScalarType.Float32);
    }

    /// <summary>Below which margin a model is unsure of an image.</summary>
    /// <param name="margins">The margins of all images.</param>
    /// <param name="settings">How.</param>
    public static double Below(IEnumerable<double> margins, SliceSettings settings)
    {
        double[] ordered = [.. margins.Order()];
        int least = (int)(settings.Least * ordered.Length);
        return least < ordered.Length ? Math.Max(settings.Unsure, ordered[least]) : double.PositiveInfinity;
    }
}
