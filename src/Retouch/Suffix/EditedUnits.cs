using Retouch.Kernels;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// The units of one editable FFN that the edits of a batch have of their own, and their rows of both matrices. They stand
/// at the end of each edit's order of units: those that are selected in fc2 alone, in both matrices, in fc1 alone, each of
/// the three padded with units that are not to the most that an edit has, so that either matrix's rows are one slice, the
/// same for all edits. Owns its tensors.
/// </summary>
sealed class EditedUnits : IDisposable
{
    readonly int[][] _order;   // each edit's hidden units, its own at the end
    readonly int _block, _own; // how many units an engine gets
    readonly int[] _first, _count; // of either matrix: the first row among the units at the end, and how many
    Tensor[]? _gradients;

    /// <summary>Orders the units of one block.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="index">Which of the space's blocks.</param>
    /// <param name="selections">The units of each edit.</param>
    public EditedUnits(SplitVit split, int index, IReadOnlyList<UnitSelection> selections)
    {
        EditSpace space = split.Space;
        BlockWeights block = split.Model.Blocks[space.FirstBlock + index];
        (Index, Selections, _block) = (index, selections, space.FirstBlock + index);
        HashSet<int>[] fc1 = Selected(FfnMatrix.Fc1), fc2 = Selected(FfnMatrix.Fc2);
        int both = fc1.Zip(fc2, (x, y) => x.Count(y.Contains)).Max();
        int only2 = fc1.Zip(fc2, (x, y) => y.Count - x.Count(y.Contains)).Max(), only1 = fc1.Zip(fc2, (x, y) => x.Count - x.Count(y.Contains)).Max();
        // Too many for such an order: all units, in their own.
        if (only2 + both + only1 >= space.Hidden)
            (only2, both, only1) = (0, space.Hidden, 0);
        Count = only2 + both + only1;
        (_first, _count) = ([only2, 0], [both + only1, only2 + both]);
        // Above half of an FFN's units all of them cost less than a product with the others and one with these.
        _own = index > 0 && 2 * Count > space.Hidden ? space.Hidden : Count;
        _order = [.. fc1.Zip(fc2, (x, y) => Order(space.Hidden, x, y, only2, both, only1))];

        using DisposeScope scope = NewDisposeScope();
        Tensor units = Last(Count, block.Fc1Weight.device);
        Rows = [.. Enumerable.Range(0, 2).Select(m => units.narrow(1, _first[m], _count[m]).clone().DetachFromDisposeScope())];
        Bases = [Of(block.Fc1Weight, Rows[0]).DetachFromDisposeScope(), Of(block.Fc2Weight.t(), Rows[1]).DetachFromDisposeScope()];
        Masks = [Mask(0, fc1), Mask(1, fc2)];

        HashSet<int>[] Selected(FfnMatrix kind) =>
            [.. selections.Select(s => s[space.Matrix(_block, kind)].ToArray().ToHashSet())];

        Tensor? Mask(int matrix, HashSet<int>[] selected)
        {
            if (selected.All(s => s.Count == _count[matrix]))
                return null;
            float[] values = [.. _order.Zip(selected, (order, s) => RowsOf(order, matrix).Select(unit => s.Contains(unit) ? 1f : 0)).SelectMany(v => v)];
            return tensor(values, [selections.Count, _count[matrix], 1], ScalarType.Float32, block.Fc1Weight.device).DetachFromDisposeScope();
        }
    }

    /// <summary>Which of the space's blocks.</summary>
    public int Index { get; }

    /// <summary>The units of each edit.</summary>
    public IReadOnlyList<UnitSelection> Selections { get; }

    /// <summary>How many stand at the end.</summary>
    public int Count { get; }

    /// <summary>The unedited weights of either matrix's rows, <c>[B,u,D]</c>.</summary>
    public Tensor[] Bases { get; }

    /// <summary>1 where a row's unit is selected, <c>[B,u,1]</c>; null where all are.</summary>
    public Tensor?[] Masks { get; }

    /// <summary>The unit of each row, <c>[B,u]</c>.</summary>
    public Tensor[] Rows { get; }

    /// <summary>A matrix's first row among the units at the end.</summary>
    public int First(FfnMatrix matrix) => _first[(int)matrix];

    /// <summary>The last <paramref name="n"/> units of each edit, <c>[B,n]</c>; in the caller's dispose scope.</summary>
    public Tensor Last(int n, Device device) => tensor([.. _order.SelectMany(o => o.TakeLast(n).Select(i => (long)i))], ScalarType.Int64, device).view(_order.Length, n);

