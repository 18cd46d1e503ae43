using System.Drawing;

namespace Retouch.Images;

/// <summary>
/// torchvision's RandomResizedCrop: a part of random area and aspect ratio, resized to a square.
/// Immutable; the same seed gives the same crops.
/// </summary>
sealed record RandomResizedCrop
{
    const int Tries = 10;

    /// <summary>
    /// Creates the transform; by default the crop keeps a quarter of the area or more, at 3:4 to 4:3.
    /// </summary>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public RandomResizedCrop(
        int size,
        Interpolation interpolation,
        double minScale = 0.25,
        double maxScale = 1,
        double minRatio = 3 / 4.0,
        double maxRatio = 4 / 3.0
    )
    {
        if (size is < 1 or > 8192)
        {
            throw BadInput.OutOfRange(null, $"The random crop's size is {size}: give 1 to 8192 pixels.");
        }
        if (!(minScale > 0 && minScale <= maxScale && maxScale <= 1))
        {
            throw BadInput.OutOfRange(
                null,
                $"The random crop's scale is {minScale} to {maxScale}: give shares of the area above 0 up to 1, the "
                    + "smaller first."
            );
        }
        if (!(minRatio > 0 && minRatio <= maxRatio && double.IsFinite(maxRatio)))
        {
            throw BadInput.OutOfRange(
                null,
                $"The random crop's aspect ratio is {minRatio} to {maxRatio}: give numbers above 0, the smaller first."
            );
        }
        (Size, Interpolation) = (size, interpolation);
        (MinScale, MaxScale, MinRatio, MaxRatio) = (minScale, maxScale, minRatio, maxRatio);
    }

    /// <summary>The side of the result in pixels.</summary>
    public int Size { get; }

    /// <summary>The kernel of the resize.</summary>
    public Interpolation Interpolation { get; }

    /// <summary>The least share of the image's area that a crop keeps.</summary>
    public double MinScale { get; }

    /// <summary>The largest share of the image's area that a crop keeps.</summary>
    public double MaxScale { get; }

    /// <summary>The least width / height of a crop.</summary>
    public double MinRatio { get; }

    /// <summary>The largest width / height of a crop.</summary>
    public double MaxRatio { get; }

    /// <summary>A random part of the image, resized.</summary>
    public RgbImage Apply(RgbImage image, Random random) =>
        // Cropped first: a resize from a box would mix in pixels around it, which PIL's crop has cut away.
        Resampler.Resize(image.Crop(PickArea(image.Width, image.Height, random)), Size, Size, Interpolation);

    /// <summary>The part of a width × height image that the next crop keeps.</summary>
    public Rectangle PickArea(int width, int height, Random random)
    {
        double area = (double)width * height;
        (double minLog, double maxLog) = (Math.Log(MinRatio), Math.Log(MaxRatio));
        for (int i = 0; i < Tries; i++)
        {
            double target = area * Uniform(random, MinScale, MaxScale);
            // Uniform in the logarithm: 3:4 is as likely as 4:3.
            double ratio = Math.Exp(Uniform(random, minLog, maxLog));
            (double w, double h) = (Math.Round(Math.Sqrt(target * ratio)), Math.Round(Math.Sqrt(target / ratio)));
            if (w > 0 && w <= width && h > 0 && h <= height)
            {
                int top = random.Next(height - (int)h + 1);
                int left = random.Next(width - (int)w + 1);
                return new Rectangle(left, top, (int)w, (int)h);
            }
        }
        return LargestCentral(width, height);
    }

    Rectangle LargestCentral(int width, int height)
    {
        double ratio = (double)width / height;
        (int w, int h) =
            ratio < MinRatio ? (width, (int)Math.Round(width / MinRatio))
            : ratio > MaxRatio ? ((int)Math.Round(height * MaxRatio), height)
            : (width, height);
        // An extreme allowed ratio rounds to nothing on a thin image, where torchvision fails.
        (w, h) = (Math.Max(w, 1), Math.Max(h, 1));
        return new Rectangle((width - w) / 2, (height - h) / 2, w, h);
    }

    static double Uniform(Random random, double from, double to) => from + random.NextDouble() * (to - from);
}
