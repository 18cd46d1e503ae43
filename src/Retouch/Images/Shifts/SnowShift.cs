namespace Retouch.Images;

/// <summary>
/// Falling snow: the air turns white and hides contrast and colour, and flakes fall before it, small sharp ones
/// and a few large ones near the lens that are out of focus, all driven by one wind.
/// </summary>
sealed class SnowShift : ImageShift
{
    public override string Name => "snow";

    public override string Description => "in falling snow";

    private protected override RgbImage Render(RgbImage image, double strength, Random random)
    {
        (int width, int height) = (image.Width, image.Height);
        double unit = Math.Max(Unit(image), 0.3);
        double wind = Uniform(random, -0.6, 0.6);
        Plane flakes = new(width, height);
        double area = width * (double)height / (unit * unit * 224 * 224);
        foreach (
            (double radius, double trail, double opacity, int count) in ((double, double, double, int)[])
                [(0.75, 1, 0.75, 1300), (1.3, 1.6, 0.85, 420), (2.2, 2.5, 0.85, 110), (4.5, 3.5, 0.4, 20)]
        )
        {
            int number = (int)(count * area * strength * 1.1);
            for (int k = 0; k < number; k++)
            {
                double size = radius * unit * Uniform(random, 0.6, 1.3);
                double direction = wind + Uniform(random, -0.12, 0.12);
                double length = trail * unit * Uniform(random, 0.5, 1.2) * strength;
                (double x, double y) = (random.NextDouble() * width, random.NextDouble() * height);
                // A flake smaller than a pixel hides a part of it.
                double part = Math.Min(1, size * size / 0.25);
                Fall(
                    flakes,
                    x,
                    y,
                    direction * length,
                    length,
                    Math.Max(size, 0.5),
                    (float)(part * opacity * Uniform(random, 0.6, 1))
                );
            }
        }
        float fog = (float)(0.42 * strength);
        float gray = (float)(0.6 * strength);
        byte[] result = new byte[image.Pixels.Length];
        ReadOnlySpan<byte> pixels = image.Pixels;
        for (int i = 0, p = 0; p < flakes.Values.Length; p++, i += 3)
        {
            float luma = (0.299f * pixels[i] + 0.587f * pixels[i + 1] + 0.114f * pixels[i + 2]) / 255;
            for (int c = 0; c < 3; c++)
            {
                float seen = pixels[i + c] / 255f;
                seen += gray * (luma - seen);
                float air = c == 2 ? 0.90f : 0.86f;
                seen += fog * (air - seen);
                result[i + c] = Light.Byte(seen + flakes.Values[p] * (0.985f - seen));
            }
        }
        return new RgbImage(width, height, result);
    }

    /// <summary>
    /// Draws a flake and its trail: a line with a soft edge. Flakes hide each other, so that none is brighter than
    /// white.
    /// </summary>
    static void Fall(Plane plane, double x, double y, double dx, double dy, double radius, float opacity)
    {
        (int left, int right) = (
            (int)Math.Max(Math.Min(x, x + dx) - radius - 1, 0),
            (int)Math.Min(Math.Max(x, x + dx) + radius + 2, plane.Width)
        );
        (int top, int bottom) = ((int)Math.Max(y - radius - 1, 0), (int)Math.Min(y + dy + radius + 2, plane.Height));
        double squared = Math.Max(dx * dx + dy * dy, 1e-9);
        for (int py = top; py < bottom; py++)
        {
            for (int px = left; px < right; px++)
            {
                (double ox, double oy) = (px + 0.5 - x, py + 0.5 - y);
                double t = Math.Clamp((ox * dx + oy * dy) / squared, 0, 1);
                double distance = Math.Sqrt((ox - t * dx) * (ox - t * dx) + (oy - t * dy) * (oy - t * dy));
                float cover = opacity * (float)Math.Clamp(1.35 * (radius + 0.5 - distance) / (radius + 0.5), 0, 1);
                ref float value = ref plane.Values[py * plane.Width + px];
                value += cover * (1 - value);
            }
        }
    }
}
