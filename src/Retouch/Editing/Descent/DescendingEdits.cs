using Retouch.Locating;
using Retouch.Suffix;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Independent edits of chosen units that descend together as one batch, which those that are done leave. Each weight
/// has a delta and a second value that the update rule keeps. Owns its tensors, and the results until they are taken.
/// </summary>
sealed class DescendingEdits : IDisposable
{
    readonly SplitVit _split;
    readonly IReadOnlyList<Failure> _failures;
    readonly string _method;
    readonly IReadOnlyDictionary<string, string> _settings;
    readonly int _seed;
    readonly List<float>[] _losses;
    readonly List<int> _stay = [];
    EditResult?[] _results;
    RowBatch? _batch;

    /// <summary>Starts the edits, every delta zero.</summary>
    /// <param name="split">The cut model; not owned.</param>
    /// <param name="failures">What is to be corrected, each with the same number of images.</param>
    /// <param name="units">The units to edit for each failure.</param>
    /// <param name="method">The editor's name, for the provenance.</param>
    /// <param name="settings">All of its settings, likewise.</param>
    /// <param name="seed">The seed, likewise.</param>
    public DescendingEdits(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IReadOnlyList<UnitSelection> units,
        string method,
        IReadOnlyDictionary<string, string> settings,
        int seed
    )
    {
        (_split, _failures, _method, _settings, _seed) = (split, failures, method, settings, seed);
        _results = new EditResult?[failures.Count];
        _losses = [.. failures.Select(_ => new List<float>())];
        _batch = RowBatch.Of(split, failures, units, values: 2);
    }

    /// <summary>How many go on.</summary>
    public int Count => _batch is null ? 0 : _stay.Count;

    /// <summary>What is added to the rows of each matrix, <c>[B,u,D]</c>.</summary>
    public Tensor[] Deltas => Batch[0];

    /// <summary>What the update rule keeps of them: mean squares of gradients.</summary>
    public Tensor[] Squares => Batch[1];

    RowBatch Batch => _batch ?? throw new InvalidOperationException("Every edit is done.");

    /// <summary>The logits of the edits' images, <c>[B·S,C]</c>; in the caller's dispose scope.</summary>
    public Tensor Logits() => Batch.Session.Logits();

    /// <summary>Ends the edits that are right and sure, or all of them, with the deltas that they have.</summary>
    /// <param name="logits">The logits under these deltas.</param>
    /// <param name="step">Steps taken.</param>
    /// <param name="stopLoss">An edit is sure when its cross-entropy is at most this.</param>
    /// <param name="all">Whether no further step may be taken.</param>
    /// <returns>The mean cross-entropy of all that were there.</returns>
    public float Retire(Tensor logits, int step, double stopLoss, bool all)
    {
        (float[] losses, bool[] right) = Batch.Judge(logits);
        _stay.Clear();
        for (int b = 0; b < Batch.Count; b++)
        {
            int edit = Batch.Edits[b];
            if (!all)
                _losses[edit].Add(losses[b]);
            if (all || (right[b] && losses[b] <= stopLoss))
                _results[edit] = Edits.Result(
                    _split,
                    _failures[edit],
                    Batch.Delta(b),
                    _method,
                    _settings,
                    _seed,
                    step,
                    _losses[edit],
                    right[b]
                );
            else
                _stay.Add(b);
        }
        return losses.Average();
    }

    /// <summary>
    /// The gradients of the cross-entropies for each matrix, <c>[B,u,D]</c>; in the caller's dispose scope.
    /// </summary>
    /// <param name="logits">The logits under these deltas.</param>
    public Tensor[] Gradients(Tensor logits) => Batch.Gradients(logits);

    /// <summary>
    /// Makes the deltas, as they were changed, what the next pass adds to the weights, for the edits that go on.
    /// </summary>
    public void Continue()
    {
        Batch.Session.SetDeltas(Deltas);
        if (_stay.Count == Batch.Count)
            return;
        RowBatch smaller = Batch.Select(_stay);
        Batch.Dispose();
        _batch = smaller;
    }

    /// <summary>One result a failure, in their order; the caller disposes them.</summary>
    public IReadOnlyList<EditResult> TakeResults()
    {
        EditResult?[] taken = _results;
        _results = [];
        return taken!;
    }

    public void Dispose()
    {
        _batch?.Dispose();
        foreach (EditResult? result in _results)
            result?.Dispose();
    }
}
