namespace Retouch.Images;

/// <summary>Small copies of images, to be put into a page.</summary>
public static class Thumbnail
{
    const int Quality = 78;

    /// <summary>A JPEG of an image, which is not enlarged.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="side">The longer side's length at most, in pixels.</param>
    /// <param name="orientation">Which way up it is.</param>
    /// <exception cref="BadInputException">The file has vanished or cannot be decoded.</exception>
    public static byte[] Jpeg(string path, int side, ImageOrientation orientation) =>
        Jpeg(ImageDecoder.Load(path, orientation), side);

    /// <summary>The same of an image that is read.</summary>
    /// <param name="image">The image.</param>
    /// <param name="side">The longer side's length at most, in pixels.</param>
    public static byte[] Jpeg(RgbImage image, int side)
    {
        double scale = Math.Min((double)side / Math.Max(image.Width, image.Height), 1);
        int width = Math.Max((int)Math.Round(image.Width * scale), 1);
        int height = Math.Max((int)Math.Round(image.Height * scale), 1);
        RgbImage small = scale < 1 ? Resampler.Resize(image, width, height, Interpolation.Bicubic) : image;
        return ImageEncoder.Jpeg(small, Quality);
    }
}
