namespace Retouch.Reports;

/// <summary>An image of a gallery and what the model said of it before and after the edit. Immutable.</summary>
/// <param name="Path">The image's path as the benchmark has it.</param>
/// <param name="Before">The unedited model's class.</param>
/// <param name="After">The edited model's class.</param>
/// <param name="Jpeg">A small picture of it, the bytes of a JPEG file; empty where it is not shown.</param>
public sealed record GalleryPicture(string Path, int Before, int After, ReadOnlyMemory<byte> Jpeg);
