using System.Drawing;
using Retouch.Images;

namespace Retouch.Tests.Images;

public class RandomResizedCropTests
{
    [Fact]
    public void areas_and_ratios_spread_over_the_allowed_range()
    {
        RandomResizedCrop crop = new(224, Interpolation.Bicubic);
        Random random = new(1);
        const int draws = 20_000;
        (double area, double squaredArea, double log, int wide, int leftmost) = (0, 0, 0, 0, 0);
        for (int i = 0; i < draws; i++)
        {
            Rectangle part = crop.PickArea(1000, 1000, random);
            Assert.True(new Rectangle(0, 0, 1000, 1000).Contains(part));
            (double share, double ratio) = (part.Width * part.Height / 1e6, (double)part.Width / part.Height);
            Assert.InRange(share, 0.249, 1);
            Assert.InRange(ratio, 0.747, 1.338);
            (area, squaredArea, log) = (area + share, squaredArea + share * share, log + Math.Log(ratio));
            wide += part.Width > part.Height ? 1 : 0;
            leftmost += part.X + part.Width / 2.0 < 500 ? 1 : 0;
        }
        // Uniform over 0.25..1 would have mean 0.625 and deviation 0.217; large shares that do not fit are redrawn,
        // which lowers both.
        double mean = area / draws;
        Assert.InRange(mean, 0.56, 0.62);
        Assert.InRange(Math.Sqrt(squaredArea / draws - mean * mean), 0.17, 0.217);
        Assert.InRange(log / draws, -0.005, 0.005);
        Assert.InRange(wide, draws * 0.47, draws * 0.53);
        Assert.InRange(leftmost, draws * 0.47, draws * 0.53);
    }

    [Fact]
    public void the_same_seed_gives_the_same_crop_and_another_seed_another()
    {
        RandomResizedCrop crop = new(16, Interpolation.Bicubic);
        RgbImage image = TestImage.Noise(60, 50);
        byte[] first = crop.Apply(image, new Random(3)).Pixels.ToArray();
        Assert.Equal(first, crop.Apply(image, new Random(3)).Pixels.ToArray());
        Assert.NotEqual(first, crop.Apply(image, new Random(4)).Pixels.ToArray());
    }

    [Fact]
    public void pixels_around_the_crop_do_not_leak_in()
    {
        RandomResizedCrop crop = new(8, Interpolation.Bicubic);
        RgbImage image = TestImage.Noise(60, 50);
        Rectangle area = crop.PickArea(60, 50, new Random(9));
        RgbImage expected = Resampler.Resize(image.Crop(area), 8, 8, Interpolation.Bicubic);
        Assert.Equal(expected.Pixels.ToArray(), crop.Apply(image, new Random(9)).Pixels.ToArray());
    }

    [Theory]
    [InlineData(400, 4, 197, 0, 5, 4)] // 4 · 4/3 = 5.33 wide
    [InlineData(4, 400, 0, 197, 4, 5)] // 4 / (3/4) = 5.33 high
    public void an_image_too_long_for_any_try_gives_its_centre(
        int width,
        int height,
        int left,
        int top,
        int partWidth,
        int partHeight
    )
    {
        RandomResizedCrop crop = new(8, Interpolation.Bicubic);
        Assert.Equal(new Rectangle(left, top, partWidth, partHeight), crop.PickArea(width, height, new Random(0)));
    }

    [Theory]
    [InlineData(0, 0.25, 1, 0.75, 1.33)]
    [InlineData(8, 0, 1, 0.75, 1.33)]
    [InlineData(8, 0.5, 0.4, 0.75, 1.33)]
    [InlineData(8, 0.5, 1.1, 0.75, 1.33)]
    [InlineData(8, double.NaN, 1, 0.75, 1.33)]
    [InlineData(8, 0.25, 1, 0, 1.33)]
    [InlineData(8, 0.25, 1, 2, 1)]
    [InlineData(8, 0.25, 1, 1, double.PositiveInfinity)]
    public void settings_out_of_range_are_refused(
        int size,
        double minScale,
        double maxScale,
        double minRatio,
        double maxRatio
    ) =>
        Assert.Throws<BadInputException>(() =>
            new RandomResizedCrop(size, Interpolation.Bicubic, minScale, maxScale, minRatio, maxRatio)
        );
}
