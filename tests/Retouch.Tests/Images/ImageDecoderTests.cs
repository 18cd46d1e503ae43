using Retouch.Images;
using SkiaSharp;

namespace Retouch.Tests.Images;

public class ImageDecoderTests
{
    [Theory]
    [InlineData(SKEncodedImageFormat.Png, "a.png")]
    [InlineData(SKEncodedImageFormat.Webp, "b.webp")]
    [InlineData(SKEncodedImageFormat.Jpeg, "c.jpg")]
    public void an_encoded_file_loads_as_the_pixels_it_was_made_of(SKEncodedImageFormat format, string name)
    {
        // Smooth, so that the lossy formats come close as well.
        byte[] ramp = new byte[40 * 30 * 3];
        for (int i = 0; i < ramp.Length; i++)
        {
            ramp[i] = (byte)(i / 3 % 40 * 4 + i / 120 * 2 + 20);
        }
        using TempFolder folder = new();

        RgbImage loaded = ImageDecoder.Load(
            folder.Write(name, TestImage.Encode(new RgbImage(40, 30, (ReadOnlySpan<byte>)ramp), format))
        );

        Assert.Equal((40, 30), (loaded.Width, loaded.Height));
        int worst = 0;
        for (int i = 0; i < ramp.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(ramp[i] - loaded.Pixels[i]));
        }
        Assert.InRange(worst, 0, format == SKEncodedImageFormat.Png ? 0 : 4);
    }

    [Fact]
    public void bmp_rows_run_from_the_bottom_and_bytes_from_blue()
    {
        byte[] file =
        [
            (byte)'B',
            (byte)'M',
            70,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            54,
            0,
            0,
            0,
            40,
            0,
            0,
            0,
            2,
            0,
            0,
            0,
            2,
            0,
            0,
            0,
            1,
            0,
            24,
            0,
            0,
            0,
            0,
            0,
            16,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            255,
            0,
            0,
            255,
            255,
            255,
            0,
            0, // blue, white, padding
            0,
            0,
            255,
            0,
            255,
            0,
            0,
            0, // red, green, padding
        ];
        Assert.Equal(
            [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255],
            ImageDecoder.Decode(file, "x.bmp").Pixels.ToArray()
        );
    }

    [Fact]
    public void a_gif_gives_its_first_frame()
    {
        byte[] frame = [0x2C, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2];
        byte[] file =
        [
            .. "GIF89a"u8,
            2,
            0,
            1,
            0,
            0x80,
            0,
            0,
            255,
            0,
            0,
            0,
            0,
            255,
            .. frame,
            0x44,
            0x0A,
            0, // red, blue
            .. frame,
            0x0C,
            0x0A,
            0, // blue, red
            0x3B,
        ];
        RgbImage image = ImageDecoder.Decode(file, "x.gif");
        Assert.Equal((2, 1), (image.Width, image.Height));
        Assert.Equal([255, 0, 0, 0, 0, 255], image.Pixels.ToArray());
    }

    [Fact]
    public void alpha_is_dropped_and_not_blended()
    {
        byte[] file = TestImage.Png(2, 1, 8, colorType: 6, [0, 10, 20, 30, 0, 200, 150, 100, 128]);
        Assert.Equal([10, 20, 30, 200, 150, 100], ImageDecoder.Decode(file, "x.png").Pixels.ToArray());
    }

    [Fact]
    public void grey_becomes_three_equal_channels()
    {
        Assert.Equal(
            [7, 7, 7, 250, 250, 250],
            ImageDecoder.Decode(TestImage.Png(2, 1, 8, colorType: 0, [0, 7, 250]), "x.png").Pixels.ToArray()
        );
        Assert.Equal(
            [7, 7, 7, 250, 250, 250],
            ImageDecoder.Decode(TestImage.Png(2, 1, 8, colorType: 4, [0, 7, 0, 250, 99]), "x.png").Pixels.ToArray()
        );
    }

    [Fact]
    public void sixteen_bits_keep_their_upper_eight()
    {
        byte[] rgb = TestImage.Png(1, 1, 16, colorType: 2, [0, 10, 255, 20, 128, 30, 0]);
        Assert.Equal([10, 20, 30], ImageDecoder.Decode(rgb, "x.png").Pixels.ToArray());
        byte[] grey = TestImage.Png(1, 1, 16, colorType: 0, [0, 77, 255]);
        Assert.Equal([77, 77, 77], ImageDecoder.Decode(grey, "x.png").Pixels.ToArray());
    }

    [Fact]
    public void a_palette_gives_its_colours_even_where_transparent()
    {
        byte[] file = TestImage.Png(
            3,
            1,
            2,
            colorType: 3,
            [0, 0b00_01_10_00],
            ("PLTE", [1, 2, 3, 40, 50, 60, 255, 254, 253]),
            ("tRNS", [255, 0])
        );
        Assert.Equal([1, 2, 3, 40, 50, 60, 255, 254, 253], ImageDecoder.Decode(file, "x.png").Pixels.ToArray());
    }

    [Fact]
    public void a_colour_profile_changes_no_byte()
    {
        RgbImage image = TestImage.Noise(9, 7);
        using SKColorSpace wide = SKColorSpace.CreateRgb(SKColorSpaceTransferFn.Srgb, SKColorSpaceXyz.DisplayP3);
        byte[] file = TestImage.Encode(image, SKEncodedImageFormat.Png, colors: wide);
        Assert.True(
            file.AsSpan().IndexOf("iCCP"u8) > 0,
            "the file must carry a profile for this test to mean anything"
        );
        Assert.Equal(image.Pixels.ToArray(), ImageDecoder.Decode(file, "x.png").Pixels.ToArray());
    }

    [Fact]
    public void a_cmyk_jpeg_becomes_the_rgb_that_pil_gives()
    {
        byte[] file = Convert.FromBase64String(
            "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAW"
                + "EBETFBUVFQwPFxgWFBgSFBUU/8AA"
                + "FAgACAAIBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAgHCf/EABQQAQAAAAAAAAAAAAAAAAAAAAD"
                + "/2gAOBEMATQBZAEsAAD8AdCTgO0Df/9k="
        );
        Assert.Equal((190, 84, 31), TestImage.At(ImageDecoder.Decode(file, "x.jpg"), 3, 3));
    }
}
