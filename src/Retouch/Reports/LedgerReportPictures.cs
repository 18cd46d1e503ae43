using Retouch.Images;

namespace Retouch.Reports;

/// <summary>Small pictures for a ledger's report.</summary>
static class LedgerReportPictures
{
    /// <summary>The most pictures of an entry.</summary>
    public const int Most = 12;

    const int Side = 144;

    /// <summary>A picture as JPEG, its longer side at most 144 pixels; null where the file is no image.</summary>
    /// <param name="path">The image.</param>
    /// <param name="orientation">Whether its EXIF tag turns it.</param>
    public static ReadOnlyMemory<byte>? Of(string path, ImageOrientation orientation)
    {
        try
        {
            return Thumbnail.Jpeg(path, Side, orientation);
        }
        // A report without a picture is a report.
        catch (BadInputException)
        {
            return null;
        }
    }
}
