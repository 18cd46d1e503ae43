namespace Retouch.Images;

/// <summary>Which way up a decoded image is.</summary>
public enum ImageOrientation
{
    /// <summary>As its pixels are stored, whatever EXIF says: what timm's and torchvision's transforms see.</summary>
    Stored,

    /// <summary>
    /// As its EXIF orientation says: what image viewers show, and PIL's <c>ImageOps.exif_transpose</c>.
    /// </summary>
    Exif,
}
