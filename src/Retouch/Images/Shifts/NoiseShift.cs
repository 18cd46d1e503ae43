namespace Retouch.Images;

/// <summary>
/// The noise of a sensor without light: a normal random number for each pixel and channel, added to its level. In a
/// picture of more than 224 rows its grains are as large as the pixels of one that has so many.
/// </summary>
sealed class NoiseShift : ImageShift
{
    const double Deviation = 0.3; // of levels in [0,1] at strength 1

    public override string Name => "noise";

    public override string Description => "with the noise of a sensor";

    private protected override RgbImage Render(RgbImage image, double strength, Random random)
    {
        double grain = Math.Max(Unit(image), 1);
        (int columns, int rows) = ((int)((image.Width - 1) / grain) + 1, (int)((image.Height - 1) / grain) + 1);
        double[] noise = new double[columns * rows * 3];
        for (int i = 0; i < noise.Length; i++)
            noise[i] = Deviation * strength * Normal(random);
        byte[] result = new byte[image.Pixels.Length];
        for (int y = 0, i = 0; y < image.Height; y++)
        {
            int row = (int)(y / grain) * columns;
            for (int x = 0; x < image.Width; x++)
            {
                int cell = 3 * (row + (int)(x / grain));
                for (int c = 0; c < 3; c++, i++)
                    result[i] = Light.Byte(image.Pixels[i] / 255.0 + noise[cell + c]);
            }
        }
        return new RgbImage(image.Width, image.Height, result);
    }

    // By Box and Muller (1958).
    static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble());
}
