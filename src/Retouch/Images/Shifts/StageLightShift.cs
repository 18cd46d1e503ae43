namespace Retouch.Images;

/// <summary>
/// A dark stage: a coloured spotlight from above falls on the middle of the picture and a weaker one of another
/// colour from the side; haze shows their beams, and the corners are lost in the dark. Light adds up linearly.
/// </summary>
sealed class StageLightShift : ImageShift
{
    // Around the circle of hues.
    static readonly (float R, float G, float B)[] Gels =
    [
        (1f, 0.08f, 0.1f),
        (1f, 0.5f, 0.08f),
        (0.25f, 1f, 0.3f),
        (0.1f, 0.8f, 1f),
        (0.15f, 0.3f, 1f),
        (0.55f, 0.14f, 1f),
        (1f, 0.12f, 0.6f),
    ];

    public override string Name => "stage-light";

    public override string Description => "on a dark stage under coloured spotlights";

    private protected override RgbImage Render(RgbImage image, double strength, Random random)
    {
        (int width, int height) = (image.Width, image.Height);
        double side = Math.Min(width, height);
        double unit = Unit(image);
        // Gels that lie further apart would add up to white.
        int first = random.Next(Gels.Length);
        int second = (first + (random.Next(2) == 0 ? 1 : Gels.Length - 1)) % Gels.Length;
        Spot main = new(
            Gels[first],
            1,
            width * Uniform(random, 0.42, 0.58),
            height * Uniform(random, 0.48, 0.58),
            side * Uniform(random, 0.34, 0.42),
            width * Uniform(random, 0.2, 0.8),
            -0.35 * height
        );
        bool fromLeft = main.LampX > width / 2.0;
        Spot other = new(
            Gels[second],
            0.4f,
            width * Uniform(random, 0.3, 0.7),
            height * Uniform(random, 0.55, 0.75),
            side * Uniform(random, 0.22, 0.3),
            width * (fromLeft ? Uniform(random, -0.15, 0.1) : Uniform(random, 0.9, 1.15)),
            -0.25 * height
        );
        float lamps = Exposure(image);
        (float smokeX, float smokeY) = (random.NextSingle() * 256, random.NextSingle() * 256);

        float s = (float)strength;
        // The house light that is left: little, and blue.
        float ambient = MathF.Pow(1 - s, 3) * 0.95f + 0.012f;
        (float R, float G, float B) house = (
            ambient + 0.05f * s * (1 - s),
            ambient + 0.05f * s * (1 - s),
            ambient + 0.09f * s * (1 - 0.6f * s)
        );
        byte[] result = new byte[image.Pixels.Length];
        Parallel.For(
            0,
            height,
            ReadingBudget.Parallelism,
            y =>
            {
                ReadOnlySpan<byte> pixels = image.Pixels;
                for (int x = 0, i = y * width * 3; x < width; x++, i += 3)
                {
                    (float lit, float beam) = main.At(x, y);
                    (float lit2, float beam2) = other.At(x, y);
                    (lit, lit2) = (lamps * lit * main.Power, lamps * lit2 * other.Power);
                    float smoke =
                        0.35f
                        + 1.1f * Noise.Clouds((float)(x / unit) * 0.5f + smokeX, (float)(y / unit) * 0.5f + smokeY);
                    (beam, beam2) = (0.16f * s * beam * smoke, 0.08f * s * beam2 * smoke);
                    float nx = 2f * x / width - 1;
                    float ny = 2f * y / height - 1;
                    float vignette = 1 - 0.5f * s * Math.Clamp((nx * nx + ny * ny - 0.3f) / 1.2f, 0, 1);
                    // In the middle of a bright spot a camera sees it nearly white.
                    result[i] = Light.Level(
                        vignette
                            * (
                                Light.Of(pixels[i])
                                    * (house.R + Amount(lit, main.Gel.R, s) + Amount(lit2, other.Gel.R, s))
                                + beam * main.Gel.R
                                + beam2 * other.Gel.R
                            )
                    );
                    result[i + 1] = Light.Level(
                        vignette
                            * (
                                Light.Of(pixels[i + 1])
                                    * (house.G + Amount(lit, main.Gel.G, s) + Amount(lit2, other.Gel.G, s))
                                + beam * main.Gel.G
                                + beam2 * other.Gel.G
                            )
                    );
                    result[i + 2] = Light.Level(
                        vignette
                            * (
                                Light.Of(pixels[i + 2])
                                    * (house.B + Amount(lit, main.Gel.B, s) + Amount(lit2, other.Gel.B, s))
                                + beam * main.Gel.B
                                + beam2 * other.Gel.B
                            )
                    );
                }
            }
        );
        return new RgbImage(width, height, result);
    }

    /// <summary>How bright the lamps are: as a camera chooses it, so that a white wall keeps their colour.</summary>
    static float Exposure(RgbImage image)
    {
        double sum = 0;
        foreach (byte level in image.Pixels)
            sum += Light.Of(level);
        return (float)Math.Clamp(0.75 / (sum / image.Pixels.Length + 0.22), 0.8, 2.2);
    }

    // How much light of a channel comes through: a weak shift has a gel that colours little.
    static float Amount(float lit, float gel, float strength)
    {
        float tint = Math.Min(1.25f * strength, 0.95f);
        return lit * strength * (1 - tint + tint * gel);
    }

    /// <summary>A lamp above the picture, and the ellipse on the stage that it lights.</summary>
    sealed class Spot(
        (float R, float G, float B) gel,
        float power,
        double x,
        double y,
        double radius,
        double lampX,
        double lampY
    )
    {
        public (float R, float G, float B) Gel => gel;

        public float Power => power;

        public double LampX => lampX;

        /// <summary>How much light falls on a place, and how much haze lights up before it, both in [0,1].</summary>
        public (float Lit, float Beam) At(int atX, int atY)
        {
            double dx = (atX - x) / radius;
            double dy = (atY - y) / (1.15 * radius);
            float lit = Soft((float)Math.Sqrt(dx * dx + dy * dy), 0.72f, 1.12f);
            // The cone from the lamp to the ellipse, wider the further down.
            double along = (atY - lampY) / (y - lampY);
            if (along <= 0)
                return (lit, 0);
            double middle = lampX + along * (x - lampX);
            double half = Math.Max(radius * along * 0.95, 1);
            float cone = Soft((float)(Math.Abs(atX - middle) / half), 0.55f, 1.05f);
            float depth = (float)(1 / (0.55 + along * along));
            float floor = 1 - Soft((float)((y + 1.1 * radius - atY) / radius), 0, 0.9f);
            return (lit, cone * depth * floor);
        }

        /// <summary>1 up to <paramref name="from"/>, 0 beyond <paramref name="to"/>, smooth between.</summary>
        static float Soft(float value, float from, float to)
        {
            float t = Math.Clamp((to - value) / (to - from), 0, 1);
            return t * t * (3 - 2 * t);
        }
    }
}
