namespace Retouch.Measurement;

/// <summary>How a model does on the images of a class or of a folder. Immutable.</summary>
/// <param name="Name">The class's name, or the folder's source and name.</param>
/// <param name="Class">The class; null of a folder.</param>
/// <param name="Images">The number of images.</param>
/// <param name="Right">How many the model gives a right class.</param>
/// <param name="InTopFive">
/// Of how many a right class is among the five likeliest; null where the model has no more than five classes.
/// </param>
/// <param name="Flips">What changed against another model; null where there is none.</param>
public sealed record CheckedGroup(string Name, int? Class, int Images, int Right, int? InTopFive, Flips? Flips)
{
    /// <summary>The share that is right, in [0,1].</summary>
    public double Accuracy => Images == 0 ? 0 : (double)Right / Images;
}
