namespace Retouch.Evaluation;

/// <summary>What an edit on one image of a group did to the group.</summary>
/// <param name="Success">Whether the edit sample is right under the edited model: SR, 1 or 0.</param>
/// <param name="Others">The number of other images, N - 1.</param>
/// <param name="OthersRight">How many of them are right under the edited model.</param>
public readonly record struct GroupMeasurement(bool Success, int Others, int OthersRight)
{
    /// <summary>The generalization rate GR: (number right - 1 if the edit sample is right) / (N - 1), in [0,1].</summary>
    public double GeneralizationRate => (double)OthersRight / Others;

    /// <summary>Compares predictions with what counts as right.</summary>
    /// <param name="predictions">The edited model's class for each image of the group.</param>
    /// <param name="editSample">The place of the image that was edited on.</param>
    /// <param name="accepted">The classes that count as right.</param>
    /// <exception cref="ArgumentException">The group has fewer than two images.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="editSample"/> is not a place in the group.</exception>
    public static GroupMeasurement Of(IReadOnlyList<int> predictions, int editSample, IReadOnlyList<int> accepted)
    {
        if (predictions.Count < MiningSettings.FewestImages)
            throw new ArgumentException("A group without other images has no generalization rate.", nameof(predictions));
        ArgumentOutOfRangeException.ThrowIfNegative(editSample);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(editSample, predictions.Count);
        bool success = accepted.Contains(predictions[editSample]);
        return new GroupMeasurement(success, predictions.Count - 1, predictions.Count(accepted.Contains) - (success ? 1 : 0));
    }
}
