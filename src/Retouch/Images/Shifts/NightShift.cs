namespace Retouch.Images;

/// <summary>
/// The same scene at night under the moon: a fifteenth of the light and less, the colours that the eye does not
/// see in the dark gone towards blue, a darker sky, and the grain of a sensor that has too little light.
/// </summary>
sealed class NightShift : ImageShift
{
    public override string Name => "night";

    public override string Description => "at night: dark, bluish and grainy";

    private protected override RgbImage Render(RgbImage image, double strength, Random random)
    {
        float s = (float)strength;
        float scale = (float)(1 / Math.Max(Unit(image), 1));
        float exposure = MathF.Pow(0.055f, s);
        float gray = 0.9f * Math.Min(1, 1.3f * s);
        float noise = 0.016f * s;
        (float seedX, float seedY) = (random.NextSingle() * 256, random.NextSingle() * 256);
        byte[] result = new byte[image.Pixels.Length];
        Parallel.For(
            0,
            image.Height,
            ReadingBudget.Parallelism,
            y =>
            {
                ReadOnlySpan<byte> pixels = image.Pixels;
                float sky = 1 - 0.45f * s * Math.Clamp(1 - 2f * y / image.Height, 0, 1);
                for (int x = 0, i = y * image.Width * 3; x < image.Width; x++, i += 3)
                {
                    (float r, float g, float b) = (
                        Light.Of(pixels[i]),
                        Light.Of(pixels[i + 1]),
                        Light.Of(pixels[i + 2])
                    );
                    // Rods see blue and green, and no red.
                    float rods = 0.06f * r + 0.54f * g + 0.40f * b;
                    // A steeper curve keeps what was bright from looking like fog.
                    float curve = exposure * sky * (1 - 0.5f * s + 1.6f * s * rods);
                    (float ux, float uy) = (x * scale + seedX, y * scale + seedY);
                    result[i] = Light.Level(
                        curve * Mix(r, rods * (1 - 0.7f * s)) + Grain(ux, uy, 0) * MathF.Sqrt(curve * rods + 0.002f)
                    );
                    result[i + 1] = Light.Level(
                        curve * Mix(g, rods * (1 - 0.3f * s)) + Grain(ux, uy, 37) * MathF.Sqrt(curve * rods + 0.002f)
                    );
                    result[i + 2] = Light.Level(
                        curve * Mix(b, rods * (1 + 0.9f * s)) + Grain(ux, uy, 91) * MathF.Sqrt(curve * rods + 0.002f)
                    );
                }
            }
        );
        return new RgbImage(image.Width, image.Height, result);

        float Mix(float color, float rods) => color + gray * (rods - color);

        float Grain(float x, float y, float offset) => noise * 4 * (Noise.Grain(x + offset, y + 2 * offset) - 0.5f);
    }
}
