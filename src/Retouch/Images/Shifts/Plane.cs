namespace Retouch.Images;

/// <summary>One number a pixel, in which shifts compute.</summary>
sealed class Plane
{
    public Plane(int width, int height) => (Width, Height, Values) = (width, height, new float[width * height]);

    public int Width { get; }

    public int Height { get; }

    /// <summary>Rows from the top.</summary>
    public float[] Values { get; }

    /// <summary>One channel of an image, in [0,1].</summary>
    public static Plane Channel(RgbImage image, int channel)
    {
        Plane plane = new(image.Width, image.Height);
        ReadOnlySpan<byte> pixels = image.Pixels;
        for (int i = 0; i < plane.Values.Length; i++)
            plane.Values[i] = pixels[3 * i + channel] / 255f;
        return plane;
    }

    /// <summary>An image's brightness as JPEG has it (ITU-R BT.601), in [0,1].</summary>
    public static Plane Luma(RgbImage image)
    {
        Plane plane = new(image.Width, image.Height);
        ReadOnlySpan<byte> pixels = image.Pixels;
        for (int i = 0; i < plane.Values.Length; i++)
            plane.Values[i] = (0.299f * pixels[3 * i] + 0.587f * pixels[3 * i + 1] + 0.114f * pixels[3 * i + 2]) / 255;
        return plane;
    }

    /// <summary>Gaussian blur, as three box blurs; the border's values continue outside.</summary>
    public Plane Blur(double sigma)
    {
        Plane result = new(Width, Height);
        Values.CopyTo(result.Values, 0);
        // Three boxes of width n have the variance 3·(n² - 1)/12.
        int radius = (int)Math.Round((Math.Sqrt(4 * sigma * sigma + 1) - 1) / 2);
        for (int pass = 0; radius > 0 && pass < 3; pass++)
        {
            result.BoxRows(radius);
            result.BoxColumns(radius);
        }
        return result;
    }

    /// <summary>
    /// The value at a place in pixels, 0.5 being the first's middle; bilinear, the border's values continue outside.
    /// </summary>
    public float At(double x, double y)
    {
        float fx = (float)Math.Clamp(x - 0.5, 0, Width - 1);
        float fy = (float)Math.Clamp(y - 0.5, 0, Height - 1);
        int x0 = (int)fx;
        int y0 = (int)fy;
        int right = x0 + 1 < Width ? 1 : 0;
        int below = y0 + 1 < Height ? Width : 0;
        (fx, fy) = (fx - x0, fy - y0);
        int i = y0 * Width + x0;
        float top = Values[i] + fx * (Values[i + right] - Values[i]);
        float bottom = Values[i + below] + fx * (Values[i + below + right] - Values[i + below]);
        return top + fy * (bottom - top);
    }

    void BoxRows(int radius)
    {
        float[] row = new float[Width];
        float scale = 1f / (2 * radius + 1);
        for (int y = 0; y < Height; y++)
        {
            Span<float> values = Values.AsSpan(y * Width, Width);
            values.CopyTo(row);
            double sum = 0;
            for (int k = -radius; k <= radius; k++)
                sum += row[Math.Clamp(k, 0, Width - 1)];
            for (int x = 0; x < Width; x++)
            {
                values[x] = (float)sum * scale;
                sum += row[Math.Min(x + radius + 1, Width - 1)] - row[Math.Max(x - radius, 0)];
            }
        }
    }

    // Row by row, for all columns at once: a walk down each column would miss the cache at each step.
    void BoxColumns(int radius)
    {
        float[] source = [.. Values];
        double[] sums = new double[Width];
        float scale = 1f / (2 * radius + 1);
        for (int k = -radius; k <= radius; k++)
        {
            int row = Math.Clamp(k, 0, Height - 1) * Width;
            for (int x = 0; x < Width; x++)
                sums[x] += source[row + x];
        }
        for (int y = 0; y < Height; y++)
        {
            int enter = Math.Min(y + radius + 1, Height - 1) * Width;
            int leave = Math.Max(y - radius, 0) * Width;
            int at = y * Width;
            for (int x = 0; x < Width; x++)
            {
                Values[at + x] = (float)sums[x] * scale;
                sums[x] += source[enter + x] - source[leave + x];
            }
        }
    }
}
