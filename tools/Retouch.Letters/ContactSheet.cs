using Retouch.Data;
using Retouch.Images;

namespace Retouch.Letters;

/// <summary>Pictures side by side, to be looked at.</summary>
static class ContactSheet
{
    const int Enlarged = 2;
    const int Side = LetterPainter.Size * Enlarged;

    public static int Write(string folder, string file, int columns)
    {
        ImageFolder images = ImageFolder.Open(folder);
        // Spread over the folder, 12 rows.
        int count = Math.Min(columns * 12, images.Files.Count);
        int rows = (count + columns - 1) / columns;
        byte[] sheet = new byte[rows * columns * Side * Side * 3];
        for (int i = 0; i < count; i++)
        {
            RgbImage picture = Resampler.Resize(
                ImageDecoder.Load(images.FullPath(images.Files[(int)((long)i * images.Files.Count / count)])),
                Side,
                Side,
                Interpolation.Bilinear
            );
            for (int y = 0; y < Side; y++)
                picture
                    .Pixels.Slice(y * Side * 3, Side * 3)
                    .CopyTo(sheet.AsSpan((((i / columns * Side) + y) * columns * Side + i % columns * Side) * 3));
        }
        File.WriteAllBytes(file, ImageEncoder.Png(new RgbImage(columns * Side, rows * Side, sheet)));
        return 0;
    }
}
