using System.Buffers.Binary;
using Retouch.Cli;
using Retouch.Images;
using SkiaSharp;

namespace Retouch.Tests.Images;

/// <summary>
/// Image files of a few bytes that claim many pixels, or are drawn again and again. Counted, not timed.
/// </summary>
public sealed class HostileImageTests
{
    const long Little = 4 << 20;

    public static TheoryData<string, byte[]> Bombs =>
        new()
        {
            { "GIF", [.. "GIF89a"u8, 0x88, 0x29, 0x88, 0x29, 0, 0, 0, 0x2C, 0, 0, 0, 0, 0x88, 0x29, 0x88, 0x29, 0, 2] },
            { "PNG", TestImage.Png(13_300, 13_300, 8, colorType: 0, new byte[13_301 * 100]) },
            { "BMP", Bmp(10_000, 10_000) },
            { "JPEG", Jpeg(10_000, 10_000) },
        };

    [Theory]
    [MemberData(nameof(Bombs))]
    public void Few_bytes_that_claim_many_pixels_are_refused_with_the_figure(string format, byte[] file)
    {
        Assert.InRange(file.Length, 1, 22_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Refused(file, $"bomb.{format}");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Little);
        Assert.Contains($"bomb.{format} claims 1", message, StringComparison.Ordinal);
        Assert.Contains("--reading-budget", message, StringComparison.Ordinal);
        Assert.Contains("of memory", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flat_photograph_of_a_usual_size_is_read_however_small_its_file()
    {
        byte[] file = TestImage.Png(6000, 4000, 8, colorType: 0, new byte[6001 * 4000]);
        Assert.InRange(file.Length, 1, 300_000);
        RgbImage image = ImageDecoder.Decode(file, "flat.png");
        Assert.Equal((6000, 4000), (image.Width, image.Height));
    }

    [Fact]
    public void A_large_image_is_read_where_its_file_is_large_or_the_budget_was_raised()
    {
        byte[] file = TestImage.Png(9000, 5000, 8, colorType: 0, new byte[9001 * 5000]);
        Assert.Contains("--reading-budget 2", Refused(file, "x.png"), StringComparison.Ordinal);
        // Bytes after the picture, which cost a stranger as much as they would a photographer.
        Assert.Equal(9000, ImageDecoder.Decode((byte[])[.. file, .. new byte[1 << 20]], "x.png").Width);
        ReadingBudget.Times = 2;
        try
        {
            Assert.Equal(9000, ImageDecoder.Decode(file, "x.png").Width);
        }
        finally
        {
            ReadingBudget.Times = 1;
        }
    }

    [Fact]
    public void What_was_compressed_here_is_read_back_whatever_its_size()
    {
        RgbImage image = TestImage.Flat(8000, 5000, 90);
        Assert.Equal(
            (8000, 5000),
            (ImageShift.Find("jpeg").Apply(image, 1, new Random(1)) is var shifted ? shifted.Width : 0, image.Height)
        );
    }

    [Fact]
    public void Images_that_are_decoded_at_once_share_the_budget_and_the_largest_goes_alone()
    {
        long part = ReadingBudget.Allowance;
        using ManualResetEventSlim entered = new();
        IDisposable[] held =
        [
            .. Enumerable.Range(0, ReadingBudget.TogetherFactor).Select(_ => ReadingBudget.Reserve(part)),
        ];
        Thread another = new(() =>
        {
            using (ReadingBudget.Reserve(part))
                entered.Set();
        });
        another.Start();
        SpinWait.SpinUntil(() => another.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
        Assert.False(entered.IsSet);
        held[0].Dispose();
        another.Join();
        Assert.True(entered.IsSet);
        // Giving back twice gives back once.
        held[0].Dispose();
        foreach (IDisposable reserved in held[1..])
            reserved.Dispose();
        ReadingBudget.Reserve(100 * part).Dispose();
    }

    [Fact]
    public void What_is_refused_or_fails_gives_its_share_of_the_budget_back()
    {
        byte[] cut = TestImage.Encode(TestImage.Noise(3000, 2000), SKEncodedImageFormat.Jpeg)[..^1000];
        for (int i = 0; i < 40; i++)
            Assert.Contains("truncated", Refused(cut, "cut.jpg"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_JPEG_of_thousands_of_scans_is_not_drawn()
    {
        byte[] plain = TestImage.Encode(TestImage.Noise(64, 64), SKEncodedImageFormat.Jpeg, 90);
        int scan = plain.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]);
        byte[] empty = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0];
        byte[] many = [.. plain[..scan], .. Enumerable.Repeat(empty, 5000).SelectMany(s => s), .. plain[scan..]];
        Assert.Contains("more than 200 scans", Refused(many, "slow.jpg"), StringComparison.Ordinal);
        Assert.False(JpegScans.AreTooMany(plain));
    }

    [Fact]
    public void Scans_of_a_preview_and_bytes_that_look_like_markers_do_not_count()
    {
        byte[] plain = TestImage.Encode(TestImage.Noise(64, 64), SKEncodedImageFormat.Jpeg, 90);
        byte[] looks = [.. Enumerable.Repeat((byte[])[0xFF, 0xDA], 20_000).SelectMany(s => s)];
        byte[] segment = [0xFF, 0xE1, (byte)((looks.Length + 2) >> 8), (byte)(looks.Length + 2), .. looks];
        byte[] file = [.. plain[..2], .. segment, .. plain[2..]];
        Assert.False(JpegScans.AreTooMany(file));
        Assert.Equal(64, ImageDecoder.Decode(file, "x.jpg").Width);
        Assert.False(JpegScans.AreTooMany([.. plain, .. looks]));
        Assert.False(JpegScans.AreTooMany([0xFF, 0xD8]));
        Assert.False(JpegScans.AreTooMany([0xFF, 0xD8, 0xFF, 0xFF, 0xFF, 0xDA]));
    }

    static string Refused(byte[] file, string name) =>
        RemedyText.Of(Assert.Throws<BadInputException>(() => ImageDecoder.Decode(file, name)));

    static byte[] Bmp(int width, int height)
    {
        byte[] file = new byte[200];
        "BM"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(2), file.Length);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(10), 54);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(14), 40);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), width);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), height);
        (file[26], file[28]) = (1, 24);
        return file;
    }

    // A true one, whose head then claims another size.
    static byte[] Jpeg(int width, int height)
    {
        byte[] file = TestImage.Encode(TestImage.Noise(16, 16), SKEncodedImageFormat.Jpeg, 90);
        int frame = file.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 5), (ushort)height);
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 7), (ushort)width);
        return file;
    }
}
