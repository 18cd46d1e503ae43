using SkiaSharp;

namespace Retouch.Images;

/// <summary>
/// Reads JPEG, PNG, WebP, BMP and GIF (its first frame) into the pixels that PIL's
/// <c>Image.open(path).convert("RGB")</c> gives: colour profiles are ignored, alpha is dropped rather
/// than blended, and an EXIF orientation is applied in no format unless that is asked for. It differs
/// from PIL in that 16 bits of grey keep their upper 8 instead of saturating, and the transparent
/// pixels of a GIF are black.
/// Safe on files from strangers: sizes are checked against <see cref="ReadingBudget"/> before memory
/// for pixels is taken, and a
/// truncated file is refused, never filled up with grey.
/// </summary>
public static class ImageDecoder
{
    /// <summary>The largest file that <see cref="Load"/> reads: 512 MiB.</summary>
    public const long MaxFileBytes = 512L << 20;

    // As Skia gives a pixel, and as RgbImage holds it.
    const int BytesPerPixel = 4 + 3;

    const string Supported = "JPEG, PNG, WebP, BMP or GIF";

    /// <summary>Reads and decodes an image file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="orientation">Which way up the result is.</param>
    /// <exception cref="BadInputException">
    /// The file is missing, unreadable, too large, truncated, damaged or of another format.
    /// </exception>
    public static RgbImage Load(string path, ImageOrientation orientation = ImageOrientation.Stored) =>
        Load(path, orientation, image => image);

    /// <summary>
    /// The same, and what is made of the pixels at once, so that many at a time share <see cref="ReadingBudget"/> until
    /// each is small.
    /// </summary>
    internal static T Load<T>(string path, ImageOrientation orientation, Func<RgbImage, T> use)
    {
        byte[] data = Read(path);
        return Decode(data, path, data.Length, orientation, use);
    }

    /// <summary>Whether the EXIF orientation of an image file is another than that of its pixels.</summary>
    /// <exception cref="BadInputException">The file is missing, unreadable or too large.</exception>
    public static bool IsTurned(string path) => ExifOrientation.Of(Read(path)) != ExifOrientation.Upright;

    static byte[] Read(string path)
    {
        if (Directory.Exists(path))
        {
            throw BadInput.Mismatch(path, $"{path} is a folder, where an image file is needed: name one file in it.");
        }
        if (ImagePath.Archive(path) is string archive)
        {
            ImageArchive images = ImageArchive.Open(archive);
            throw BadInput.Mismatch(
                path,
                $"{path} holds {images.Names.Count} images, where one is needed: name it, such as "
                    + $"{images.Path}{ImagePath.Mark}/{images.Names[0]}."
            );
        }
        if (ImageFile.Length(path) is not long length)
        {
            throw BadInput.Missing(path, $"There is no image file {path}: check the path.");
        }
        if (length > MaxFileBytes)
        {
            throw BadInput.TooLarge(
                path,
                $"{path} has {length >> 20} MiB, more than the {MaxFileBytes >> 20} MiB that an image file may "
                    + "have: shrink it first."
            );
        }
        // Also keeps a pipe or a device, whose length reads as 0, from being read without end.
        if (length == 0)
        {
            throw Empty(path);
        }
        try
        {
            return ImageFile.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(
                path,
                $"{path} cannot be read ({SystemMessage.Of(e)}): check its permissions.",
                cause: e
            );
        }
    }

    /// <summary>Decodes the bytes of an image file.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="orientation">Which way up the result is.</param>
    /// <exception cref="BadInputException">
    /// The bytes are empty, truncated, damaged, of another format or too many pixels.
    /// </exception>
    public static RgbImage Decode(
        ReadOnlySpan<byte> data,
        string name,
        ImageOrientation orientation = ImageOrientation.Stored
    ) => Decode(data, name, data.Length, orientation, image => image);

    /// <summary>Decodes what this process encoded itself, however small it became.</summary>
    internal static RgbImage DecodeOwn(ReadOnlySpan<byte> data, string name) =>
        Decode(data, name, long.MaxValue, ImageOrientation.Stored, image => image);

