using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Benchmarks;

/// <summary>The best rate of plain matrix products on this machine, in 10⁹ operations a second: what all else is a share of.</summary>
sealed record Peak(double Full, double Mixed)
{
    public static Peak Measure(bool mixed) => new(Rate(ScalarType.Float32), mixed ? Rate(ScalarType.BFloat16) : 0);

    // Shapes of the suffixes that are measured, and a large square one.
    static double Rate(ScalarType type) => new (long M, long K, long N)[] { (197 * 32, 192, 768), (197 * 32, 768, 192), (197 * 32, 768, 3072), (197 * 32, 3072, 768), (2048, 2048, 2048) }.Max(s => Rate(s.M, s.K, s.N, type));

    static double Rate(long m, long k, long n, ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor a = randn(m, k).to(type), b = randn(n, k).to(type);
        double best = 0;
        for (int i = 0; i < 10; i++)
        {
            long start = Stopwatch.GetTimestamp();
            using Tensor c = nn.functional.linear(a, b);
            best = Math.Max(best, 2e-9 * m * k * n / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}
