using Retouch.Images;

namespace Retouch.Tests.Images;

public sealed class RandAugmentTests
{
    static readonly RgbImage Image = Ramp();

    [Fact]
    public void Magnitude_zero_leaves_the_picture() =>
        Assert.Same(Image, new RandAugment(0).Apply(Image, new Random(1)));

    [Fact]
    public void The_same_random_numbers_give_the_same_pixels()
    {
        RandAugment augment = new(0.7, 3);
        Assert.Equal(
            augment.Apply(Image, new Random(3)).Pixels.ToArray(),
            augment.Apply(Image, new Random(3)).Pixels.ToArray()
        );
        Assert.NotEqual(
            augment.Apply(Image, new Random(3)).Pixels.ToArray(),
            augment.Apply(Image, new Random(4)).Pixels.ToArray()
        );
    }

    [Fact]
    public void Geometry_alone_moves_what_there_is_and_never_mirrors()
    {
        // Brighter to the right in every variant, as the picture itself is.
        RandAugment augment = new(1, operations: 0);
        for (int seed = 0; seed < 50; seed++)
        {
            RgbImage moved = augment.Apply(Image, new Random(seed));
            Assert.Equal((Image.Width, Image.Height), (moved.Width, moved.Height));
            Assert.True(Column(moved, 28) > Column(moved, 3), $"seed {seed}");
        }
    }

    [Fact]
    public void A_larger_magnitude_changes_more()
    {
        double small = Enumerable
            .Range(0, 40)
            .Average(s => Difference(new RandAugment(0.1).Apply(Image, new Random(s))));
        double large = Enumerable
            .Range(0, 40)
            .Average(s => Difference(new RandAugment(0.9).Apply(Image, new Random(s))));
        Assert.True(large > 2 * small, $"{small} {large}");
    }

    [Theory]
    [InlineData(-0.1, 2)]
    [InlineData(1.1, 2)]
    [InlineData(double.NaN, 2)]
    [InlineData(0.5, -1)]
    [InlineData(0.5, 17)]
    public void Settings_out_of_range_are_refused(double magnitude, int operations) =>
        Assert.Throws<BadInputException>(() => new RandAugment(magnitude, operations));

    static RgbImage Ramp()
    {
        byte[] pixels = new byte[32 * 32 * 3];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(i / 3 % 32 * 6 + 20 + i % 3 * 10);
        return new RgbImage(32, 32, (ReadOnlySpan<byte>)pixels);
    }

    static double Column(RgbImage image, int x)
    {
        double sum = 0;
        for (int y = 8; y < 24; y++)
            sum += image.Pixels[(y * image.Width + x) * 3];
        return sum;
    }

    static double Difference(RgbImage image)
    {
        double sum = 0;
        for (int i = 0; i < image.Pixels.Length; i++)
            sum += Math.Abs(image.Pixels[i] - Image.Pixels[i]);
        return sum;
    }
}
