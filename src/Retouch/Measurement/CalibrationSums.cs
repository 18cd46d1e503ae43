namespace Retouch.Measurement;

/// <summary>Sorts predictions into the bins of a <see cref="Calibration"/>, one by one.</summary>
sealed class CalibrationSums
{
    readonly int[] _images;
    readonly int[] _right;
    readonly double[] _sums;

    /// <summary>Makes empty bins.</summary>
    /// <param name="bins">The number of bins, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no bins.</exception>
    public CalibrationSums(int bins = Calibration.UsualBins)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        (_images, _right, _sums) = (new int[bins], new int[bins], new double[bins]);
    }

    /// <summary>Adds a prediction.</summary>
    /// <param name="probability">The probability of the predicted class, in [0,1].</param>
    /// <param name="isRight">Whether the prediction is right.</param>
    /// <exception cref="ArgumentOutOfRangeException">The probability is none.</exception>
    public void Add(double probability, bool isRight)
    {
        if (probability is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(probability), probability, "It is no probability.");
        int bin = Math.Max((int)Math.Ceiling(probability * _images.Length) - 1, 0);
        _images[bin]++;
        _right[bin] += isRight ? 1 : 0;
        _sums[bin] += probability;
    }

    /// <summary>The bins.</summary>
    public Calibration Result() =>
        new([.. _images.Select((n, b) => new CalibrationBin(n, n == 0 ? 0 : _sums[b] / n, _right[b]))]);
}
