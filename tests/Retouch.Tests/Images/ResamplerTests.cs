using System.Drawing;
using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;
using Retouch.Images;

namespace Retouch.Tests.Images;

public class ResamplerTests
{
    // Hashes of what Pillow 9.4 gives for the same bytes.
    [Theory]
    [InlineData(37, 23, 12, 9, Interpolation.Bicubic, 0, 0, 37, 23, "F141F9826FFA3F55")]
    [InlineData(37, 23, 12, 9, Interpolation.Bilinear, 0, 0, 37, 23, "D9A3C21C9514759F")]
    [InlineData(12, 9, 37, 23, Interpolation.Bicubic, 0, 0, 12, 9, "00B1256B85555CFF")]
    [InlineData(12, 9, 37, 23, Interpolation.Bilinear, 0, 0, 12, 9, "373AB7DD58DA7209")]
    [InlineData(64, 48, 64, 20, Interpolation.Bicubic, 0, 0, 64, 48, "01B1831C49081202")]
    [InlineData(64, 48, 20, 48, Interpolation.Bicubic, 0, 0, 64, 48, "5ED96039479E206D")]
    [InlineData(500, 375, 330, 248, Interpolation.Bicubic, 0, 0, 500, 375, "9DBF30A089F13CF0")]
    [InlineData(50, 40, 16, 16, Interpolation.Bicubic, 5.25f, 3.5f, 36.5f, 26.625f, "75028E4A85F695EB")]
    [InlineData(50, 40, 16, 16, Interpolation.Bilinear, 5.25f, 3.5f, 36.5f, 26.625f, "51FB0F57062F7759")]
    [InlineData(50, 40, 20, 20, Interpolation.Bicubic, 10f, 10f, 20f, 20f, "C99F18C3F95F7899")]
    [InlineData(3, 200, 64, 2, Interpolation.Bicubic, 0, 0, 3, 200, "7F106A60D23F024D")]
    [InlineData(1, 1, 9, 5, Interpolation.Bicubic, 0, 0, 1, 1, "F7905F0D923C82C6")]
    public void the_result_is_pils_to_the_bit(
        int width,
        int height,
        int toWidth,
        int toHeight,
        Interpolation interpolation,
        float left,
        float top,
        float boxWidth,
        float boxHeight,
        string sha256
    )
    {
        RgbImage resized = Resampler.Resize(
            TestImage.Noise(width, height),
            toWidth,
            toHeight,
            interpolation,
            new RectangleF(left, top, boxWidth, boxHeight)
        );
        Assert.Equal((toWidth, toHeight), (resized.Width, resized.Height));
        Assert.Equal(sha256, Convert.ToHexString(SHA256.HashData(resized.Pixels))[..16]);
    }

    [Fact]
    public void a_small_case_of_pil_in_full() =>
        Assert.Equal(
            [112, 153, 96, 172, 83, 141, 132, 86, 151, 111, 180, 114],
            Resampler.Resize(TestImage.Noise(5, 4), 2, 2, Interpolation.Bicubic).Pixels.ToArray()
        );

    [Theory]
    [InlineData(Interpolation.Bilinear)]
    [InlineData(Interpolation.Bicubic)]
    public void the_same_size_gives_the_same_bytes(Interpolation interpolation)
    {
        RgbImage image = TestImage.Noise(13, 11);
        Assert.Equal(image.Pixels.ToArray(), Resampler.Resize(image, 13, 11, interpolation).Pixels.ToArray());
    }

    [Fact]
    public void bilinear_halving_weighs_four_pixels_one_three_three_one()
    {
        // Support 2 around x = 3 of the six: pixels 1..4, triangle weights 1 3 3 1 of 8.
        RgbImage row = Grey(6, 1, 0, 80, 160, 240, 8, 0);
        Assert.Equal((80 + 3 * 160 + 3 * 240 + 8) / 8, Resampler.Resize(row, 3, 1, Interpolation.Bilinear).Pixels[3]);
    }

    [Fact]
    public void bilinear_doubling_mixes_neighbours_three_to_one_and_repeats_the_border()
    {
        byte[] doubled = Resampler.Resize(Grey(2, 1, 0, 100), 4, 1, Interpolation.Bilinear).Pixels.ToArray();
        Assert.Equal([0, 25, 75, 100], [doubled[0], doubled[3], doubled[6], doubled[9]]);
    }

    [Fact]
    public void bicubic_doubling_overshoots_a_step_and_clips_it()
    {
        RgbImage step = Grey(1, 6, 0, 0, 0, 255, 255, 255);
        byte[] doubled = Resampler.Resize(step, 1, 12, Interpolation.Bicubic).Pixels.ToArray();
        // Weights at distances 0.25, 0.75, 1.25, 1.75 with a = -0.5: 111, 29, -9, -3 of 128.
        Assert.Equal(0, doubled[4 * 3]);
        Assert.Equal((byte)Math.Round(255 * (29 - 3) / 128.0), doubled[5 * 3]);
        Assert.Equal((byte)Math.Round(255 * (111 - 9) / 128.0), doubled[6 * 3]);
        Assert.Equal(255, doubled[7 * 3]);
    }

