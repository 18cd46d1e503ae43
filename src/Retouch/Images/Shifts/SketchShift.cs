namespace Retouch.Images;

/// <summary>
/// A pencil drawing: lines where the picture is darker than its surroundings (what photographers call colour
/// dodge with a blurred negative), and hatching in two directions, closer the darker.
/// </summary>
sealed class SketchShift : ImageShift
{
    public override string Name => "sketch";

    public override string Description => "drawn in pencil, with hatched shadows";

    private protected override RgbImage Render(RgbImage image, double strength, Random random)
    {
        double unit = Math.Max(Unit(image), 0.4);
        Plane luma = Plane.Luma(image).Blur(1.2 * unit);
        Plane around = luma.Blur(2.5 * unit);
        float angle = (float)Uniform(random, 0.6, 0.95);
        float tilt = (float)Uniform(random, 0.25, 0.4);
        (float cos, float sin, float cos2, float sin2) = (
            MathF.Cos(angle),
            MathF.Sin(angle),
            MathF.Cos(angle + tilt + 0.6f),
            MathF.Sin(angle + tilt + 0.6f)
        );
        (float seedX, float seedY) = (random.NextSingle() * 256, random.NextSingle() * 256);
        float cover = (float)Math.Min(1, 1.6 * strength);
        float press = (float)(0.6 + 0.7 * strength);
        float scale = (float)(1 / unit);
        byte[] result = new byte[image.Pixels.Length];
        Parallel.For(
            0,
            image.Height,
            ReadingBudget.Parallelism,
            y =>
            {
                ReadOnlySpan<byte> pixels = image.Pixels;
                for (int x = 0, i = y * image.Width; x < image.Width; x++, i++)
                {
                    float value = luma.Values[i];
                    float line = Math.Clamp(1 - (value + 0.03f) / (around.Values[i] + 0.03f), 0, 1);
                    (float ux, float uy) = (x * scale, y * scale);
                    // A pencil's hatch is a brush's hairs at an angle.
                    float hatch = Noise.Bristles(
                        (ux * cos + uy * sin) * 0.55f + seedX,
                        (uy * cos - ux * sin) * 0.35f + seedY
                    );
                    float crossed = Noise.Bristles(
                        (ux * cos2 + uy * sin2) * 0.55f + seedY,
                        (uy * cos2 - ux * sin2) * 0.35f + seedX
                    );
                    float tone = Math.Clamp(0.72f - value, 0, 0.72f) / 0.72f;
                    float graphite =
                        press
                        * (
                            1.3f * line
                            + (0.12f + 0.42f * tone) * Math.Clamp((hatch - 0.78f + 0.75f * tone) * 2.2f, 0, 1)
                            + 0.3f * Math.Clamp((tone - 0.5f) * 2, 0, 1) * Math.Clamp((crossed - 0.3f) * 2.2f, 0, 1)
                        );
                    float grain = 0.03f * (Noise.Grain(ux * 1.3f + seedX, uy * 1.3f + seedY) - 0.5f);
                    float paper = 0.965f + grain;
                    float drawn = paper - 0.86f * Math.Clamp(graphite * (1 + 8 * grain), 0, 1);
                    for (int c = 0; c < 3; c++)
                    {
                        float original = pixels[3 * i + c] / 255f;
                        // Warm paper, cold graphite.
                        result[3 * i + c] = Light.Byte(
                            original + cover * (drawn * (c == 2 ? 0.97f + 0.05f * (1 - drawn) : 1) - original)
                        );
                    }
                }
            }
        );
        return new RgbImage(image.Width, image.Height, result);
    }
}
