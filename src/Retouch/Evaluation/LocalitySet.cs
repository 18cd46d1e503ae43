using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

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
        Predictions = Predict(null);
    }

    /// <summary>The class that the unedited model gives each image, right or wrong.</summary>
    public IReadOnlyList<int> Predictions { get; }

    /// <summary>Compares every image's prediction under an edit with the unedited model's.</summary>
    public LocalityMeasurement Measure(ModelDelta delta)
    {
        int[] after = Predict(delta);
        return new LocalityMeasurement(after.Length, [.. Enumerable.Range(0, after.Length)
            .Where(i => after[i] != Predictions[i]).Select(i => new PredictionChange(i, Predictions[i], after[i]))]);
    }

    /// <summary>Frees the prefix.</summary>
    public void Dispose() => _state.Dispose();

    int[] Predict(ModelDelta? delta)
    {
        using DisposeScope scope = NewDisposeScope();
        return [.. _split.Logits(_state, delta).argmax(1).cpu().data<long>().Select(c => (int)c)];
    }
}
