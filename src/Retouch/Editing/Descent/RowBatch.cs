using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// Independent edits of units that run as one batch, and what an optimizer keeps for each weight. When some are
/// done the others go on in a smaller batch. Owns its tensors.
/// </summary>
sealed class RowBatch : IDisposable
{
    readonly SplitVit _split;
    readonly IReadOnlyList<Failure> _failures;
    readonly IReadOnlyList<UnitSelection> _units;
    readonly int[] _edits;
    readonly Tensor[][] _values; // kind by kind a matrix [B,u,D]

    RowBatch(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IReadOnlyList<UnitSelection> units,
        int[] edits,
        int values
    )
    {
        (_split, _failures, _units, _edits) = (split, failures, units, edits);
        using DisposeScope scope = NewDisposeScope();
        using PrefixState state = PrefixState.Concat([.. edits.Select(i => failures[i].State)]);
        Session = new EditSession(split, state, [.. edits.Select(i => units[i])]);
        Labels = tensor([.. edits.SelectMany(i => failures[i].EachLabel)], ScalarType.Int64, state.Residual.device)
            .DetachFromDisposeScope();
        _values =
        [
            .. Enumerable
                .Range(0, values)
                .Select(_ => Session.NewRows().Select(r => r.DetachFromDisposeScope()).ToArray()),
        ];
    }

    /// <summary>A batch of all edits, every value zero.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="failures">What is to be corrected, each with the same number of images.</param>
    /// <param name="units">The units of each edit.</param>
    /// <param name="values">How many values a weight has; the first is what is added to it.</param>
    public static RowBatch Of(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IReadOnlyList<UnitSelection> units,
        int values
    ) => new(split, failures, units, [.. Enumerable.Range(0, failures.Count)], values);

    /// <summary>The number of edits, B.</summary>
    public int Count => _edits.Length;

    /// <summary>The place of each edit among all.</summary>
    public IReadOnlyList<int> Edits => _edits;

    /// <summary>The forward and backward pass.</summary>
    public EditSession Session { get; }

    /// <summary>The label of each image, <c>[B·S]</c>.</summary>
    public Tensor Labels { get; }

    /// <summary>Values of one kind, for each matrix <c>[B,u,D]</c>. They belong to the batch.</summary>
    public Tensor[] this[int kind] => _values[kind];

    /// <summary>For each edit the mean cross-entropy of its images, and whether all of them are right.</summary>
    /// <param name="logits"><c>[B·S,C]</c>.</param>
    public (float[] Losses, bool[] Right) Judge(Tensor logits)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor loss = -log_softmax(logits.detach(), 1).gather(1, Labels.unsqueeze(1)).view(Count, -1).mean([1]);
        Tensor right = logits.argmax(1).eq(Labels).view(Count, -1).all(1);
        return (loss.cpu().data<float>().ToArray(), right.cpu().data<bool>().ToArray());
    }

    /// <summary>
    /// The gradients of these losses, for each matrix <c>[B,u,D]</c>, after the session's
    /// <see cref="EditSession.Logits"/>; in the caller's dispose scope.
    /// </summary>
    /// <param name="logits"><c>[B·S,C]</c>.</param>
    /// <param name="onlyClass">Whether only what the matrices do to [CLS] counts.</param>
    public Tensor[] Gradients(Tensor logits, bool onlyClass = false) =>
        Session.Gradients(
            (softmax(logits, 1) - one_hot(Labels, logits.shape[1])) / Held(Session.ImagesPerEdit),
            onlyClass
        );

    /// <summary>Some of the edits as a batch of their own, with their values; the caller disposes it.</summary>
    /// <param name="some">Their places in this batch, at least one.</param>
    public RowBatch Select(IReadOnlyList<int> some)
    {
        RowBatch batch = new(_split, _failures, _units, [.. some.Select(b => _edits[b])], _values.Length);
        using DisposeScope scope = NewDisposeScope();
        Tensor[] units = [.. Session.RowUnits];
        Tensor[] fewer = [.. batch.Session.RowUnits];
        Tensor?[] masks = [.. Session.RowMasks];
        Tensor?[] fewerMasks = [.. batch.Session.RowMasks];
        for (int m = 0; m < units.Length; m++)
        {
            // A smaller batch may need less padding, and its rows stand elsewhere then.
            (Tensor rows, Tensor kept) = Places(some, units[m], masks[m], fewer[m], fewerMasks[m]);
            for (int kind = 0; kind < _values.Length; kind++)
                batch
                    ._values[kind][m]
                    .copy_(
                        _values[kind][m].flatten(0, 1).index_select(0, rows).mul_(kept).view_as(batch._values[kind][m])
                    );
        }
        batch.Session.SetDeltas(batch[0]);
        return batch;
    }

    // For each row of a smaller batch which of all rows [B·u] is the same unit of the same edit, and 1; 0 where it is
    // padding.
    static (Tensor Rows, Tensor Kept) Places(
        IReadOnlyList<int> some,
        Tensor units,
        Tensor? mask,
        Tensor fewer,
        Tensor? fewerMask
    )
    {
        (int before, int after) = ((int)units.shape[1], (int)fewer.shape[1]);
        long[] from = [.. units.cpu().data<long>()];
        long[] to = [.. fewer.cpu().data<long>()];
        long[] rows = new long[to.Length];
        float[]? selected = mask?.cpu().data<float>().ToArray();
        float[]? wanted = fewerMask?.cpu().data<float>().ToArray();
        float[] kept = new float[to.Length];
        for (int b = 0; b < some.Count; b++)
        {
            Dictionary<long, long> places = [];
            for (int i = some[b] * before; i < (some[b] + 1) * before; i++)
            {
                if (selected is null || selected[i] != 0)
                    places[from[i]] = i;
            }
            for (int i = b * after; i < (b + 1) * after; i++)
            {
                if (wanted is null || wanted[i] != 0)
                    (rows[i], kept[i]) = (places[to[i]], 1);
            }
        }
        return (
            tensor(rows, ScalarType.Int64, units.device),
            tensor(kept, [kept.Length, 1], ScalarType.Float32, units.device)
        );
    }

    /// <summary>What an edit adds to the model; the caller disposes it.</summary>
    /// <param name="edit">Its place in this batch.</param>
    public WeightDelta Delta(int edit) => Session.Delta(edit, _values[0]);

    public void Dispose()
    {
        Session.Dispose();
        Labels.Dispose();
        foreach (Tensor tensor in _values.SelectMany(v => v))
            tensor.Dispose();
    }
}
