using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// What an edit adds to a model's weights: for each matrix of an <see cref="EditSpace"/> a row of D
/// numbers for each selected unit, zero everywhere else. Owns its tensors; its values never change.
/// </summary>
public sealed class WeightDelta : ModelDelta
{
    readonly Tensor[] _rows;

    /// <summary>Creates a delta, taking ownership of <paramref name="rows"/>.</summary>
    /// <param name="units">The units that the rows belong to.</param>
    /// <param name="rows">For each matrix <c>[k,D]</c> float32, k the number of its selected units.</param>
    /// <exception cref="ArgumentException">The rows do not fit the selection.</exception>
    public WeightDelta(UnitSelection units, IReadOnlyList<Tensor> rows)
    {
        EditSpace space = units.Space;
        if (rows.Count != space.Matrices)
            throw new ArgumentException($"{rows.Count} tensors for {space.Matrices} matrices.", nameof(rows));
        for (int m = 0; m < rows.Count; m++)
        {
            if (
                rows[m].dtype != ScalarType.Float32
                || !rows[m].shape.AsSpan().SequenceEqual([units[m].Length, space.Width])
            )
                throw new ArgumentException(
                    $"The rows of {space.MatrixName(m)} are not float32 [{units[m].Length}, {space.Width}].",
                    nameof(rows)
                );
        }
        Units = units;
        _rows = [.. rows.Select(r => r.DetachFromDisposeScope())];
    }

    /// <summary>The units that the delta touches.</summary>
    public UnitSelection Units { get; }

    /// <summary>The space that the delta belongs to.</summary>
    public override EditSpace Space => Units.Space;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Names =>
        [.. Space.InOrder.Where(m => Units[m].Length > 0).Select(m => m.Name)];

    /// <inheritdoc/>
    public override long Parameters => Units.Parameters;

    /// <inheritdoc/>
    public override bool IsFinite => Norms().All(double.IsFinite);

    /// <summary>
    /// For each matrix the rows <c>[k,D]</c> of its selected units; for fc2 a row is the unit's column. They belong to
    /// the delta.
    /// </summary>
    public IReadOnlyList<Tensor> Rows => _rows;

    /// <summary>The Euclidean norm of the delta of each matrix.</summary>
    public double[] Norms()
    {
        using DisposeScope scope = NewDisposeScope();
        return [.. _rows.Select(r => Math.Sqrt(r.to(ScalarType.Float64).Squared().sum().item<double>()))];
    }

    /// <inheritdoc/>
    public override Tensor Apply(string name, Tensor weight) =>
        AddTo(Space.InOrder.First(m => m.Name == name).Index, weight);

    /// <summary>
    /// A matrix of the model with the delta added, a new tensor of its type that the caller disposes.
    /// </summary>
    /// <param name="matrix">Index of the matrix in the space.</param>
    /// <param name="weight">The matrix as it is: <c>[H,D]</c> for fc1, <c>[D,H]</c> for fc2. Not changed.</param>
    public Tensor AddTo(int matrix, Tensor weight)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = weight.clone();
        if (Units[matrix].Length > 0)
        {
            bool columns = Space.Matrix(matrix).Kind == FfnMatrix.Fc2;
            Tensor rows = _rows[matrix].to(weight.dtype);
            sum.index_add_(columns ? 1 : 0, Indices(matrix, weight.device), columns ? rows.t() : rows, Held(1));
        }
        return sum.MoveToOuterDisposeScope();
    }

    internal Tensor Indices(int matrix, Device device) =>
        tensor([.. Units[matrix].ToArray().Select(i => (long)i)], ScalarType.Int64, device);

    /// <summary>The sum of deltas over the union of their units; the caller disposes it.</summary>
    /// <exception cref="ArgumentException">There are none, or they are of different spaces.</exception>
    public static WeightDelta Sum(IReadOnlyList<WeightDelta> deltas)
    {
        if (deltas.Count == 0 || deltas.Any(d => d.Space != deltas[0].Space))
            throw new ArgumentException("Deltas of one space are needed.", nameof(deltas));
        EditSpace space = deltas[0].Space;
        using DisposeScope scope = NewDisposeScope();
        int[][] union =
        [
            .. Enumerable
                .Range(0, space.Matrices)
                .Select(m => deltas.SelectMany(d => d.Units[m].ToArray()).Distinct().Order().ToArray()),
        ];
        Tensor[] rows = new Tensor[space.Matrices];
        for (int m = 0; m < space.Matrices; m++)
        {
            rows[m] = zeros([union[m].Length, space.Width]);
            foreach (WeightDelta delta in deltas)
            {
                long[] places = [.. delta.Units[m].ToArray().Select(u => (long)Array.BinarySearch(union[m], u))];
                if (places.Length > 0)
                    rows[m].index_add_(0, tensor(places), delta.Rows[m], Held(1));
            }
        }
        return new WeightDelta(new UnitSelection(space, union), rows);
    }

    internal override bool Fits(VitModel model) =>
        Space.LastBlock < model.Config.Depth
        && Space.IsGated == model.Config.Block.GatedFfn
        && Enumerable
            .Range(Space.FirstBlock, Space.Blocks)
            .Select(model.Config.At)
            .All(p => p.Width == Space.Width && p.MlpWidth == Space.Hidden);

    private protected override void Free()
    {
        foreach (Tensor rows in _rows)
            rows.Dispose();
    }
}
