using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Retouch.Images;

/// <summary>
/// A change of how pictures look that leaves what they show: it turns photos into a subpopulation that a model
/// was not trained on. Lengths go with the picture's shorter side, so that a picture looks the same at any
/// size. Immutable and safe to share between threads; the same random numbers give the same pixels.
/// </summary>
public abstract class ImageShift
{
    /// <summary>The strength at which a shift looks like what it is called.</summary>
    public const double UsualStrength = 0.7;

    /// <summary>All shifts, by name.</summary>
    public static IReadOnlyList<ImageShift> All { get; } =
    [
        new OilPaintingShift(),
        new StageLightShift(),
        new SketchShift(),
        new NightShift(),
        new SnowShift(),
        new MotionBlurShift(),
        new JpegShift(),
        new NoiseShift(),
        new BrightnessShift(),
    ];

    /// <summary>What a user calls it.</summary>
    public abstract string Name { get; }

    /// <summary>What it does, in one line.</summary>
    public abstract string Description { get; }

    /// <summary>The shift of a name.</summary>
    /// <exception cref="BadInputException">There is none; the message lists the names.</exception>
    public static ImageShift Find(string name) =>
        All.FirstOrDefault(s => s.Name == name)
        ?? throw BadInput.Missing(
            name,
            $"There is no shift {name}; choose one of {string.Join(", ", All.Select(s => s.Name))}."
        );

    /// <summary>
    /// The random numbers of one image of a folder. They depend on nothing but the arguments: not on the other
    /// images, their order or the machine.
    /// </summary>
    /// <param name="seed">The seed of the whole folder.</param>
    /// <param name="file">The image's path relative to the folder, with / between the parts.</param>
    public static Random RandomFor(int seed, string file) =>
        new(
            BinaryPrimitives.ReadInt32LittleEndian(
                SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{seed}/{file}")))
            )
        );

    /// <summary>The picture as it looks under the shift, of the same size.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="strength">How far, in [0,1]; 0 gives the picture itself.</param>
    /// <param name="random">What the shift chooses by: where a lamp stands, which strokes are drawn.</param>
    /// <exception cref="BadInputException">The strength is out of range.</exception>
    public RgbImage Apply(RgbImage image, double strength, Random random)
    {
        if (!(strength is >= 0 and <= 1))
            throw BadInput.OutOfRange(Name, $"The strength of {Name} is {strength}: give 0 to 1.");
        return strength == 0 ? image : Render(image, strength, random);
    }

    /// <summary><see cref="Apply"/> for a strength above 0.</summary>
    private protected abstract RgbImage Render(RgbImage image, double strength, Random random);

    /// <summary>A 224th of the shorter side in pixels: what is one pixel to most models.</summary>
    private protected static double Unit(RgbImage image) => Math.Min(image.Width, image.Height) / 224.0;

    private protected static double Uniform(Random random, double from, double to) =>
        from + random.NextDouble() * (to - from);
}
