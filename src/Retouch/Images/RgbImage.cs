using System.Drawing;

namespace Retouch.Images;

/// <summary>
/// A decoded picture: 8-bit red, green, blue, interleaved, rows from the top, without padding.
/// Immutable, so safe to share between threads.
/// </summary>
public sealed class RgbImage
{
    /// <summary>
    /// The most pixels an image may have: the number above which PIL refuses to decode, too. Its
    /// bytes fit one array, and no product of sizes below overflows.
    /// </summary>
    public const int MaxPixels = 178_956_970;

    readonly byte[] pixels;

    /// <summary>Copies <paramref name="pixels"/>, three bytes a pixel, into a new image.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A side is not positive, or there are more than <see cref="MaxPixels"/>.
    /// </exception>
    /// <exception cref="ArgumentException">The number of bytes is not width × height × 3.</exception>
    public RgbImage(int width, int height, ReadOnlySpan<byte> pixels)
        : this(width, height, pixels.ToArray()) { }

    /// <summary>Takes <paramref name="pixels"/> over: the caller must not write to it afterwards.</summary>
    internal RgbImage(int width, int height, byte[] pixels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)width * height, MaxPixels, nameof(width));
        if (pixels.Length != width * height * 3)
        {
            throw new ArgumentException(
                $"An RGB image of {width}x{height} has {width * height * 3} bytes, not {pixels.Length}.",
                nameof(pixels)
            );
        }
        (Width, Height, this.pixels) = (width, height, pixels);
    }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>The bytes, R G B of the top left pixel first.</summary>
    public ReadOnlySpan<byte> Pixels => pixels;

    /// <summary>The part of the image inside <paramref name="area"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The area is empty or reaches outside of the image.</exception>
    public RgbImage Crop(Rectangle area)
    {
        if (area.Width <= 0 || area.Height <= 0 || !new Rectangle(0, 0, Width, Height).Contains(area))
        {
            throw new ArgumentOutOfRangeException(nameof(area), area, $"must be a part of the {Width}x{Height} image");
        }
        byte[] part = new byte[area.Width * area.Height * 3];
        for (int y = 0; y < area.Height; y++)
        {
            Pixels.Slice(((area.Y + y) * Width + area.X) * 3, area.Width * 3).CopyTo(part.AsSpan(y * area.Width * 3));
        }
        return new RgbImage(area.Width, area.Height, part);
    }
}
