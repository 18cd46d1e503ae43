using System.Diagnostics;
using Retouch.Images;
using SkiaSharp;

namespace Retouch.Tests.Images;

public class BadImageTests
{
    [Fact]
    public void a_missing_file_is_named()
    {
        string path = Path.Combine(Path.GetTempPath(), "no-such-folder", "no-such.png");
        Assert.Equal($"There is no image file {path}: check the path.", Refusal(() => ImageDecoder.Load(path)));
    }

    [Fact]
    public void a_folder_is_no_image()
    {
        using TempFolder folder = new();
        string message = Refusal(() => ImageDecoder.Load(folder.Path));
        Assert.StartsWith($"{folder.Path} is a folder", message, StringComparison.Ordinal);
    }

    [Fact]
    public void an_empty_file_is_said_to_be_empty()
    {
        using TempFolder folder = new();
        string path = folder.Write("x.png", []);
        Assert.StartsWith(
            $"{path} is empty (0 bytes)",
            Refusal(() => ImageDecoder.Load(path)),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void a_file_that_may_not_be_read_is_refused()
    {
        using TempFolder folder = new();
        string path = folder.Write("x.png", [1]);
        // A lock rather than permissions: those do not bind the root user of a container.
        using FileStream locked = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.StartsWith($"{path} cannot be read", Refusal(() => ImageDecoder.Load(path)), StringComparison.Ordinal);
    }

    [Fact]
    public void a_file_beyond_the_size_limit_is_not_read()
    {
        using TempFolder folder = new();
        string path = folder.Write("x.bmp", "BM"u8);
        using (FileStream sparse = File.OpenWrite(path))
        {
            sparse.SetLength(ImageDecoder.MaxFileBytes + 1);
        }
        Assert.Contains("512 MiB", Refusal(() => ImageDecoder.Load(path)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain text")]
    [InlineData("\0\0\u0008\u0008\0\0\0\0\0\0\0\0")] // a WBMP, which Skia alone would accept
    [InlineData("<svg xmlns='http://www.w3.org/2000/svg'/>")]
    public void another_format_is_answered_with_the_known_ones(string content)
    {
        string message = Refusal(() => ImageDecoder.Decode(System.Text.Encoding.Latin1.GetBytes(content), "notes.txt"));
        Assert.Equal("notes.txt is not an image of a known format: give a JPEG, PNG, WebP, BMP or GIF file.", message);
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    [InlineData(SKEncodedImageFormat.Png)]
    [InlineData(SKEncodedImageFormat.Webp)]
    public void a_file_cut_anywhere_is_refused_and_never_half_decoded(SKEncodedImageFormat format)
    {
        byte[] file = TestImage.Encode(TestImage.Noise(50, 40), format, 90);
        for (int length = 1; length < file.Length * 9 / 10; length += Math.Max(file.Length / 60, 1))
        {
            string message = Refusal(() => ImageDecoder.Decode(file.AsSpan(0, length), "cut.img"));
            Assert.StartsWith("cut.img is ", message, StringComparison.Ordinal);
        }
        Assert.StartsWith(
            "cut.img is truncated",
            Refusal(() => ImageDecoder.Decode(file.AsSpan(0, file.Length / 2), "cut.img")),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void a_png_that_claims_ten_gigapixels_is_refused_at_once()
    {
        byte[] bomb = TestImage.Png(100_000, 100_000, 8, colorType: 2, new byte[100]);
        Stopwatch watch = Stopwatch.StartNew();
        long before = GC.GetAllocatedBytesForCurrentThread();

        string message = Refusal(() => ImageDecoder.Decode(bomb, "bomb.png"));

        Assert.Contains(
            "bomb.png claims 100000x100000 pixels, more than the 178956970",
            message,
            StringComparison.Ordinal
        );
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.InRange(watch.ElapsedMilliseconds, 0, 2000);
    }

    [Fact]
    public void flipped_bytes_give_an_image_or_a_refusal_and_nothing_else()
    {
        Random random = new(5);
        foreach (
            SKEncodedImageFormat format in (SKEncodedImageFormat[])
                [SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Png, SKEncodedImageFormat.Webp]
        )
        {
            byte[] file = TestImage.Encode(TestImage.Noise(20, 10), format, 80);
            int refused = 0;
            for (int i = 0; i < 200; i++)
            {
                byte[] damaged = [.. file];
                for (int k = 0; k < 4; k++)
                {
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                }
                if (Record.Exception(() => ImageDecoder.Decode(damaged, "x")) is { } e)
                {
                    Assert.IsType<BadInputException>(e);
                    refused++;
                }
            }
            Assert.InRange(refused, 1, 200);
        }
    }

    [Fact]
    public void an_image_of_impossible_sizes_cannot_be_made()
    {
        Assert.Throws<ArgumentException>(() => new RgbImage(2, 2, (ReadOnlySpan<byte>)new byte[11]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RgbImage(0, 2, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RgbImage(2, -1, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RgbImage(65536, 65536, []));
    }

    static string Refusal(Action action) => Assert.Throws<BadInputException>(action).Message;
}
