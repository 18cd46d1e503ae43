using System.Buffers.Binary;
using Retouch.Images;
using SkiaSharp;

namespace Retouch.Tests.Images;

/// <summary>
/// One rule for the EXIF orientation in every format: it is left alone, or applied where that is asked for.
/// </summary>
public sealed class ExifOrientationTests
{
    // Red, green, blue and white quarters of a wide image, as they lie at the corners after each orientation.
    static readonly string[] Turned = ["RGBW", "GRWB", "WBGR", "BWRG", "RBGW", "BRWG", "WGBR", "GWRB"];

    public static TheoryData<string, int> Cases =>
        [
            .. from format in (string[])["jpeg", "png", "png, at its end", "webp"]
            from orientation in Enumerable.Range(1, 8)
            select (format, orientation),
        ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_format_is_taken_as_stored_or_turned_upright(string format, int orientation)
    {
        byte[] file = File(format, Exif((ushort)orientation));
        Assert.Equal("64x32 RGBW", Seen(ImageDecoder.Decode(file, format)));
        Assert.Equal(
            $"{(orientation < 5 ? "64x32" : "32x64")} {Turned[orientation - 1]}",
            Seen(ImageDecoder.Decode(file, format, ImageOrientation.Exif))
        );
        using TempFolder folder = new();
        string path = folder.Write("image", file);
        Assert.Equal(orientation != 1, ImageDecoder.IsTurned(path));
        Preprocessing stored = Preprocessing.Inception(16, 1);
        Assert.Equal("64x32 RGBW", Seen(stored.Open(path)));
        Assert.Equal(
            Turned[orientation - 1],
            Seen((stored with { Orientation = ImageOrientation.Exif }).Open(path)).Split(' ')[1]
        );
    }

    [Theory]
    [InlineData("jpeg")]
    [InlineData("png")]
    [InlineData("webp")]
    public void Both_orders_of_bytes_and_both_sizes_of_numbers_are_read(string format)
    {
        Assert.Equal("32x64 BRWG", Seen(Upright(format, Exif(6, little: true))));
        Assert.Equal("32x64 BRWG", Seen(Upright(format, Exif(6, type: 4))));
        Assert.Equal("32x64 BRWG", Seen(Upright(format, Exif(6, type: 4, little: true))));
        // WebP's and PNG's block may come with JPEG's head or without.
        Assert.Equal("32x64 BRWG", Seen(Upright(format, [.. "Exif\0\0"u8, .. Exif(6)])));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(65535)]
    public void A_number_that_is_none_turns_nothing(int orientation) =>
        Assert.All(
            (string[])["jpeg", "png", "webp"],
            format => Assert.Equal("64x32 RGBW", Seen(Upright(format, Exif((ushort)orientation))))
        );

    [Fact]
    public void Every_damaged_block_is_passed_over()
    {
        byte[] exif = Exif(6);
        for (int length = 0; length < exif.Length; length++)
        {
            string seen = Seen(Upright("png", exif[..length]));
            Assert.True(seen is "64x32 RGBW" or "32x64 BRWG", seen);
        }
        // A directory beyond the block, a count beyond its entries.
        byte[] far = [.. exif];
        BinaryPrimitives.WriteUInt32BigEndian(far.AsSpan(4), uint.MaxValue);
        Assert.Equal("64x32 RGBW", Seen(Upright("jpeg", far)));
        byte[] many = [.. exif];
        BinaryPrimitives.WriteUInt16BigEndian(many.AsSpan(8), ushort.MaxValue);
        Assert.Equal("32x64 BRWG", Seen(Upright("jpeg", many)));
    }

    [Fact]
    public void Formats_without_exif_are_as_they_are_and_tiff_is_refused_by_name()
    {
        byte[] tiff = Exif(6);
        Assert.Contains(
            "not an image of a known format",
            Assert.Throws<BadInputException>(() => ImageDecoder.Decode(tiff, "x.tiff")).Message,
            StringComparison.Ordinal
        );
        Assert.Equal(1, ExifOrientation.Of("GIF89a"u8));
        Assert.Equal(1, ExifOrientation.Of("BM"u8));
        Assert.Equal(1, ExifOrientation.Of([]));
    }

    static RgbImage Upright(string format, byte[] exif) =>
        ImageDecoder.Decode(File(format, exif), format, ImageOrientation.Exif);

    /// <summary>An image file with an EXIF block.</summary>
    internal static byte[] File(string format, byte[] exif)
    {
        byte[] pixels = new byte[64 * 32 * 3];
        for (int i = 0; i < 64 * 32; i++)
        {
            (byte, byte, byte) colour = (i / 64 < 16, i % 64 < 32) switch
            {
                (true, true) => (255, 0, 0),
                (true, false) => (0, 255, 0),
                (false, true) => (0, 0, 255),
                _ => (255, 255, 255),
            };
            (pixels[i * 3], pixels[i * 3 + 1], pixels[i * 3 + 2]) = colour;
        }
        RgbImage image = new(64, 32, (ReadOnlySpan<byte>)pixels);
        switch (format)
        {
            case "jpeg":
                byte[] jpeg = TestImage.Encode(image, SKEncodedImageFormat.Jpeg);
                byte[] block = exif.AsSpan().StartsWith("Exif"u8) ? exif : [.. "Exif\0\0"u8, .. exif];
                return
                [
                    .. jpeg[..2],
                    0xFF,
                    0xE1,
                    (byte)((block.Length + 2) >> 8),
                    (byte)(block.Length + 2),
                    .. block,
                    .. jpeg[2..],
                ];
            case "webp":
                byte[] plain = TestImage.Encode(image, SKEncodedImageFormat.Webp);
                byte[] extended = [.. "VP8X"u8, 10, 0, 0, 0, 8, 0, 0, 0, 63, 0, 0, 31, 0, 0];
                byte[] chunk = [.. "EXIF"u8, (byte)exif.Length, 0, 0, 0, .. exif, .. new byte[exif.Length & 1]];
                byte[] file = [.. plain[..12], .. extended, .. plain[12..], .. chunk];
                BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(4), file.Length - 8);
                return file;
            default:
                byte[] lines = new byte[32 * (64 * 3 + 1)];
                for (int y = 0; y < 32; y++)
                    pixels.AsSpan(y * 64 * 3, 64 * 3).CopyTo(lines.AsSpan(y * (64 * 3 + 1) + 1));
                byte[] png = TestImage.Png(64, 32, 8, 2, lines, format == "png" ? [("eXIf", exif)] : []);
                if (format == "png")
                    return png;
                byte[] whole = TestImage.Png(64, 32, 8, 2, lines, ("eXIf", exif));
                int at = whole.AsSpan().IndexOf("eXIf"u8) - 4;
                int length = exif.Length + 12;
                return [.. png[..^12], .. whole[at..(at + length)], .. png[^12..]];
        }
    }

