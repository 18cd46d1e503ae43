using System.Buffers.Binary;
using System.IO.Compression;
using ICSharpCode.SharpZipLib.Checksum;
using Retouch.Images;
using SkiaSharp;

namespace Retouch.Tests.Images;

/// <summary>Pictures and files that the tests of this room share.</summary>
static class TestImage
{
    /// <summary>
    /// Bytes that look random and are the same everywhere, also in the Python that made the golden hashes.
    /// </summary>
    internal static byte[] NoiseBytes(int count)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
        {
            bytes[i] = (byte)(unchecked((uint)i * 2654435761u) >> 24);
        }
        return bytes;
    }

    internal static RgbImage Noise(int width, int height) =>
        new(width, height, (ReadOnlySpan<byte>)NoiseBytes(width * height * 3));

    internal static RgbImage Flat(int width, int height, byte level)
    {
        byte[] bytes = new byte[width * height * 3];
        Array.Fill(bytes, level);
        return new RgbImage(width, height, (ReadOnlySpan<byte>)bytes);
    }

    internal static (byte, byte, byte) At(RgbImage image, int x, int y)
    {
        ReadOnlySpan<byte> pixel = image.Pixels.Slice((y * image.Width + x) * 3, 3);
        return (pixel[0], pixel[1], pixel[2]);
    }

    internal static byte[] Encode(
        RgbImage image,
        SKEncodedImageFormat format,
        int quality = 100,
        SKColorSpace? colors = null
    )
    {
        using SKBitmap bitmap = new(
            new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque, colors)
        );
        for (int i = 0; i < image.Width * image.Height; i++)
        {
            image.Pixels.Slice(i * 3, 3).CopyTo(bitmap.GetPixelSpan()[(i * 4)..]);
            bitmap.GetPixelSpan()[i * 4 + 3] = 255;
        }
        using SKData data = bitmap.Encode(format, quality);
        return data.ToArray();
    }

    /// <summary>
    /// A PNG file of the given header fields and unfiltered scan lines, with other chunks before the data.
    /// </summary>
    internal static byte[] Png(
        int width,
        int height,
        byte bitDepth,
        byte colorType,
        byte[] lines,
        params (string Type, byte[] Data)[] extra
    )
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (bitDepth, colorType);
        using MemoryStream packed = new();
        using (ZLibStream zlib = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zlib.Write(lines);
        }
        using MemoryStream file = new();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        foreach (
            (string type, byte[] data) in (IEnumerable<(string, byte[])>)
                [("IHDR", header), .. extra, ("IDAT", packed.ToArray()), ("IEND", [])]
        )
        {
            byte[] body = [.. System.Text.Encoding.ASCII.GetBytes(type), .. data];
            Crc32 crc = new();
            crc.Update(body);
            file.Write(BigEndian(data.Length));
            file.Write(body);
            file.Write(BigEndian((int)crc.Value));
        }
        return file.ToArray();
    }

    static byte[] BigEndian(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
