using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// Interpolates positional embeddings to another grid as timm's resample_abs_pos_embed does: PyTorch's bicubic with
/// antialias, whose kernel has a = -0.5 and widens with the shrink factor, weights normalized within the grid.
/// </summary>
static class PositionGrid
{
    const double A = -0.5;
    const double Support = 2;

    /// <summary>
    /// The positions of another grid; those of the tokens in front stay. A new tensor, which the caller disposes.
    /// </summary>
    /// <param name="positions"><c>[1,P+g·g,D]</c>.</param>
    /// <param name="prefix">Positions before those of the patches, P.</param>
    /// <param name="grid">Patches along a side now, g.</param>
    /// <param name="wanted">Patches along a side wanted.</param>
    public static Tensor Resize(Tensor positions, int prefix, int grid, int wanted)
    {
        using DisposeScope scope = NewDisposeScope();
        long width = positions.shape[2];
        Tensor weights = Weights(grid, wanted); // [w,g]
        Tensor patches = positions.narrow(1, prefix, (long)grid * grid).view(grid, grid, width);
        Tensor rows = weights.matmul(patches.reshape(grid, grid * width)).view(wanted, grid, width);
        Tensor resized = weights.matmul(rows).view(1, (long)wanted * wanted, width); // [w,g] × [w,g,D]
        return (prefix == 0 ? resized : cat([positions.narrow(1, 0, prefix), resized], 1))
            .contiguous()
            .MoveToOuterDisposeScope();
    }

    static Tensor Weights(int from, int to)
    {
        double scale = (double)from / to;
        double stretch = Math.Max(scale, 1);
        double support = Support * stretch;
        float[] weights = new float[to * from];
        for (int i = 0; i < to; i++)
        {
            double centre = scale * (i + 0.5);
            int first = Math.Max((int)(centre - support + 0.5), 0);
            int end = Math.Min((int)(centre + support + 0.5), from);
            double[] row =
            [
                .. Enumerable.Range(first, Math.Max(end - first, 0)).Select(j => Kernel((j - centre + 0.5) / stretch)),
            ];
            double sum = row.Sum();
            for (int j = 0; j < row.Length; j++)
                weights[i * from + first + j] = (float)(row[j] / sum);
        }
        return tensor(weights, [to, from]);
    }

    static double Kernel(double x)
    {
        x = Math.Abs(x);
        return x < 1 ? ((A + 2) * x - (A + 3)) * x * x + 1
            : x < 2 ? (((x - 5) * x + 8) * x - 4) * A
            : 0;
    }
}