    /// <summary>A block of EXIF with two entries, the second of which is the orientation.</summary>
    internal static byte[] Exif(ushort orientation, int type = 3, bool little = false)
    {
        byte[] block = new byte[8 + 2 + 2 * 12 + 4];
        (little ? "II*\0"u8 : "MM\0*"u8).CopyTo(block);
        Write32(4, 8);
        Write16(8, 2);
        Write16(10, 0x100);
        Write16(12, 3);
        Write32(14, 1);
        Write16(18, 64);
        Write16(22, 0x112);
        Write16(24, (ushort)type);
        Write32(26, 1);
        if (type == 3)
            Write16(30, orientation);
        else
            Write32(30, orientation);
        return block;

        void Write16(int at, ushort value)
        {
            if (little)
                BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(at), value);
            else
                BinaryPrimitives.WriteUInt16BigEndian(block.AsSpan(at), value);
        }

        void Write32(int at, uint value)
        {
            if (little)
                BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(at), value);
            else
                BinaryPrimitives.WriteUInt32BigEndian(block.AsSpan(at), value);
        }
    }

    // The size, and the colours near the corners, where the lossy formats' ringing is gone.
    static string Seen(RgbImage image)
    {
        (int right, int bottom) = (image.Width - 5, image.Height - 5);
        return $"{image.Width}x{image.Height} "
            + string.Concat(
                new[] { (4, 4), (right, 4), (4, bottom), (right, bottom) }.Select(at =>
                    TestImage.At(image, at.Item1, at.Item2) switch
                    {
                        (> 230, < 40, < 40) => 'R',
                        (< 40, > 230, < 40) => 'G',
                        (< 40, < 40, > 230) => 'B',
                        (> 230, > 230, > 230) => 'W',
                        _ => '?',
                    }
                )
            );
    }
}
