namespace Retouch.Images;

/// <summary>Overexposed: up to eight times the light, so that what was bright is white.</summary>
sealed class BrightnessShift : ImageShift
{
    const double Stops = 3; // at strength 1

    public override string Name => "brightness";

    public override string Description => "overexposed until bright parts are white";

    private protected override RgbImage Render(RgbImage image, double strength, Random random)
    {
        float exposure = (float)Math.Pow(2, Stops * strength);
        byte[] levels = [.. Enumerable.Range(0, 256).Select(v => Light.Level(exposure * Light.Of((byte)v)))];
        byte[] result = new byte[image.Pixels.Length];
        for (int i = 0; i < result.Length; i++)
            result[i] = levels[image.Pixels[i]];
        return new RgbImage(image.Width, image.Height, result);
    }
}
