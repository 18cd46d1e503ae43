using System.Drawing;
using Retouch.Images;

namespace Retouch.Tests.Images;

public sealed class CutMixTests
{
    [Fact]
    public void Rectangles_follow_the_published_distribution()
    {
        const int draws = 40_000;
        CutMix mix = new(patchSize: 16);
        Random random = new(1);
        int[] heights = new int[15];
        int[] widths = new int[15];
        Dictionary<(int Height, int Top), int> tops = [];
        for (int i = 0; i < draws; i++)
        {
            Rectangle area = mix.PickArea(224, 224, random);
            Assert.True(new Rectangle(0, 0, 224, 224).Contains(area));
            Assert.Equal((0, 0, 0, 0), (area.X % 16, area.Y % 16, area.Width % 16, area.Height % 16));
            (int height, int width, int top) = (area.Height / 16, area.Width / 16, area.Top / 16);
            heights[height]++;
            widths[width]++;
            tops[(height, top)] = tops.GetValueOrDefault((height, top)) + 1;
        }
        // Sides are uniform in 3 … 8: chi-square with 5 degrees of freedom exceeds 20.5 once in a thousand.
        Assert.True(ChiSquare(heights[3..9]) < 20.5);
        Assert.True(ChiSquare(widths[3..9]) < 20.5);
        Assert.Equal(draws, heights[3..9].Sum());
        Assert.Equal(draws, widths[3..9].Sum());
        // A corner is uniform among those that fit: for a height of 5 rows, 10 of them; 27.9 with 9 degrees of freedom.
        Assert.True(ChiSquare([.. Enumerable.Range(0, 10).Select(t => tops.GetValueOrDefault((5, t)))]) < 27.9);

        static double ChiSquare(int[] counts)
        {
            double expected = counts.Average();
            return counts.Sum(c => (c - expected) * (c - expected) / expected);
        }
    }

    [Fact]
    public void The_rectangle_is_the_other_images_and_the_rest_the_images_own()
    {
        RgbImage image = TestImage.Flat(32, 24, 10);
        RgbImage other = TestImage.Noise(32, 24);
        CutMix mix = new(patchSize: 4);
        Rectangle area = mix.PickArea(32, 24, new Random(7));
        RgbImage mixed = mix.Apply(image, other, new Random(7));
        for (int y = 0; y < 24; y++)
        {
            for (int x = 0; x < 32; x++)
                Assert.Equal(TestImage.At(area.Contains(x, y) ? other : image, x, y), TestImage.At(mixed, x, y));
        }
        Assert.Equal((10, 10, 10), TestImage.At(image, area.X, area.Y));
    }

    [Fact]
    public void An_image_of_few_patches_is_pasted_over_at_most_whole()
    {
        CutMix mix = new(patchSize: 4);
        Random random = new(3);
        for (int i = 0; i < 50; i++)
            Assert.Equal(new Rectangle(0, 0, 8, 8), mix.PickArea(8, 8, random));
    }

    [Fact]
    public void Nonsense_is_refused()
    {
        Assert.Throws<BadInputException>(() => new CutMix(0));
        Assert.Throws<BadInputException>(() => new CutMix(16, 5, 4));
        Assert.Throws<ArgumentException>(() => new CutMix(16).PickArea(8, 8, new Random(0)));
        Assert.Throws<ArgumentException>(() =>
            new CutMix(4).Apply(TestImage.Flat(8, 8, 0), TestImage.Flat(8, 12, 0), new Random(0))
        );
    }
}
