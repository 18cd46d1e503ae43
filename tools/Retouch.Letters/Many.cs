using System.Globalization;
using Retouch.Data;
using Retouch.Images;

namespace Retouch.Letters;

/// <summary>As many pictures as one likes, made of a folder's: moved, and with noise.</summary>
static class Many
{
    const int Farthest = 3; // pixels
    const double Noisiest = 0.3;

    /// <summary>Writes them in folders of their classes; those that are there stay.</summary>
    public static int Write(string folder, string output, int count)
    {
        ImageFolder images = ImageFolder.Open(folder);
        RgbImage[] pictures = [.. images.Files.Select(f => ImageDecoder.Load(images.FullPath(f)))];
        ImageShift noise = ImageShift.Find("noise");
        for (int i = 0; i < count; i++)
        {
            string file = images.Files[i % pictures.Length];
            string name = string.Create(
                CultureInfo.InvariantCulture,
                $"{Path.GetFileName(Path.GetDirectoryName(file))}/{i:D6}.png"
            );
            string path = Path.Combine(output, name);
            if (File.Exists(path))
                continue;
            Random random = ImageShift.RandomFor(0, name);
            RgbImage moved = Moved(pictures[i % pictures.Length], random);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, ImageEncoder.Png(noise.Apply(moved, Noisiest * random.NextDouble(), random)));
        }
        Console.WriteLine($"{output}: {count} images");
        return 0;
    }

    // What is moved in goes on as the edge was.
    static RgbImage Moved(RgbImage image, Random random)
    {
        int right = random.Next(-Farthest, Farthest + 1);
        int down = random.Next(-Farthest, Farthest + 1);
        byte[] pixels = new byte[image.Width * image.Height * 3];
        for (int y = 0, to = 0; y < image.Height; y++)
        {
            int row = Math.Clamp(y - down, 0, image.Height - 1) * image.Width;
            for (int x = 0; x < image.Width; x++, to += 3)
                image.Pixels.Slice(3 * (row + Math.Clamp(x - right, 0, image.Width - 1)), 3).CopyTo(pixels.AsSpan(to));
        }
        return new RgbImage(image.Width, image.Height, pixels);
    }
}
