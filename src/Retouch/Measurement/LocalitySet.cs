using Retouch.Suffix;

namespace Retouch.Measurement;

/// <summary>
/// Images that an edit should leave alone: their prefix and the unedited model's predictions, kept so that
/// many edits can be measured against them. Owns their prefixes.
/// </summary>
public sealed class LocalitySet : IDisposable
{
    readonly SplitVit _split;
    readonly PrefixStore _states;

    /// <summary>Creates a set of images that stay in memory, taking ownership of <paramref name="state"/>.</summary>
    public LocalitySet(SplitVit split, PrefixState state)
        : this(split, PrefixStore.Of(state)) { }

    /// <summary>Creates a set, taking ownership of <paramref name="states"/>.</summary>
    /// <param name="split">The model to be edited.</param>
    /// <param name="states">The images' prefixes under it.</param>
    /// <param name="predictions">
    /// What the unedited model says of them, where <paramref name="split"/> was edited before; null to ask
    /// <paramref name="split"/>.
    /// </param>
    public LocalitySet(SplitVit split, PrefixStore states, IReadOnlyList<int>? predictions = null)
    {
        (_split, _states) = (split, states);
        Predictions = predictions ?? Predict(state => split.Predict(state));
    }

    /// <summary>The class that the unedited model gives each image, right or wrong.</summary>
    public IReadOnlyList<int> Predictions { get; }

    /// <summary>The prefix of some of the images, by rising places; the caller disposes it.</summary>
    internal PrefixState States(IReadOnlyList<int> images)
    {
        List<PrefixState> parts = [];
        try
        {
            int first = 0;
            for (int i = 0; i < _states.Count; i++)
            {
                using PrefixState state = _states.Open(i);
                int[] here = [.. images.Select(p => p - first).Where(p => p >= 0 && p < state.Images)];
                if (here.Length > 0)
                    parts.Add(state.Select(here));
                first += state.Images;
            }
            return PrefixState.Concat(parts);
        }
        finally
        {
            parts.ForEach(p => p.Dispose());
        }
    }

    /// <summary>Compares every image's prediction under an edit with the unedited model's.</summary>
    public LocalityMeasurement Measure(ModelDelta delta) => Compare(Predict(state => _split.Predict(state, delta)));

    /// <summary>
    /// Compares every image's prediction under a model that patches were applied to with the unedited model's.
    /// </summary>
    /// <param name="edited">The edited model, cut like the unedited one.</param>
    public LocalityMeasurement Measure(SplitVit edited) =>
        Compare(
            Predict(original =>
            {
                using PrefixState state = edited.Rebase(original);
                return edited.Predict(state);
            })
        );

    /// <summary>Frees the prefixes.</summary>
    public void Dispose() => _states.Dispose();

    int[] Predict(Func<PrefixState, int[]> predict) =>
        [
            .. Enumerable
                .Range(0, _states.Count)
                .SelectMany(i =>
                {
                    using PrefixState state = _states.Open(i);
                    return predict(state);
                }),
        ];

    LocalityMeasurement Compare(int[] after) =>
        new LocalityMeasurement(
            after.Length,
            [
                .. Enumerable
                    .Range(0, after.Length)
                    .Where(i => after[i] != Predictions[i])
                    .Select(i => new PredictionChange(i, Predictions[i], after[i])),
            ]
        )
        {
            Before = Predictions,
        };
}
