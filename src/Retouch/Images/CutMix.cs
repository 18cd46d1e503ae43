using System.Drawing;

namespace Retouch.Images;

/// <summary>
/// Pastes a rectangle of one image into another at the same place (Yun et al., "CutMix", ICCV 2019), in whole
/// patches of a ViT as "Learning Where to Edit Vision Transformers" does: height and width are each uniform
/// in a range of patches, the corner is uniform so that the rectangle fits. Immutable; the same seed gives the
/// same rectangles.
/// </summary>
public sealed record CutMix
{
    /// <summary>Creates the transform; the default range is the published one, for 14 × 14 patches.</summary>
    /// <param name="patchSize">The side of a patch in pixels.</param>
    /// <param name="minPatches">The least side of a rectangle; on an image of fewer patches, all of them.</param>
    /// <param name="maxPatches">The largest side of a rectangle; on an image of fewer patches, all of them.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public CutMix(int patchSize, int minPatches = 3, int maxPatches = 8)
    {
        if (patchSize < 1 || minPatches < 1 || maxPatches < minPatches)
            throw BadInput.OutOfRange(
                null,
                $"CutMix takes {minPatches} to {maxPatches} patches of {patchSize} pixels: give numbers of at least "
                    + "1, the smaller first."
            );
        (PatchSize, MinPatches, MaxPatches) = (patchSize, minPatches, maxPatches);
    }

    /// <summary>The side of a patch in pixels.</summary>
    public int PatchSize { get; }

    /// <summary>The least side of a rectangle, in patches.</summary>
    public int MinPatches { get; }

    /// <summary>The largest side of a rectangle, in patches.</summary>
    public int MaxPatches { get; }

    /// <summary>The next rectangle of an image, in pixels.</summary>
    /// <exception cref="ArgumentException">The image is smaller than a patch.</exception>
    public Rectangle PickArea(int width, int height, Random random)
    {
        (int columns, int rows) = (width / PatchSize, height / PatchSize);
        if (columns == 0 || rows == 0)
            throw new ArgumentException($"An image of {width}x{height} has no patch of {PatchSize} pixels.");
        int h = Side(rows);
        int w = Side(columns);
        int top = random.Next(rows - h + 1);
        int left = random.Next(columns - w + 1);
        return new Rectangle(left * PatchSize, top * PatchSize, w * PatchSize, h * PatchSize);

        int Side(int patches) => random.Next(Math.Min(MinPatches, patches), Math.Min(MaxPatches, patches) + 1);
    }

    /// <summary>A copy of <paramref name="image"/> with the next rectangle of <paramref name="other"/> in it.</summary>
    /// <exception cref="ArgumentException">The images differ in size or are smaller than a patch.</exception>
    public RgbImage Apply(RgbImage image, RgbImage other, Random random)
    {
        if (image.Width != other.Width || image.Height != other.Height)
            throw new ArgumentException(
                $"An image of {other.Width}x{other.Height} cannot be mixed into one of {image.Width}x{image.Height}."
            );
        Rectangle area = PickArea(image.Width, image.Height, random);
        byte[] mixed = image.Pixels.ToArray();
        for (int y = area.Top; y < area.Bottom; y++)
        {
            int start = (y * image.Width + area.Left) * 3;
            other.Pixels.Slice(start, area.Width * 3).CopyTo(mixed.AsSpan(start));
        }
        return new RgbImage(image.Width, image.Height, mixed);
    }
}