    [Fact]
    public void channels_do_not_mix()
    {
        byte[] pixels = new byte[20 * 20 * 3];
        for (int i = 0; i < pixels.Length; i += 3)
        {
            (pixels[i], pixels[i + 1], pixels[i + 2]) = (255, 0, 7);
        }
        RgbImage resized = Resampler.Resize(
            new RgbImage(20, 20, (ReadOnlySpan<byte>)pixels),
            9,
            31,
            Interpolation.Bicubic
        );
        for (int i = 0; i < resized.Pixels.Length; i += 3)
        {
            Assert.Equal((255, 0, 7), (resized.Pixels[i], resized.Pixels[i + 1], resized.Pixels[i + 2]));
        }
    }

    [Fact]
    public void a_flat_image_stays_flat_at_every_size() =>
        Prop.ForAll(
                Sizes(),
                ((int W, int H, int ToW, int ToH) s) =>
                {
                    byte level = (byte)(s.W * 37 + s.ToH);
                    RgbImage resized = Resampler.Resize(
                        TestImage.Flat(s.W, s.H, level),
                        s.ToW,
                        s.ToH,
                        Interpolation.Bicubic
                    );
                    return resized.Pixels.IndexOfAnyExcept(level) < 0;
                }
            )
            .QuickCheckThrowOnFailure();

    [Fact]
    public void bilinear_stays_within_the_images_darkest_and_brightest() =>
        Prop.ForAll(
                Sizes(),
                ((int W, int H, int ToW, int ToH) s) =>
                {
                    RgbImage image = TestImage.Noise(s.W, s.H);
                    (byte low, byte high) = (image.Pixels.ToArray().Min(), image.Pixels.ToArray().Max());
                    return Resampler
                            .Resize(image, s.ToW, s.ToH, Interpolation.Bilinear)
                            .Pixels.IndexOfAnyExceptInRange(low, high) < 0;
                }
            )
            .QuickCheckThrowOnFailure();

    [Fact]
    public void mirroring_before_or_after_is_the_same_within_rounding() =>
        Prop.ForAll(
                Sizes(),
                ((int W, int H, int ToW, int ToH) s) =>
                {
                    RgbImage image = TestImage.Noise(s.W, s.H);
                    byte[] after = Mirror(Resampler.Resize(image, s.ToW, s.ToH, Interpolation.Bicubic))
                        .Pixels.ToArray();
                    byte[] before = Resampler
                        .Resize(Mirror(image), s.ToW, s.ToH, Interpolation.Bicubic)
                        .Pixels.ToArray();
                    return before.Zip(after).All(pair => Math.Abs(pair.First - pair.Second) <= 2);
                }
            )
            .QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(-1, 0, 5, 5)]
    [InlineData(0, 0, 11, 5)]
    [InlineData(0, 6, 5, 5)]
    [InlineData(3, 3, 0, 5)]
    [InlineData(float.NaN, 0, 5, 5)]
    public void a_box_outside_of_the_image_is_refused(float left, float top, float width, float height) =>
        Assert.Throws<ArgumentOutOfRangeException>(
            "box",
            () =>
                Resampler.Resize(
                    TestImage.Noise(10, 10),
                    4,
                    4,
                    Interpolation.Bicubic,
                    new RectangleF(left, top, width, height)
                )
        );

    [Theory]
    [InlineData(0, 5)]
    [InlineData(5, -1)]
    [InlineData(100_000, 100_000)]
    public void an_impossible_size_is_refused(int width, int height) =>
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            Resampler.Resize(TestImage.Noise(3, 3), width, height, Interpolation.Bilinear)
        );

    static Arbitrary<(int, int, int, int)> Sizes()
    {
        Gen<int> side = Gen.Choose(1, 70);
        return side.SelectMany(w => side.SelectMany(h => side.SelectMany(toW => side.Select(toH => (w, h, toW, toH)))))
            .ToArbitrary();
    }

    static RgbImage Grey(int width, int height, params byte[] levels) =>
        new(width, height, (ReadOnlySpan<byte>)levels.SelectMany(level => new[] { level, level, level }).ToArray());

    static RgbImage Mirror(RgbImage image)
    {
        byte[] mirrored = new byte[image.Pixels.Length];
        for (int i = 0; i < image.Width * image.Height; i++)
        {
            int to = i / image.Width * image.Width + (image.Width - 1 - i % image.Width);
            image.Pixels.Slice(i * 3, 3).CopyTo(mirrored.AsSpan(to * 3));
        }
        return new RgbImage(image.Width, image.Height, (ReadOnlySpan<byte>)mirrored);
    }
}
