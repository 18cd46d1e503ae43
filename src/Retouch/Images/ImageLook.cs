namespace Retouch.Images;

/// <summary>
/// What can be measured of how an image looks, whatever it shows. All but its size is of a copy whose longer side is at
/// most <see cref="Side"/> pixels, so that images of several sizes compare. Immutable.
/// </summary>
/// <param name="Brightness">The mean luminance (Rec. 709), in [0,1].</param>
/// <param name="Contrast">The standard deviation of the luminance, in [0,0.5].</param>
/// <param name="Saturation">The mean of largest less smallest channel over the largest, in [0,1].</param>
/// <param name="Sharpness">The natural logarithm of the variance of the luminance's Laplacian.</param>
/// <param name="Size">The binary logarithm of the longer side in pixels.</param>
/// <param name="Border">The mean luminance of the outermost tenth on each side, in [0,1]: the background's.</param>
/// <param name="Plain">1 less twice the standard deviation of that luminance, in [0,1]: 1 of an even one.</param>
public readonly record struct ImageLook(
    double Brightness,
    double Contrast,
    double Saturation,
    double Sharpness,
    double Size,
    double Border,
    double Plain
)
{
    /// <summary>The longer side of the copy that is measured, in pixels.</summary>
    public const int Side = 128;

    // Of an even image the logarithm is of this, not of zero.
    const double LeastVariance = 1e-8;

    /// <summary>The names of the measures, in the order of <see cref="Values"/>.</summary>
    public static IReadOnlyList<string> Names { get; } =
    ["brightness", "contrast", "saturation", "sharpness", "size", "background brightness", "plain background"];

    /// <summary>The measures.</summary>
    public IReadOnlyList<double> Values => [Brightness, Contrast, Saturation, Sharpness, Size, Border, Plain];

    /// <summary>Measures an image.</summary>
    /// <param name="image">The image, at its own size.</param>
    public static ImageLook Of(RgbImage image)
    {
        double scale = Math.Min((double)Side / Math.Max(image.Width, image.Height), 1);
        RgbImage small =
            scale < 1
                ? Resampler.Resize(
                    image,
                    Math.Max((int)Math.Round(image.Width * scale), 1),
                    Math.Max((int)Math.Round(image.Height * scale), 1),
                    Interpolation.Bilinear
                )
                : image;
        (int width, int height) = (small.Width, small.Height);
        ReadOnlySpan<byte> pixels = small.Pixels;
        double[] light = new double[width * height];
        double saturation = 0;
        for (int i = 0; i < light.Length; i++)
        {
            (byte r, byte g, byte b) = (pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]);
            light[i] = (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
            int most = Math.Max(r, Math.Max(g, b));
            saturation += most == 0 ? 0 : (double)(most - Math.Min(r, Math.Min(g, b))) / most;
        }
        (double mean, double variance) = Moments(light);
        (double border, double uneven) = Moments([.. Edge(light, width, height)]);
        (_, double laplacian) = Moments([.. Laplacian(light, width, height)]);
        return new ImageLook(
            mean,
            Math.Sqrt(variance),
            saturation / light.Length,
            Math.Log(laplacian + LeastVariance),
            Math.Log2(Math.Max(image.Width, image.Height)),
            border,
            1 - 2 * Math.Sqrt(uneven)
        );
    }

    static (double Mean, double Variance) Moments(double[] values)
    {
        if (values.Length == 0)
            return (0, 0);
        double mean = values.Average();
        return (mean, values.Average(v => (v - mean) * (v - mean)));
    }

    static IEnumerable<double> Edge(double[] light, int width, int height)
    {
        (int x, int y) = (Math.Max(width / 10, 1), Math.Max(height / 10, 1));
        for (int i = 0; i < light.Length; i++)
        {
            (int row, int column) = (i / width, i % width);
            if (row < y || row >= height - y || column < x || column >= width - x)
                yield return light[i];
        }
    }

    static IEnumerable<double> Laplacian(double[] light, int width, int height)
    {
        for (int row = 1; row < height - 1; row++)
        {
            for (int column = 1; column < width - 1; column++)
            {
                int at = row * width + column;
                yield return light[at - 1] + light[at + 1] + light[at - width] + light[at + width] - 4 * light[at];
            }
        }
    }
}
