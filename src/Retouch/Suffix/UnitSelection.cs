using Retouch.Vit;

namespace Retouch.Suffix;

/// <summary>
/// The units that one edit may change, matrix by matrix in the order of an <see cref="EditSpace"/>. Immutable.
/// </summary>
public sealed class UnitSelection
{
    readonly int[][] _units;

    /// <summary>Creates a selection from unit indices a matrix.</summary>
    /// <param name="space">The space that the indices refer to.</param>
    /// <param name="units">For each matrix of the space strictly increasing indices in 0 … H-1.</param>
    /// <exception cref="ArgumentException">The number of matrices or an index does not fit the space.</exception>
    public UnitSelection(EditSpace space, IReadOnlyList<IReadOnlyList<int>> units)
    {
        if (units.Count != space.Matrices)
            throw new ArgumentException($"{units.Count} lists of units for {space.Matrices} matrices.", nameof(units));
        foreach (IReadOnlyList<int> list in units)
        {
            for (int i = 0; i < list.Count; i++)
            {
                if (list[i] < 0 || list[i] >= space.Hidden || (i > 0 && list[i] <= list[i - 1]))
                    throw new ArgumentException(
                        $"Unit indices must increase within 0 … {space.Hidden - 1}.",
                        nameof(units)
                    );
            }
        }
        Space = space;
        _units = [.. units.Select(u => u.ToArray())];
        Count = _units.Sum(u => u.Length);
    }

    /// <summary>The space that the units belong to.</summary>
    public EditSpace Space { get; }

    /// <summary>The number of selected units over all matrices.</summary>
    public int Count { get; }

    /// <summary>The number of weights that the selected units hold.</summary>
    public long Parameters => (long)Count * Space.Width;

    /// <summary>The selected units of a matrix, increasing.</summary>
    public ReadOnlySpan<int> this[int matrix] => _units[matrix];

    /// <inheritdoc cref="this[int]"/>
    public ReadOnlySpan<int> this[EditMatrix matrix] => _units[matrix.Index];

    /// <summary>The units of a block that are selected in any of its matrices, increasing.</summary>
    /// <param name="block">The block in the model, zero-based.</param>
    internal int[] OfBlock(int block) =>
        [
            .. Enumerable
                .Range(0, Space.MatricesOfBlock)
                .SelectMany(kind => this[Space.Matrix(block, (FfnMatrix)kind)].ToArray())
                .Distinct()
                .Order(),
        ];

    /// <summary>Every unit of the space.</summary>
    public static UnitSelection All(EditSpace space)
    {
        int[] every = [.. Enumerable.Range(0, space.Hidden)];
        return new UnitSelection(space, [.. Enumerable.Repeat(every, space.Matrices)]);
    }

    /// <summary>The number of units that both selections hold.</summary>
    /// <exception cref="ArgumentException">The selections are of different spaces.</exception>
    public int Overlap(UnitSelection other)
    {
        if (other.Space != Space)
            throw new ArgumentException("The selections are of different spaces.", nameof(other));
        return _units.Zip(other._units, (a, b) => a.Intersect(b).Count()).Sum();
    }

    /// <summary>Intersection over union with another selection, in [0,1]; 1 where both are empty.</summary>
    /// <exception cref="ArgumentException">The selections are of different spaces.</exception>
    public double IntersectionOverUnion(UnitSelection other)
    {
        int common = Overlap(other);
        int union = Count + other.Count - common;
        return union == 0 ? 1 : (double)common / union;
    }
}
