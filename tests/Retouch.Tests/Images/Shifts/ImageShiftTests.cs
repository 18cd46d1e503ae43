using Retouch.Images;

namespace Retouch.Tests.Images.Shifts;

public class ImageShiftTests
{
    const int Side = 96;

    public static TheoryData<string> Names => [.. ImageShift.All.Select(s => s.Name)];

    /// <summary>
    /// Something like a photo: a bright sky, a dark ground, a red ball with a shadow, and a little grain.
    /// </summary>
    static RgbImage Scene(int width = Side, int height = Side)
    {
        byte[] noise = TestImage.NoiseBytes(width * height);
        return Paint(
            width,
            height,
            (x, y) =>
            {
                double grain = noise[y * width + x] / 255.0 * 12 - 6;
                (double dx, double dy) = ((x - 0.5 * width) / (0.25 * width), (y - 0.5 * height) / (0.25 * height));
                double d = dx * dx + dy * dy;
                (double r, double g, double b) =
                    d < 1 ? (220 - 90 * d, 50.0, 40.0)
                    : y < 0.6 * height ? (150.0, 185.0, 235 - 40.0 * y / height)
                    : (80.0, 95.0, 50.0);
                return (r + grain, g + grain, b + grain);
            }
        );
    }

    static RgbImage Paint(int width, int height, Func<int, int, (double, double, double)> color)
    {
        byte[] pixels = new byte[width * height * 3];
        for (int i = 0; i < width * height; i++)
        {
            (double r, double g, double b) = color(i % width, i / width);
            (pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]) = (
                (byte)Math.Clamp(r, 0, 255),
                (byte)Math.Clamp(g, 0, 255),
                (byte)Math.Clamp(b, 0, 255)
            );
        }
        return new RgbImage(width, height, (ReadOnlySpan<byte>)pixels);
    }

    static RgbImage Shift(string name, RgbImage image, double strength = ImageShift.UsualStrength, int seed = 1) =>
        ImageShift.Find(name).Apply(image, strength, new Random(seed));

    static double Difference(RgbImage a, RgbImage b) =>
        a.Pixels.ToArray().Zip(b.Pixels.ToArray(), (p, q) => Math.Abs(p - q)).Average();

    static double[] Luma(RgbImage image) =>
        [
            .. Enumerable
                .Range(0, image.Width * image.Height)
                .Select(i =>
                    0.299 * image.Pixels[3 * i] + 0.587 * image.Pixels[3 * i + 1] + 0.114 * image.Pixels[3 * i + 2]
                ),
        ];

    static double Mean(RgbImage image, int channel) =>
        Enumerable.Range(0, image.Width * image.Height).Average(i => (double)image.Pixels[3 * i + channel]);

    /// <summary>The mean difference of neighbours along an axis.</summary>
    static double Change(RgbImage image, int dx, int dy)
    {
        double[] luma = Luma(image);
        return (
            from y in Enumerable.Range(0, image.Height - dy)
            from x in Enumerable.Range(0, image.Width - dx)
            select Math.Abs(luma[(y + dy) * image.Width + x + dx] - luma[y * image.Width + x])
        ).Average();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_same_random_numbers_give_the_same_pixels_and_others_give_others(string name)
    {
        RgbImage scene = Scene();
        byte[] once = Shift(name, scene).Pixels.ToArray();
        Assert.Equal(once, Shift(name, scene).Pixels.ToArray());
        if (name is not ("jpeg" or "brightness"))
            Assert.NotEqual(once, Shift(name, scene, seed: 2).Pixels.ToArray());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Strength_zero_changes_nothing_a_little_changes_little_and_more_changes_more(string name)
    {
        RgbImage scene = Scene();
        Assert.Equal(scene.Pixels.ToArray(), Shift(name, scene, 0).Pixels.ToArray());
        double[] changes = [.. ((double[])[0.02, 0.35, 0.95]).Select(s => Difference(scene, Shift(name, scene, s)))];
        Assert.InRange(changes[0], 0, 6);
        Assert.True(changes[1] > 1.2 * changes[0] && changes[2] > 1.05 * changes[1], string.Join(' ', changes));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_size_works_and_is_kept(string name)
    {
        foreach ((int width, int height) in ((int, int)[])[(1, 1), (2, 5), (3, 200), (32, 32), (47, 33), (300, 200)])
        {
            foreach (double strength in (double[])[1e-9, 0.5, 1])
            {
                RgbImage shifted = Shift(name, Scene(width, height), strength);
                Assert.Equal((width, height), (shifted.Width, shifted.Height));
            }
        }
    }

    // But for JPEG, whose blocks are 8 pixels at any size, a large picture looks like the small one.
    [Theory]
    [InlineData("oil-painting", 9)]
    [InlineData("stage-light", 4)]
    [InlineData("sketch", 16)]
    [InlineData("night", 4)]
    [InlineData("motion-blur", 4)]
    [InlineData("noise", 4)]
    [InlineData("brightness", 4)]
    public void A_large_picture_looks_like_a_small_one(string name, double most)
    {
        RgbImage large = Shift(name, Scene(448, 448));
        RgbImage small = Shift(name, Scene(224, 224));
        RgbImage a = Resampler.Resize(large, 28, 28, Interpolation.Bilinear);
        RgbImage b = Resampler.Resize(small, 28, 28, Interpolation.Bilinear);
        Assert.InRange(Difference(a, b), 0, most);
    }

    [Theory]
    [InlineData(-0.01)]
    [InlineData(1.01)]
    [InlineData(double.NaN)]
    public void A_strength_out_of_range_is_refused(double strength) =>
        Assert.Contains(
            "0 to 1",
            Assert.Throws<BadInputException>(() => Shift("snow", Scene(), strength)).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Names_are_unique_and_an_unknown_one_is_answered_with_them()
    {
        Assert.Equal(ImageShift.All.Count, ImageShift.All.Select(s => s.Name).Distinct().Count());
        string message = Assert.Throws<BadInputException>(() => ImageShift.Find("oil")).Message;
        Assert.All(ImageShift.All, s => Assert.Contains(s.Name, message, StringComparison.Ordinal));
    }

    // The first four bytes of SHA-256("7/a/b.png"), as Python's hashlib gives them.
    [Fact]
    public void An_images_random_numbers_come_from_the_seed_and_its_path_alone() =>
        Assert.Equal(new Random(278290389).Next(), ImageShift.RandomFor(7, "a/b.png").Next());

    [Fact]
    public void Stage_light_is_dark_with_a_bright_coloured_spot_in_the_middle()
    {
        RgbImage gray = TestImage.Flat(Side, Side, 128);
        for (int seed = 0; seed < 20; seed++)
        {
            RgbImage lit = Shift("stage-light", gray, seed: seed);
            double[] luma = Luma(lit);
            Assert.True(luma.Average() < 95, $"seed {seed}: {luma.Average()}");
            int[] corners = [0, Side - 1, Side * (Side - 1), Side * Side - 1];
            double dark = corners.Min(i => luma[i]);
            int brightest = Array.IndexOf(luma, luma.Max());
            Assert.True(dark < 40 && luma[brightest] > 2.5 * dark, $"seed {seed}: {dark} to {luma[brightest]}");
            Assert.InRange(brightest % Side, 0.15 * Side, 0.85 * Side);
            Assert.InRange(brightest / Side, 0.15 * Side, 0.95 * Side);
            (byte r, byte g, byte b) = TestImage.At(lit, Side / 2, Side * 53 / 100);
            Assert.True(Math.Max(r, Math.Max(g, b)) - Math.Min(r, Math.Min(g, b)) > 40, $"seed {seed}: {r} {g} {b}");
        }
    }

    [Fact]
    public void Oil_has_strokes_where_the_photo_is_flat_and_keeps_its_colour()
    {
        RgbImage flat = Paint(Side, Side, (_, _) => (180, 120, 60));
        RgbImage oil = Shift("oil-painting", flat);
        Assert.InRange(Change(oil, 1, 0), 2, 30);
        Assert.InRange(Mean(oil, 0), 160, 205);
        Assert.InRange(Mean(oil, 1), 105, 140);
        Assert.InRange(Mean(oil, 2), 35, 80);
    }

    [Fact]
    public void Oil_loses_what_is_finer_than_a_brush_and_keeps_edges()
    {
        const int Large = 448;
        // A checkerboard of single pixels on each side of an edge from dark to bright.
        RgbImage photo = Paint(
            Large,
            Large,
            (x, y) =>
            {
                double v = (x < Large / 2 ? 60 : 180) + ((x + y) % 2 == 0 ? 25 : -25);
                return (v, v, v);
            }
        );
        RgbImage oil = Shift("oil-painting", photo);
        Assert.True(Math.Abs(Checkerboard(oil)) < 0.15 * Checkerboard(photo));
        double[] luma = Luma(oil);
        double[] columns =
        [
            .. Enumerable.Range(0, Large).Select(x => Enumerable.Range(0, Large).Average(y => luma[y * Large + x])),
        ];
        Assert.InRange(columns.Take(Large / 2 - 6).Average(), 40, 80);
        Assert.InRange(columns.Skip(Large / 2 + 6).Average(), 160, 205);
        // The step from a quarter to three quarters takes a few pixels.
        Assert.InRange(columns.Count(c => c is > 90 and < 150), 0, 6);

        static double Checkerboard(RgbImage image) =>
            Luma(image).Select((v, i) => v * ((i % Large + i / Large) % 2 == 0 ? 1 : -1)).Average();
    }

    [Fact]
    public void Oil_strokes_follow_the_contours()
    {
        RgbImage stripes = Paint(
            Side,
            Side,
            (x, _) =>
            {
                double v = 128 + 70 * Math.Sin(x * Math.Tau / 32);
                return (v, v, v);
            }
        );
        RgbImage oil = Shift("oil-painting", stripes);
        double across = Change(oil, 1, 0);
        double along = Change(oil, 0, 1);
        Assert.True(across > 2 * along, $"{across} across, {along} along");
        // And the other way round: nothing prefers an axis.
        RgbImage turned = Shift(
            "oil-painting",
            Paint(
                Side,
                Side,
                (_, y) =>
                {
                    double v = 128 + 70 * Math.Sin(y * Math.Tau / 32);
                    return (v, v, v);
                }
            )
        );
        Assert.True(Change(turned, 0, 1) > 2 * Change(turned, 1, 0));
    }

    [Fact]
    public void A_sketch_is_gray_lines_on_bright_paper()
    {
        RgbImage sketch = Shift("sketch", Paint(Side, Side, (x, _) => x < Side / 2 ? (40, 90, 60) : (250, 250, 250)));
        for (int i = 0; i < Side * Side; i++)
            Assert.InRange(Math.Abs(sketch.Pixels[3 * i] - sketch.Pixels[3 * i + 2]), 0, 12);
        double[] luma = Luma(sketch);
        double Column(int x) => Enumerable.Range(0, Side).Average(y => luma[y * Side + x]);
        Assert.True(Column(Side - 8) > 235);
        Assert.True(Column(8) < 215); // hatched
        Assert.True(Enumerable.Range(Side / 2 - 4, 4).Min(Column) < Column(8) - 25); // the edge is a line
    }

    [Fact]
    public void Night_is_dark_and_blue()
    {
        RgbImage night = Shift("night", TestImage.Flat(Side, Side, 160));
        (double r, double b) = (Mean(night, 0), Mean(night, 2));
        Assert.InRange(b, 20, 90);
        Assert.True(b > 1.4 * r, $"red {r}, blue {b}");
        Assert.InRange(Change(night, 1, 0), 0.3, 8); // grain
    }

    [Fact]
    public void Snow_has_white_flakes_and_pale_air()
    {
        double[] luma = Luma(Shift("snow", TestImage.Flat(224, 224, 40)));
        double air = luma.Order().ElementAt(luma.Length / 2);
        Assert.InRange(air, 60, 130);
        Assert.InRange(luma.Count(v => v > air + 60) / (double)luma.Length, 0.01, 0.2);
        Assert.InRange(luma.Max(), 200, 255);
    }

    [Fact]
    public void Motion_blur_spreads_a_point_along_a_line_and_leaves_the_flat_flat()
    {
        Assert.All(
            Shift("motion-blur", TestImage.Flat(Side, Side, 77)).Pixels.ToArray(),
            v => Assert.InRange(v, 76, 78)
        );
        // A point three pixels wide, in the middle of a large black picture, so that all of its light stays inside.
        const int Large = 224;
        RgbImage point = Paint(
            Large,
            Large,
            (x, y) => Math.Abs(x - Large / 2) <= 1 && Math.Abs(y - Large / 2) <= 1 ? (255, 255, 255) : (0, 0, 0)
        );
        double[] weight = [.. Luma(Shift("motion-blur", point)).Select(v => Math.Pow(v / 255, 2.2))];
        double sum = weight.Sum();
        Assert.InRange(sum, 7, 11); // 9 before
        (double xx, double xy, double yy) = (0, 0, 0);
        for (int i = 0; i < weight.Length; i++)
        {
            (double x, double y) = (i % Large - Large / 2, i / Large - Large / 2);
            (xx, xy, yy) = (xx + weight[i] * x * x / sum, xy + weight[i] * x * y / sum, yy + weight[i] * y * y / sum);
        }
        double mean = (xx + yy) / 2;
        double spread = Math.Sqrt((xx - yy) * (xx - yy) / 4 + xy * xy);
        // A line of length L has the variance L²/12 along itself: 32 · 0.7 units here.
        Assert.InRange(Math.Sqrt(12 * (mean + spread)), 0.85 * 22.4, 1.15 * 22.4);
        Assert.InRange(mean - spread, 0, 2);
    }

    [Fact]
    public void Noise_is_independent_of_place_and_channel_and_as_strong_as_said()
    {
        RgbImage noisy = Shift("noise", TestImage.Flat(Side, Side, 128));
        double[] off = [.. noisy.Pixels.ToArray().Select(v => v - 128.0)];
        Assert.InRange(off.Average(), -1, 1);
        // Levels of 255 times 0.3 times 0.7, a little less where they end.
        Assert.InRange(Math.Sqrt(off.Average(v => v * v)), 0.93 * 53.55, 1.02 * 53.55);
        double Together(int apart) => off.Skip(apart).Zip(off, (a, b) => a * b).Average() / off.Average(v => v * v);
        foreach (int apart in (int[])[1, 2, 3, 3 * Side])
            Assert.InRange(Together(apart), -0.03, 0.03);
    }

    [Fact]
    public void Brightness_gives_every_pixel_as_many_times_the_light_until_it_is_white()
    {
        // Twice the light at a third: three stops at strength 1.
        RgbImage twice = Shift("brightness", Paint(256, 1, (x, _) => (x, x, x)), 1.0 / 3);
        for (int v = 0; v < 256; v++)
        {
            double coded = v / 255.0;
            double light = 2 * (coded <= 0.04045 ? coded / 12.92 : Math.Pow((coded + 0.055) / 1.055, 2.4));
            double level = light <= 0.0031308 ? light * 12.92 : 1.055 * Math.Pow(Math.Min(light, 1), 1 / 2.4) - 0.055;
            Assert.InRange(twice.Pixels[3 * v] - 255 * level, -1, 1);
        }
    }

    [Fact]
    public void Strong_jpeg_shows_its_blocks()
    {
        RgbImage jpeg = Shift("jpeg", Scene(), 1);
        double[] luma = Luma(jpeg);
        double Step(Func<int, bool> columns) =>
            (
                from y in Enumerable.Range(0, Side)
                from x in Enumerable.Range(1, Side - 1).Where(columns)
                select Math.Abs(luma[y * Side + x] - luma[y * Side + x - 1])
            ).Average();
        Assert.True(Step(x => x % 8 == 0) > 2 * Step(x => x % 8 != 0));
    }

    [Fact]
    public void What_is_encoded_as_png_is_decoded_the_same_and_as_jpeg_nearly()
    {
        RgbImage scene = Scene(33, 20);
        Assert.Equal(scene.Pixels.ToArray(), ImageDecoder.Decode(ImageEncoder.Png(scene), "png").Pixels.ToArray());
        Assert.InRange(Difference(scene, ImageDecoder.Decode(ImageEncoder.Jpeg(scene, 95), "jpeg")), 0.01, 5);
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageEncoder.Jpeg(scene, 0));
    }
}
