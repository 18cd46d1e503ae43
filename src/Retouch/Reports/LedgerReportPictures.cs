using Retouch.Images;

namespace Retouch.Reports;

/// <summary>Small pictures for a ledger's report.</summary>
public static class LedgerReportPictures
{
    /// <summary>The most pictures of an entry.</summary>
    public const int Most = 12;

    const int Side = 144;
    const int Quality = 82;

    /// <summary>A picture as JPEG, its longer side at most 144 pixels; null where the file is no image.</summary>
    /// <param name="path">The image.</param>
    /// <param name="orientation">Whether its EXIF tag turns it.</param>
    public static ReadOnlyMemory<byte>? Of(string path, ImageOrientation orientation)
    {
        try
        {
            RgbImage image = ImageDecoder.Load(path, orientation);
            double scale = Math.Min((double)Side / Math.Max(image.Width, image.Height), 1);
            int width = Math.Max((int)Math.Round(image.Width * scale), 1);
            int height = Math.Max((int)Math.Round(image.Height * scale), 1);
            return ImageEncoder.Jpeg(
                scale < 1 ? Resampler.Resize(image, width, height, Interpolation.Bicubic) : image,
                Quality
            );
        }
        // A report without a picture is a report.
        catch (BadInputException)
        {
            return null;
        }
    }
}
