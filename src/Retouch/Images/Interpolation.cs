namespace Retouch.Images;

/// <summary>The kernel of a resize. Both widen with the shrink factor (antialiasing), as PIL's do.</summary>
public enum Interpolation
{
    /// <summary>A triangle, one pixel to each side.</summary>
    Bilinear,

    /// <summary>Keys's cubic with a = -0.5, two pixels to each side.</summary>
    Bicubic,
}