    static unsafe T Decode<T>(
        ReadOnlySpan<byte> data,
        string name,
        long length,
        ImageOrientation orientation,
        Func<RgbImage, T> use
    )
    {
        if (data.IsEmpty)
        {
            throw Empty(name);
        }
        // Skia would try more formats, one of which (WBMP) is told by two zero bytes.
        if (!HasKnownSignature(data))
        {
            throw BadInput.Mismatch(name, $"{name} is not an image of a known format: give a {Supported} file.");
        }
        if (JpegScans.AreTooMany(data))
        {
            throw BadInput.TooLarge(
                name,
                $"{name} is a JPEG of more than {JpegScans.Most} scans, each of which draws the whole picture again: "
                    + "it is made to be slow, so save it anew."
            );
        }
        fixed (byte* bytes = data)
        {
            using SKData wrapped = SKData.Create((nint)bytes, data.Length);
            using SKMemoryStream stream = new(wrapped);
            using SKCodec? codec = SKCodec.Create(stream, out SKCodecResult result);
            if (codec is null)
            {
                throw Undecodable(result, name);
            }
            (int width, int height) = (codec.Info.Width, codec.Info.Height);
            if ((long)width * height > RgbImage.MaxPixels)
            {
                throw BadInput.TooLarge(
                    name,
                    $"{name} claims {width}x{height} pixels, more than the {RgbImage.MaxPixels} that an image may "
                        + "have: shrink it first."
                );
            }
            long needed = (long)width * height * BytesPerPixel;
            ReadingBudget.Require(
                needed,
                length,
                ReadingBudget.ImageGrowth,
                name,
                $"{name} claims {width}x{height} pixels, which"
            );
            using IDisposable reserved = ReadingBudget.Reserve(needed);

            // Without a colour space Skia converts no colours; unpremultiplied, it leaves them as stored.
            SKImageInfo info = new(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, colorspace: null);
            byte[] rgba = new byte[info.BytesSize];
            fixed (byte* pixels = rgba)
            {
                result = codec.GetPixels(info, (nint)pixels);
            }
            int turned = orientation == ImageOrientation.Exif ? ExifOrientation.Of(data) : ExifOrientation.Upright;
            return result == SKCodecResult.Success
                ? use(Turned(rgba, width, height, turned))
                : throw Undecodable(result, name);
        }
    }

    static bool HasKnownSignature(ReadOnlySpan<byte> data) =>
        data.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])
        || data.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G'])
        || (data.Length >= 12 && data.StartsWith("RIFF"u8) && data[8..].StartsWith("WEBP"u8))
        || data.StartsWith("BM"u8)
        || data.StartsWith("GIF8"u8);

    static BadInputException Empty(string name) =>
        BadInput.Missing(name, $"{name} is empty (0 bytes): give a {Supported} file.");

    static BadInputException Undecodable(SKCodecResult result, string name) =>
        result == SKCodecResult.IncompleteInput
            ? BadInput.Damaged(name, $"{name} is truncated: its image data ends early; copy or download it again.")
            : BadInput.Damaged(name, $"{name} is a damaged image file ({result}): copy or download it again.");

    /// <summary>Drops alpha and turns the image as EXIF's number of an orientation says, in one walk.</summary>
    static RgbImage Turned(ReadOnlySpan<byte> rgba, int width, int height, int orientation)
    {
        // Where the stored top left pixel goes, and how far one step right and one step down move from there.
        (int start, int right, int down) = orientation switch
        {
            2 => (width - 1, -1, width),
            3 => (width * height - 1, -1, -width),
            4 => (width * (height - 1), 1, -width),
            5 => (0, height, 1),
            6 => (height - 1, height, -1),
            7 => (width * height - 1, -height, -1),
            8 => (height * (width - 1), -height, 1),
            _ => (0, 1, width),
        };
        byte[] rgb = new byte[width * height * 3];
        for (int y = 0, from = 0; y < height; y++)
        {
            int to = (start + y * down) * 3;
            for (int x = 0; x < width; x++, from += 4, to += right * 3)
            {
                rgba.Slice(from, 3).CopyTo(rgb.AsSpan(to, 3));
            }
        }
        bool onItsSide = orientation >= 5;
        return new RgbImage(onItsSide ? height : width, onItsSide ? width : height, rgb);
    }
}
