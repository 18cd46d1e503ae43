namespace Retouch.Measurement;

/// <summary>
/// Whether a model is as often right as it says: images in bins of equal width by the probability of the predicted
/// class (C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017).
/// Immutable.
/// </summary>
/// <param name="Bins">
/// The bins in rising order; bin m of M, from 1, holds probabilities in ((m-1)/M, m/M], and the first 0 as well.
/// </param>
public sealed record Calibration(IReadOnlyList<CalibrationBin> Bins)
{
    /// <summary>As many bins as Guo et al. take.</summary>
    public const int UsualBins = 15;

    /// <summary>
    /// The expected calibration error ECE, in [0,1]: the sum over bins of the share of images in the bin times the
    /// distance between accuracy and mean probability there; 0 of no images.
    /// </summary>
    public double Error
    {
        get
        {
            int images = Bins.Sum(b => b.Images);
            return images == 0 ? 0 : Bins.Sum(b => b.Images * Math.Abs(b.Accuracy - b.Confidence)) / images;
        }
    }

    /// <summary>Sorts predictions into bins.</summary>
    /// <param name="predictions">
    /// The probability of each predicted class, in [0,1], and whether the prediction is right.
    /// </param>
    /// <param name="bins">The number of bins, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no bins, or a probability is none.</exception>
    public static Calibration Of(IEnumerable<(double Probability, bool Right)> predictions, int bins = UsualBins)
    {
        CalibrationSums sums = new(bins);
        foreach ((double probability, bool isRight) in predictions)
            sums.Add(probability, isRight);
        return sums.Result();
    }
}
