namespace Retouch.Measurement;

/// <summary>The images of which a model is about equally sure. Immutable.</summary>
/// <param name="Images">The number of images.</param>
/// <param name="Confidence">The mean probability of the predicted class, in [0,1]; 0 of no images.</param>
/// <param name="Right">How many of the predictions are right.</param>
public readonly record struct CalibrationBin(int Images, double Confidence, int Right)
{
    /// <summary>The share of predictions that are right, in [0,1]; 0 of no images.</summary>
    public double Accuracy => Images == 0 ? 0 : (double)Right / Images;
}
