namespace Retouch.Measurement;

/// <summary>What an edit on some images of a group did to the group.</summary>
/// <param name="Samples">The number of images that the edit saw, k.</param>
/// <param name="SamplesRight">How many of them are right under the edited model.</param>
/// <param name="Others">The number of other images, N - k.</param>
/// <param name="OthersRight">How many of them are right under the edited model.</param>
public readonly record struct GroupMeasurement(int Samples, int SamplesRight, int Others, int OthersRight)
{
    /// <summary>Whether every edit sample is right.</summary>
    public bool Success => SamplesRight == Samples;

    /// <summary>The success rate SR: the share of edit samples that are right, in [0,1].</summary>
    public double SuccessRate => (double)SamplesRight / Samples;

    /// <summary>
    /// The generalization rate GR, in [0,1]: (number right - edit samples right) / (N - k); null of no other
    /// images.
    /// </summary>
    public double? GeneralizationRate => Others == 0 ? null : (double)OthersRight / Others;

    /// <summary>Compares predictions with what counts as right.</summary>
    /// <param name="predictions">The edited model's class for each image of the group.</param>
    /// <param name="samples">The places of the images that were edited on, each once.</param>
    /// <param name="accepted">The classes that count as right.</param>
    /// <param name="leftOut">
    /// Places of images that count neither for success nor for generalization, or null for none.
    /// </param>
    /// <exception cref="ArgumentException">There are no edit samples, or one is named twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// One of <paramref name="samples"/> is not a place in the group.
    /// </exception>
    public static GroupMeasurement Of(
        IReadOnlyList<int> predictions,
        IReadOnlyList<int> samples,
        IReadOnlyList<int> accepted,
        IReadOnlySet<int>? leftOut = null
    )
    {
        HashSet<int> edited = [.. samples];
        if (edited.Count == 0 || edited.Count < samples.Count)
            throw new ArgumentException("Edit samples are needed, each once.", nameof(samples));
        foreach (int sample in samples)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(sample, nameof(samples));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sample, predictions.Count, nameof(samples));
        }
        int[] others =
        [
            .. Enumerable.Range(0, predictions.Count).Where(i => !edited.Contains(i) && leftOut?.Contains(i) != true),
        ];
        return new GroupMeasurement(edited.Count, edited.Count(Right), others.Length, others.Count(Right));

        bool Right(int image) => accepted.Contains(predictions[image]);
    }
}
