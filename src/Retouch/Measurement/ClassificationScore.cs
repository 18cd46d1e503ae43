namespace Retouch.Measurement;

/// <summary>How well a model does on labelled images. Immutable.</summary>
/// <param name="Images">The number of images.</param>
/// <param name="Right">How many it gives a right class.</param>
/// <param name="InTopFive">
/// Of how many a right class is among the five likeliest; null where the model has no more than five classes.
/// </param>
/// <param name="Calibration">Whether it is as often right as it says.</param>
public sealed record ClassificationScore(int Images, int Right, int? InTopFive, Calibration Calibration)
{
    /// <summary>The share that is right with its Wilson interval of 95 %; null of no images.</summary>
    public Estimate? Accuracy => Images == 0 ? null : Wilson.Of(Right, Images);

    /// <summary>The same of the five likeliest classes; null where they are all classes, too.</summary>
    public Estimate? TopFiveAccuracy => Images == 0 || InTopFive is not int hits ? null : Wilson.Of(hits, Images);
}
