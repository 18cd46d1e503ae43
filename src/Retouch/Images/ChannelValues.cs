namespace Retouch.Images;

/// <summary>One number for each of an image's channels.</summary>
/// <param name="Red">The red channel's.</param>
/// <param name="Green">The green channel's.</param>
/// <param name="Blue">The blue channel's.</param>
public readonly record struct ChannelValues(double Red, double Green, double Blue)
{
    /// <summary>The same number for all three.</summary>
    public ChannelValues(double all)
        : this(all, all, all) { }

    /// <summary>The numbers with a space between.</summary>
    public override string ToString() => $"{Red} {Green} {Blue}";

    internal double[] ToArray() => [Red, Green, Blue];
}
