using SkiaSharp;

namespace Retouch.Images;

/// <summary>Writes pixels as the bytes of an image file, without colour profile or other metadata.</summary>
public static class ImageEncoder
{
    /// <summary>A PNG file, from which <see cref="ImageDecoder"/> reads the same pixels.</summary>
    public static byte[] Png(RgbImage image) => Encode(image, SKEncodedImageFormat.Png, 100);

    /// <summary>A JPEG file.</summary>
    /// <param name="image">The pixels.</param>
    /// <param name="quality">libjpeg's quality, 1 (smallest) to 100 (best).</param>
    /// <exception cref="ArgumentOutOfRangeException">The quality is out of range.</exception>
    public static byte[] Jpeg(RgbImage image, int quality)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quality, 100);
        return Encode(image, SKEncodedImageFormat.Jpeg, quality);
    }

    static byte[] Encode(RgbImage image, SKEncodedImageFormat format, int quality)
    {
        using SKBitmap bitmap = new(
            new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque)
        );
        Span<byte> rgba = bitmap.GetPixelSpan();
        ReadOnlySpan<byte> rgb = image.Pixels;
        for (int from = 0, to = 0; from < rgb.Length; from += 3, to += 4)
        {
            rgb.Slice(from, 3).CopyTo(rgba[to..]);
            rgba[to + 3] = 255;
        }
        using SKData? data = bitmap.Encode(format, quality);
        // JPEG has no sides of more than 65535 pixels.
        return data?.ToArray()
            ?? throw BadInput.TooLarge(
                null,
                $"An image of {image.Width}x{image.Height} pixels cannot be written as {format}."
            );
    }
}
