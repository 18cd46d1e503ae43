using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// The units of one editable FFN that the edits of a batch have of their own, and their rows of both matrices. They
/// stand at the end of each edit's order of units: those that are selected in fc2 alone, in both matrices, in fc1
/// alone, each of the three padded with units that are not to the most that an edit has, so that either matrix's rows
/// are one slice, the same for all edits. Owns its tensors.
/// </summary>
sealed class EditedUnits : IDisposable
{
    readonly int[][] _order; // each edit's hidden units, its own at the end
    readonly int[] _first;
    readonly int[] _count; // of either matrix: the first row among the units at the end, and how many

    /// <summary>Orders the units of one block.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="index">Which of the space's blocks.</param>
    /// <param name="selections">The units of each edit.</param>
    public EditedUnits(SplitVit split, int index, IReadOnlyList<UnitSelection> selections)
    {
        EditSpace space = split.Space;
        BlockWeights block = split.Model.Blocks[space.FirstBlock + index];
        (Index, Selections) = (index, selections);
        FfnMatrix[] kinds = [.. Enumerable.Range(0, space.MatricesOfBlock).Select(k => (FfnMatrix)k)];
        HashSet<int>[] fc1 = Selected(FfnMatrix.Fc1);
        HashSet<int>[] fc2 = Selected(FfnMatrix.Fc2);
        int both = fc1.Zip(fc2, (x, y) => x.Count(y.Contains)).Max();
        int only2 = fc1.Zip(fc2, (x, y) => y.Count - x.Count(y.Contains)).Max();
        int only1 = fc1.Zip(fc2, (x, y) => x.Count - x.Count(y.Contains)).Max();
        // Too many for such an order: all units, in their own.
        if (only2 + both + only1 >= space.Hidden || space.IsGated)
            (only2, both, only1) = (0, space.Hidden, 0);
        Count = only2 + both + only1;
        (_first, _count) = ([only2, 0, only2], [both + only1, only2 + both, both + only1]);
        _order = [.. fc1.Zip(fc2, (x, y) => Order(space.Hidden, x, y, only2, both, only1))];

        using DisposeScope scope = NewDisposeScope();
        Tensor units = Last(Count, block.Fc1Weight.device);
        Rows = [.. kinds.Select(k => units.narrow(1, First(k), _count[(int)k]).clone().DetachFromDisposeScope())];
        Bases =
        [
            .. kinds.Select(k =>
                Of(
                        k switch
                        {
                            FfnMatrix.Fc1 => block.Fc1Weight,
                            FfnMatrix.Fc2 => block.Fc2Weight.t(),
                            _ => block.GateWeight!,
                        },
                        Rows[(int)k]
                    )
                    .DetachFromDisposeScope()
            ),
        ];
        Masks = [.. kinds.Select(k => Mask((int)k, Selected(k)))];

        HashSet<int>[] Selected(FfnMatrix kind) =>
            [.. selections.Select(s => s[space.Matrix(space.FirstBlock + index, kind)].ToArray().ToHashSet())];

        Tensor? Mask(int matrix, HashSet<int>[] selected)
        {
            if (selected.All(s => s.Count == _count[matrix]))
                return null;
            float[] values =
            [
                .. _order
                    .Zip(selected, (order, s) => RowsOf(order, matrix).Select(unit => s.Contains(unit) ? 1f : 0))
                    .SelectMany(v => v),
            ];
            return tensor(values, [selections.Count, _count[matrix], 1], ScalarType.Float32, block.Fc1Weight.device)
                .DetachFromDisposeScope();
        }
    }

    /// <summary>Which of the space's blocks.</summary>
    public int Index { get; }

    /// <summary>The units of each edit.</summary>
    public IReadOnlyList<UnitSelection> Selections { get; }

    /// <summary>How many stand at the end.</summary>
    public int Count { get; }

    /// <summary>The unedited weights of each matrix's rows, <c>[B,u,D]</c>.</summary>
    public Tensor[] Bases { get; }

    /// <summary>1 where a row's unit is selected, <c>[B,u,1]</c>; null where all are.</summary>
    public Tensor?[] Masks { get; }

    /// <summary>The unit of each row, <c>[B,u]</c>.</summary>
    public Tensor[] Rows { get; }

    /// <summary>A matrix's first row among the units at the end.</summary>
    public int First(FfnMatrix matrix) => _first[(int)matrix];

    /// <summary>The last <paramref name="n"/> units of each edit.</summary>
    public IReadOnlyList<IEnumerable<int>> Last(int n) => [.. _order.Select(o => o.TakeLast(n))];

    /// <summary>The same, <c>[B,n]</c>; in the caller's dispose scope.</summary>
    public Tensor Last(int n, Device device) =>
        tensor([.. Last(n).SelectMany(o => o.Select(i => (long)i))], ScalarType.Int64, device).view(_order.Length, n);

    /// <summary>A tensor's values of such units, <c>[B,n,…]</c>.</summary>
    public static Tensor Of(Tensor values, Tensor units) =>
        values.index_select(0, units.flatten()).view([.. units.shape, .. values.shape[1..]]);

    /// <summary>Where the selected units of a matrix, of all of the space's, stand among the rows of an edit.</summary>
    public Tensor Places(int edit, EditMatrix matrix)
    {
        Dictionary<int, long> places = [];
        foreach ((int place, int unit) in RowsOf(_order[edit], (int)matrix.Kind).Index())
            places[unit] = place;
        return tensor(
            [.. Selections[edit][matrix].ToArray().Select(unit => places[unit])],
            ScalarType.Int64,
            Rows[0].device
        );
    }

    public void Dispose()
    {
        foreach (Tensor? tensor in (Tensor?[])[.. Rows, .. Bases, .. Masks])
            tensor?.Dispose();
    }

    IEnumerable<int> RowsOf(int[] order, int matrix) =>
        order.Skip(order.Length - Count + _first[matrix]).Take(_count[matrix]);

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
