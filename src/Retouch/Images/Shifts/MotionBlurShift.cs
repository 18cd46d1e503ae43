namespace Retouch.Images;

/// <summary>The camera moved while the shutter was open: light averaged along a line in a random direction.</summary>
sealed class MotionBlurShift : ImageShift
{
    const double Longest = 32; // units at strength 1

    public override string Name => "motion-blur";

    public override string Description => "blurred by a moving camera";

    private protected override RgbImage Render(RgbImage image, double strength, Random random)
    {
        double length = Longest * strength * Unit(image);
        double angle = random.NextDouble() * Math.PI;
        // A line of n·m points is a line of n points, of which each is a line of m: as exact, in n + m steps.
        int taps = (int)Math.Ceiling(Math.Sqrt(length + 1));
        (double stepX, double stepY) = (
            Math.Cos(angle) * length / (taps * taps),
            Math.Sin(angle) * length / (taps * taps)
        );
        byte[] result = new byte[image.Pixels.Length];
        for (int c = 0; c < 3; c++)
        {
            Plane light = new(image.Width, image.Height);
            for (int i = 0; i < light.Values.Length; i++)
                light.Values[i] = Light.Of(image.Pixels[3 * i + c]);
            light = Average(Average(light, taps, stepX, stepY), taps, stepX * taps, stepY * taps);
            for (int i = 0; i < light.Values.Length; i++)
                result[3 * i + c] = Light.Level(light.Values[i]);
        }
        return new RgbImage(image.Width, image.Height, result);
    }

    /// <summary>Each pixel as the mean of points on a line through it.</summary>
    static Plane Average(Plane plane, int taps, double stepX, double stepY)
    {
        Plane result = new(plane.Width, plane.Height);
        Parallel.For(
            0,
            plane.Height,
            ReadingBudget.Parallelism,
            y =>
            {
                for (int x = 0; x < plane.Width; x++)
                {
                    float sum = 0;
                    for (int k = 0; k < taps; k++)
                    {
                        double offset = k - (taps - 1) / 2.0;
                        sum += plane.At(x + 0.5 + offset * stepX, y + 0.5 + offset * stepY);
                    }
                    result.Values[y * plane.Width + x] = sum / taps;
                }
            }
        );
        return result;
    }
}
