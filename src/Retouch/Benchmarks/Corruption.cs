using System.Text.Json.Serialization;
using Retouch.Images;

namespace Retouch.Benchmarks;

/// <summary>How images are spoilt before a model is asked about them; none leaves them clean. Immutable.</summary>
/// <param name="Shift">The <see cref="ImageShift"/> that spoils them, by its name; null for none.</param>
/// <param name="Strength">How far, in [0,1]; 0 of none.</param>
public readonly record struct Corruption(string? Shift, double Strength)
{
    /// <summary>The shifts that side effects are measured under.</summary>
    public static IReadOnlyList<string> Shifts { get; } = ["noise", "motion-blur", "jpeg", "brightness"];

    /// <summary>Their strengths.</summary>
    public static IReadOnlyList<double> Strengths { get; } = [0.3, 0.5, 0.7];

    /// <summary>Clean images, then every shift at every strength.</summary>
    public static IReadOnlyList<Corruption> All { get; } =
    [new(null, 0), .. Shifts.SelectMany(shift => Strengths.Select(strength => new Corruption(shift, strength)))];

    /// <summary>Whether the images stay as they are.</summary>
    [JsonIgnore]
    public bool IsClean => Shift is null;

    /// <summary>An image as it looks then: as the verb that writes shifted folders makes it of the same seed.</summary>
    /// <param name="image">The image.</param>
    /// <param name="seed">The seed of the whole folder.</param>
    /// <param name="file">The image's path below its folder, with / between the parts.</param>
    public RgbImage Apply(RgbImage image, int seed, string file) =>
        Shift is null ? image : ImageShift.Find(Shift).Apply(image, Strength, ImageShift.RandomFor(seed, file));
}
