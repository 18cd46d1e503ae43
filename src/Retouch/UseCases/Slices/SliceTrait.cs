namespace Retouch.UseCases;

/// <summary>How a slice's images look otherwise than others that the model says the same of. Immutable.</summary>
/// <param name="Measure">What was measured: one of <see cref="Images.ImageLook.Names"/>, or <c>source</c>.</param>
/// <param name="Slice">Its mean in the slice; of the source the share that comes from it.</param>
/// <param name="Usual">The same of the others.</param>
/// <param name="Effect">The difference over the standard deviation of all images; of the source that of shares.</param>
/// <param name="Value">The source; null of what is measured in numbers.</param>
public readonly record struct SliceTrait(string Measure, double Slice, double Usual, double Effect, string? Value)
{
    /// <summary>In words: <c>darker (31 %, others 52 %)</c>.</summary>
    public override string ToString()
    {
        bool more = Effect > 0;
        return Measure switch
        {
            "brightness" => $"{(more ? "brighter" : "darker")} ({Percents()})",
            "contrast" => $"{(more ? "of more contrast" : "flat")} ({Percents()})",
            "saturation" => $"{(more ? "colourful" : "pale")} ({Percents()})",
            "sharpness" =>
                $"{(more ? "sharper" : "blurred")} (variance of the Laplacian ×{Short(Math.Exp(Slice - Usual))})",
            "size" => $"{(more ? "larger" : "smaller")} ({Pixels(Slice)} pixels, others {Pixels(Usual)})",
            "background brightness" => $"{(more ? "bright" : "dark")} background ({Percents()})",
            "plain background" => $"{(more ? "plain" : "busy")} background",
            _ => $"from {Value} ({Percents()})",
        };
    }

    static string Pixels(double size) => Short(Math.Pow(2, size));

    string Percents() => $"{Short(100 * Slice)} %, others {Short(100 * Usual)} %";

    static string Short(double value) =>
        value.ToString(Math.Abs(value) < 10 ? "0.0" : "0", System.Globalization.CultureInfo.InvariantCulture);
}
