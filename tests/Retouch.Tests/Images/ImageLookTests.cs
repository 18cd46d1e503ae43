using Retouch.Images;

namespace Retouch.Tests.Images;

/// <summary>What is measured of how images look.</summary>
public sealed class ImageLookTests
{
    [Fact]
    public void An_even_image_is_as_bright_as_it_is_and_nothing_else()
    {
        ImageLook look = ImageLook.Of(Painted(300, 200, (_, _) => (128, 128, 128)));
        Assert.Equal(128.0 / 255, look.Brightness, 1e-6);
        Assert.Equal(look.Brightness, look.Border, 1e-6);
        Assert.Equal(0, look.Contrast, 1e-6);
        Assert.Equal(0, look.Saturation, 1e-6);
        Assert.Equal(1, look.Plain, 1e-6);
        Assert.Equal(Math.Log2(300), look.Size, 1e-9);
        Assert.Equal(ImageLook.Names.Count, look.Values.Count);
    }

    [Fact]
    public void Colour_blur_and_background_are_told()
    {
        ImageLook red = ImageLook.Of(Painted(64, 64, (_, _) => (200, 0, 0)));
        Assert.Equal(1, red.Saturation, 1e-9);
        Assert.Equal(0.2126 * 200 / 255, red.Brightness, 1e-9);
        ImageLook sharp = ImageLook.Of(Painted(128, 128, (x, y) => Grey((x / 4 + y / 4) % 2 == 0 ? 255 : 0)));
        ImageLook blurred = ImageLook.Of(
            Painted(128, 128, (x, y) => Grey((int)(127 + 120 * Math.Sin(x / 8.0) * Math.Sin(y / 8.0))))
        );
        Assert.True(sharp.Sharpness > blurred.Sharpness + 1);
        Assert.True(sharp.Contrast > blurred.Contrast);
        // A dark thing on a white ground.
        ImageLook thing = ImageLook.Of(
            Painted(100, 100, (x, y) => Grey(x is > 20 and < 80 && y is > 20 and < 80 ? 0 : 255))
        );
        Assert.Equal(1, thing.Border, 1e-6);
        Assert.Equal(1, thing.Plain, 1e-6);
        Assert.InRange(thing.Brightness, 0.6, 0.7);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(1, 4000)]
    public void No_size_is_too_small_or_too_narrow(int width, int height) =>
        Assert.All(
            ImageLook.Of(Painted(width, height, (_, _) => (10, 20, 30))).Values,
            v => Assert.True(double.IsFinite(v))
        );

    static (int, int, int) Grey(int light) => (light, light, light);

    static RgbImage Painted(int width, int height, Func<int, int, (int R, int G, int B)> colour)
    {
        byte[] pixels = new byte[width * height * 3];
        for (int i = 0; i < width * height; i++)
        {
            (int r, int g, int b) = colour(i % width, i / width);
            (pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]) = ((byte)r, (byte)g, (byte)b);
        }
        return new RgbImage(width, height, (ReadOnlySpan<byte>)pixels);
    }
}
