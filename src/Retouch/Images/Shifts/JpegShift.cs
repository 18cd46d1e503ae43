namespace Retouch.Images;

/// <summary>
/// Compressed by JPEG with a quality from 90 down to 2. Its blocks are 8 pixels of the file as it is, so they
/// are plainest in small pictures.
/// </summary>
sealed class JpegShift : ImageShift
{
    public override string Name => "jpeg";

    public override string Description => "compressed by JPEG until it shows";

    private protected override RgbImage Render(RgbImage image, double strength, Random random) =>
        ImageDecoder.DecodeOwn(
            ImageEncoder.Jpeg(image, (int)Math.Round(2 + 88 * Math.Pow(1 - strength, 2))),
            "The compressed image"
        );
}
