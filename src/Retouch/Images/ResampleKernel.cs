namespace Retouch.Images;

/// <summary>
/// The fixed-point weights of a resize along one axis: for every output position, which run of
/// input positions it mixes and how. PIL computes them in double and rounds them to 22 bits; to be
/// equal to it bit for bit, every operation below keeps its order and its precision.
/// </summary>
sealed class ResampleKernel
{
    /// <summary>8 bits of the 32 are the pixel's; 2 are for cubic overshoot and the sign.</summary>
    internal const int PrecisionBits = 32 - 8 - 2;

    readonly int[] starts;
    readonly int[] lengths;
    readonly int[] weights;
    readonly int stride;

    ResampleKernel(int count, int stride)
    {
        (starts, lengths, weights) = (new int[count], new int[count], new int[count * stride]);
        this.stride = stride;
    }

    /// <summary>Whether output and input positions are one and the same, so that the pass may be skipped.</summary>
    internal bool IsIdentity { get; private init; }

    /// <summary>The number of output positions.</summary>
    internal int Count => starts.Length;

    /// <summary>The first input position that any output needs.</summary>
    internal int First => starts[0];

    /// <summary>The input position after the last that any output needs.</summary>
    internal int End => starts[^1] + lengths[^1];

    /// <summary>The first input position that output <paramref name="i"/> mixes.</summary>
    internal int Start(int i) => starts[i];

    /// <summary>The weights of the input positions from <see cref="Start"/> on.</summary>
    internal ReadOnlySpan<int> Weights(int i) => weights.AsSpan(i * stride, lengths[i]);

    /// <summary>
    /// Weights that map the input's interval [from, to) onto <paramref name="outputSize"/> positions,
    /// of which only the <paramref name="count"/> from <paramref name="offset"/> on are made: a centre
    /// crop that follows does not pay for what it cuts away.
    /// </summary>
    internal static ResampleKernel Create(
        int inputSize,
        float from,
        float to,
        long outputSize,
        long offset,
        int count,
        Interpolation interpolation
    )
    {
        if (from == 0 && to == inputSize && outputSize == inputSize)
        {
            ResampleKernel identity = new(count, stride: 1) { IsIdentity = true };
            for (int i = 0; i < count; i++)
            {
                (identity.starts[i], identity.lengths[i], identity.weights[i]) = (
                    (int)offset + i,
                    1,
                    1 << PrecisionBits
                );
            }
            return identity;
        }

        double scale = (double)(to - from) / outputSize;
        double filterScale = Math.Max(scale, 1);
        double support = (interpolation == Interpolation.Bicubic ? 2 : 1) * filterScale;
        double step = 1 / filterScale;
        int longest = Math.Min((int)Math.Ceiling(support) * 2 + 1, inputSize);
        ResampleKernel kernel = new(count, longest);
        Span<double> exact = new double[longest];
        for (int i = 0; i < count; i++)
        {
            double center = from + (offset + i + 0.5) * scale;
            int start = Math.Max((int)(center - support + 0.5), 0);
            int length = Math.Min((int)(center + support + 0.5), inputSize) - start;
            double sum = 0;
            for (int k = 0; k < length; k++)
            {
                double distance = Math.Abs((k + start - center + 0.5) * step);
                exact[k] = interpolation == Interpolation.Bicubic ? Cubic(distance) : Math.Max(1 - distance, 0);
                sum += exact[k];
            }
            Span<int> row = kernel.weights.AsSpan(i * longest, length);
            for (int k = 0; k < length; k++)
            {
                double weight = sum != 0 ? exact[k] / sum : exact[k];
                row[k] = (int)(weight * (1 << PrecisionBits) + (weight < 0 ? -0.5 : 0.5));
            }
            (kernel.starts[i], kernel.lengths[i]) = (start, length);
        }
        return kernel;
    }

    static double Cubic(double x)
    {
        const double a = -0.5;
        return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1
            : x < 2 ? (((x - 5) * x + 8) * x - 4) * a
            : 0;
    }
}