    /// <summary>A tensor's values of such units, <c>[B,n,…]</c>.</summary>
    public static Tensor Of(Tensor values, Tensor units) => values.index_select(0, units.flatten()).view([.. units.shape, .. values.shape[1..]]);

    /// <summary>Where the selected units of a matrix, of all of the space's, stand among the rows of an edit.</summary>
    public Tensor Places(int edit, EditMatrix matrix)
    {
        Dictionary<int, long> places = [];
        foreach ((int place, int unit) in RowsOf(_order[edit], (int)matrix.Kind).Index())
            places[unit] = place;
        return tensor([.. Selections[edit][matrix].ToArray().Select(unit => places[unit])], ScalarType.Int64, Rows[0].device);
    }

    /// <summary>Gives an engine the units.</summary>
    public void Give(IEngine engine, SplitVit split)
    {
        BlockWeights block = split.Model.Blocks[_block];
        using DisposeScope scope = NewDisposeScope();
        Tensor units = Last(_own, CPU);
        engine.SetUnits(_block, Of(block.Fc1Bias, units), Index == 0 || _own == split.Space.Hidden ? null : Engines.Staying(split.Space.Hidden, [.. _order.Select(o => o.TakeLast(_own))]), some: _count.Any(c => c < _own));
        engine.SetWeights(_block, FfnMatrix.Fc1, Of(block.Fc1Weight, units), null, null, 0);
        engine.SetWeights(_block, FfnMatrix.Fc2, Of(block.Fc2Weight.t(), units), null, null, 0);
    }

    /// <summary>Sets one matrix's rows.</summary>
    public void Give(IEngine engine, FfnMatrix matrix, Tensor delta, Tensor? scale) =>
        engine.SetWeights(_block, matrix, Bases[(int)matrix], delta, scale, At(matrix));

    /// <summary>Takes a step down the gradient of one matrix's rows.</summary>
    public void Descend(IRecordingEngine engine, FfnMatrix matrix, Tensor delta, Tensor? scale, double rate) =>
        engine.Descend(_block, matrix, Bases[(int)matrix], delta, scale, Masks[(int)matrix], At(matrix), rate);

    /// <summary>The scalar product of each row's gradient and its delta, <c>[B,u]</c>; in the caller's dispose scope.</summary>
    public Tensor Slopes(IRecordingEngine engine, FfnMatrix matrix, Tensor delta)
    {
        Tensor slopes = empty(delta.shape[0], delta.shape[1]);
        engine.ScaleGradients(_block, matrix, At(matrix), delta, slopes);
        return Masks[(int)matrix] is Tensor mask ? slopes.mul_(mask.squeeze(2)) : slopes;
    }

    /// <summary>The gradients of one matrix's rows, in the caller's dispose scope; in memory that the next ones take again, for new memory costs as much as the products.</summary>
    public Tensor Gradient(IRecordingEngine engine, FfnMatrix matrix, bool onlyClass)
    {
        _gradients ??= [.. Bases.Select(b => empty_like(b).DetachFromDisposeScope())];
        engine.Gradients(_block, matrix, At(matrix), _gradients[(int)matrix], onlyClass);
        Tensor rows = _gradients[(int)matrix].alias();
        return Masks[(int)matrix] is Tensor mask ? rows.mul_(mask) : rows;
    }

    public void Dispose()
    {
        foreach (Tensor? tensor in (Tensor?[])[.. Rows, .. Bases, .. Masks, .. _gradients ?? []])
            tensor?.Dispose();
    }

    // A matrix's first row among those of an engine's own units.
    int At(FfnMatrix matrix) => _own - Count + First(matrix);

    IEnumerable<int> RowsOf(int[] order, int matrix) => order.Skip(order.Length - Count + _first[matrix]).Take(_count[matrix]);

    static int[] Order(int hidden, HashSet<int> fc1, HashSet<int> fc2, int only2, int both, int only1)
    {
        if (both == hidden)
            return [.. Enumerable.Range(0, hidden)];
        Queue<int> others = new(Enumerable.Range(0, hidden).Where(i => !fc1.Contains(i) && !fc2.Contains(i)));
        int[] end =
        [
            .. Padded(fc2.Where(i => !fc1.Contains(i)), only2),
            .. Padded(fc1.Where(fc2.Contains), both),
            .. Padded(fc1.Where(i => !fc2.Contains(i)), only1),
        ];
        return [.. others, .. end];

        int[] Padded(IEnumerable<int> units, int count)
        {
            List<int> some = [.. units.Order()];
            while (some.Count < count)
                some.Add(others.Dequeue());
            return [.. some];
        }
    }
}
