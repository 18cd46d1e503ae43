using Retouch.Vit;

namespace Retouch.Evaluation;

/// <summary>
/// Images that an edit should leave alone: their prefix and the unedited model's predictions, kept so that
/// many edits can be measured against them. Owns its prefix.
/// </summary>
public sealed class LocalitySet : IDisposable
{
    readonly SplitVit _split;
    readonly PrefixState _state;

    /// <summary>Creates a set, taking ownership of <paramref name="state"/>.</summary>
    public LocalitySet(SplitVit split, PrefixState state)
    {
        (_split, _state) = (split, state);
        Predictions = split.Predict(state);
    }

    /// <summary>The class that the unedited model gives each image, right or wrong.</summary>
    public IReadOnlyList<int> Predictions { get; }

    /// <summary>Compares every image's prediction under an edit with the unedited model's.</summary>
    public LocalityMeasurement Measure(ModelDelta delta)
    {
        return Compare(_split.Predict(_state, delta));
    }

    /// <summary>Compares every image's prediction under a model that patches were applied to with the unedited model's.</summary>
    /// <param name="edited">The edited model, cut like the unedited one.</param>
    public LocalityMeasurement Measure(SplitVit edited)
    {
        using PrefixState state = edited.Rebase(_state);
        return Compare(edited.Predict(state));
    }

    /// <summary>Frees the prefix.</summary>
    public void Dispose() => _state.Dispose();

    LocalityMeasurement Compare(int[] after) => new LocalityMeasurement(after.Length, [.. Enumerable.Range(0, after.Length)
            .Where(i => after[i] != Predictions[i]).Select(i => new PredictionChange(i, Predictions[i], after[i]))]);
}
