namespace Retouch.Editing;

/// <summary>
/// What a <see cref="Gate"/> may change among ordinary images of the class that an image is mistaken for: they are the
/// most alike, and of few classes each has many. Immutable.
/// </summary>
/// <param name="Images">Ordinary images of the preparation.</param>
/// <param name="OfClass">Those that the model gives the class that the image is mistaken for.</param>
/// <param name="Open">Those of them that open the gate.</param>
public readonly record struct GateCost(long Images, long OfClass, long Open)
{
    // More than this of all ordinary images is more than the method is known to change where classes are many.
    internal const double Usual = 0.005;

    /// <summary>The share of ordinary images that are of the class, in [0,1].</summary>
    public double ClassShare => (double)OfClass / Images;

    /// <summary>The share of ordinary images that are of the class and open the gate, in [0,1].</summary>
    public double OpenShare => (double)Open / Images;

    /// <summary>
    /// Whether classes are so few that this one alone has as many ordinary images as may open the gate, which either
    /// change or have to be shut out at the cost of generalization; or more of it open the gate than is usual.
    /// </summary>
    /// <param name="leak"><see cref="GateSettings.Leak"/>.</param>
    public bool IsNotable(double leak) => OfClass > 0 && (ClassShare >= leak || OpenShare > Usual);
}
