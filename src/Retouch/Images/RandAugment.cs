namespace Retouch.Images;

/// <summary>
/// Random changes of geometry and colour that leave what a picture shows, in the manner of Cubuk et al.,
/// "RandAugment" (2020): one affine map, which draws all its geometric operations at once, and then some
/// operations on colour, all scaled by one magnitude. Never mirrors. Immutable and safe to share between
/// threads; the same random numbers give the same pixels.
/// </summary>
sealed record RandAugment
{
    const double MaxDegrees = 30;
    const double MaxShear = 0.3;
    const double MaxShift = 0.2;
    const double MaxZoom = 0.3;
    const double MaxStretch = 0.2;

    static readonly Func<RgbImage, double, Random, RgbImage>[] ColourOperations =
    [
        Brightness,
        Contrast,
        Saturation,
        Hue,
        Posterize,
    ];

    /// <summary>Creates the transform.</summary>
    /// <param name="magnitude">How far every operation may go, in [0,1]; 0 leaves pictures as they are.</param>
    /// <param name="operations">How many operations on colour a picture gets, from 0 to 16.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public RandAugment(double magnitude, int operations = 2)
    {
        if (!(magnitude is >= 0 and <= 1))
            throw BadInput.OutOfRange(null, $"The augmentation's magnitude is {magnitude}: give 0 to 1.");
        if (operations is < 0 or > 16)
            throw BadInput.OutOfRange(
                null,
                $"The augmentation's number of colour operations is {operations}: give 0 to 16."
            );
        (Magnitude, Operations) = (magnitude, operations);
    }

    /// <summary>How far every operation may go, in [0,1].</summary>
    public double Magnitude { get; }

    /// <summary>How many operations on colour a picture gets.</summary>
    public int Operations { get; }

    /// <summary>A random variant of the picture, of the same size.</summary>
    public RgbImage Apply(RgbImage image, Random random)
    {
        if (Magnitude == 0)
            return image;
        RgbImage result = Warp(image, random);
        for (int i = 0; i < Operations; i++)
            result = ColourOperations[random.Next(ColourOperations.Length)](result, Magnitude, random);
        return result;
    }

    RgbImage Warp(RgbImage image, Random random)
    {
        double angle = Signed(random) * MaxDegrees * Magnitude * Math.PI / 180;
        double shear = Signed(random) * MaxShear * Magnitude;
        double zoom = Math.Exp(Signed(random) * MaxZoom * Magnitude);
        double stretch = Math.Exp(Signed(random) * MaxStretch * Magnitude / 2);
        double shiftX = Signed(random) * MaxShift * Magnitude * image.Width;
        double shiftY = Signed(random) * MaxShift * Magnitude * image.Height;
        (double sin, double cos) = Math.SinCos(angle);
        // From a pixel of the result to where it comes from.
        double xx = cos * zoom * stretch;
        double xy = (-sin + shear) * zoom;
        double yx = sin * zoom;
        double yy = cos * zoom / stretch;
        double centreX = (image.Width - 1) / 2.0;
        double centreY = (image.Height - 1) / 2.0;
        byte[] to = new byte[image.Pixels.Length];
        for (int y = 0, at = 0; y < image.Height; y++)
        {
            for (int x = 0; x < image.Width; x++, at += 3)
            {
                double dx = x - centreX;
                double dy = y - centreY;
                Sample(
                    image,
                    xx * dx + xy * dy + centreX + shiftX,
                    yx * dx + yy * dy + centreY + shiftY,
                    to.AsSpan(at, 3)
                );
            }
        }
        return new RgbImage(image.Width, image.Height, to);
    }

    // Bilinear; beyond its border a picture goes on as its border.
    static void Sample(RgbImage image, double x, double y, Span<byte> to)
    {
        x = Math.Clamp(x, 0, image.Width - 1);
        y = Math.Clamp(y, 0, image.Height - 1);
        int left = (int)x;
        int top = (int)y;
        int right = Math.Min(left + 1, image.Width - 1);
        int bottom = Math.Min(top + 1, image.Height - 1);
        double u = x - left;
        double v = y - top;
        ReadOnlySpan<byte> pixels = image.Pixels;
        int a = (top * image.Width + left) * 3;
        int b = (top * image.Width + right) * 3;
        int c = (bottom * image.Width + left) * 3;
        int d = (bottom * image.Width + right) * 3;
        for (int channel = 0; channel < 3; channel++)
        {
            double above = pixels[a + channel] * (1 - u) + pixels[b + channel] * u;
            double below = pixels[c + channel] * (1 - u) + pixels[d + channel] * u;
            to[channel] = Byte(above * (1 - v) + below * v);
        }
    }

    static RgbImage Brightness(RgbImage image, double magnitude, Random random)
    {
        double factor = Math.Exp(Signed(random) * 0.6 * magnitude);
        return Map(image, (r, g, b) => (r * factor, g * factor, b * factor));
    }

    static RgbImage Contrast(RgbImage image, double magnitude, Random random)
    {
        double factor = Math.Exp(Signed(random) * 0.6 * magnitude);
        double sum = 0;
        foreach (byte value in image.Pixels)
            sum += value;
        double mean = sum / image.Pixels.Length;
        return Map(
            image,
            (r, g, b) => (mean + (r - mean) * factor, mean + (g - mean) * factor, mean + (b - mean) * factor)
        );
    }

    static RgbImage Saturation(RgbImage image, double magnitude, Random random)
    {
        double factor = 1 + Signed(random) * magnitude;
        return Map(
            image,
            (r, g, b) =>
            {
                double luma = Luma(r, g, b);
                return (luma + (r - luma) * factor, luma + (g - luma) * factor, luma + (b - luma) * factor);
            }
        );
    }

    // A rotation of RGB around the grey axis.
    static RgbImage Hue(RgbImage image, double magnitude, Random random)
    {
        (double sin, double cos) = Math.SinCos(Signed(random) * Math.PI * magnitude);
        double same = cos + (1 - cos) / 3;
        double next = (1 - cos) / 3 - sin / Math.Sqrt(3);
        double last = (1 - cos) / 3 + sin / Math.Sqrt(3);
        return Map(
            image,
            (r, g, b) =>
                (same * r + next * g + last * b, last * r + same * g + next * b, next * r + last * g + same * b)
        );
    }

    static RgbImage Posterize(RgbImage image, double magnitude, Random random)
    {
        double step = Math.Pow(2, random.NextDouble() * 5 * magnitude);
        return Map(image, (r, g, b) => (Level(r), Level(g), Level(b)));

        double Level(double value) => (Math.Floor(value / step) + 0.5) * step;
    }

    static RgbImage Map(RgbImage image, Func<double, double, double, (double, double, double)> map)
    {
        ReadOnlySpan<byte> from = image.Pixels;
        byte[] to = new byte[from.Length];
        for (int i = 0; i < to.Length; i += 3)
        {
            (double r, double g, double b) = map(from[i], from[i + 1], from[i + 2]);
            (to[i], to[i + 1], to[i + 2]) = (Byte(r), Byte(g), Byte(b));
        }
        return new RgbImage(image.Width, image.Height, to);
    }

    static double Luma(double r, double g, double b) => 0.299 * r + 0.587 * g + 0.114 * b;

    static byte Byte(double value) => (byte)Math.Clamp(Math.Round(value), 0, 255);

    static double Signed(Random random) => random.NextDouble() * 2 - 1;
}
