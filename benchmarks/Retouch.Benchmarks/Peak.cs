using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Speed;

/// <summary>
/// The best rate of libtorch's plain matrix products on this machine, in 10⁹ operations a second: what all else is a
/// share of.
/// </summary>
/// <param name="Full">In float32, when the program began.</param>
/// <param name="Mixed">In bfloat16; 0 where the processor has none.</param>
sealed record Peak(double Full, double Mixed)
{
    // Shapes of the suffixes that are measured, and a large square one.
    static readonly (long M, long K, long N)[] s_shapes =
    [
        (197 * 32, 192, 768),
        (197 * 32, 768, 192),
        (197 * 32, 768, 3072),
        (197 * 32, 3072, 768),
        (2048, 2048, 2048),
    ];

    (long M, long K, long N) _fullShape;
    (long M, long K, long N) _mixedShape;

    /// <param name="mixed">Whether to measure bfloat16.</param>
    /// <param name="smoke">Whether a single small product, once, will do.</param>
    public static Peak Measure(bool mixed, bool smoke)
    {
        (long M, long K, long N)[] shapes = smoke ? s_shapes[..1] : s_shapes;
        int calls = smoke ? 1 : 10;
        double[] full = [.. shapes.Select(s => Rate(s, ScalarType.Float32, calls))];
        double[] narrow = [.. shapes.Select(s => mixed ? Rate(s, ScalarType.BFloat16, calls) : 0)];
        return new Peak(full.Max(), narrow.Max())
        {
            _fullShape = shapes[Array.IndexOf(full, full.Max())],
            _mixedShape = shapes[Array.IndexOf(narrow, narrow.Max())],
        };
    }

    /// <summary>
    /// The rate of the same products at this moment: on shared machines it changes by half within seconds.
    /// </summary>
    public double Now(bool mixed) =>
        mixed ? Rate(_mixedShape, ScalarType.BFloat16, 3) : Rate(_fullShape, ScalarType.Float32, 3);

    static double Rate((long M, long K, long N) shape, ScalarType type, int calls)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor a = randn(shape.M, shape.K).to(type);
        Tensor b = randn(shape.N, shape.K).to(type);
        double best = 0;
        for (int i = 0; i < calls; i++)
        {
            long start = Stopwatch.GetTimestamp();
            using Tensor c = nn.functional.linear(a, b);
            best = Math.Max(best, 2e-9 * shape.M * shape.K * shape.N / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}
