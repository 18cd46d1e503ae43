using Retouch.Suffix;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// How much each unit of an <see cref="EditSpace"/> matters for an edit: one value in [0,1] a unit, matrix
/// by matrix. Immutable.
/// </summary>
public sealed class Mask
{
    readonly float[] _values;

    /// <summary>Creates a mask.</summary>
    /// <param name="space">The space whose units the values score.</param>
    /// <param name="values">One value a unit, matrix by matrix in the order of the space.</param>
    /// <exception cref="ArgumentException">
    /// The number of values is not that of the units, or one lies outside [0,1].
    /// </exception>
    public Mask(EditSpace space, ReadOnlySpan<float> values)
    {
        if (values.Length != space.Units)
            throw new ArgumentException($"{values.Length} values for {space.Units} units.", nameof(values));
        foreach (float value in values)
        {
            if (!(value >= 0 && value <= 1))
                throw new ArgumentException($"A mask's values lie in [0,1]; one is {value}.", nameof(values));
        }
        (Space, _values) = (space, values.ToArray());
    }

    /// <summary>The space whose units the values score.</summary>
    public EditSpace Space { get; }

    /// <summary>One value a unit, matrix by matrix in the order of the space.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>
    /// The units to edit at a keep ratio ρ, as the paper binarizes: with k = ⌊ρ·units⌋, those whose value is
    /// strictly greater than the k-th largest of all matrices together (k − 1 units where no two values are
    /// equal). A keep ratio of 1 keeps every unit.
    /// </summary>
    /// <remarks>
    /// Where that leaves none, because the k largest values are all equal (each matrix's greatest is 1 in a gradient's
    /// mask, a hypernetwork's output saturates) or k is 1, equal values are ranked by the unit's number in its
    /// matrix and then by the matrix, which takes from all matrices in turn, and the first k − 1 are kept, or one.
    /// </remarks>
    /// <param name="keepRatio">ρ in (0,1]; one minus the sparsity.</param>
    /// <exception cref="BadInputException">The ratio is out of range, or less than one unit.</exception>
    public UnitSelection Keep(double keepRatio)
    {
        if (!(keepRatio > 0 && keepRatio <= 1))
            throw BadInput.OutOfRange(null, $"The keep ratio is {keepRatio}; it must be above 0 and at most 1.");
        if (keepRatio == 1)
            return UnitSelection.All(Space);
        int k = (int)Math.Floor(keepRatio * _values.Length);
        if (k < 1)
            throw BadInput.OutOfRange(
                null,
                $"A keep ratio of {keepRatio} keeps none of this model's {_values.Length} units; use at least "
                    + $"{LeastRatio:0.#######}."
            );
        float threshold = _values.OrderDescending().ElementAt(k - 1);
        HashSet<int> kept = [.. Enumerable.Range(0, _values.Length).Where(i => _values[i] > threshold)];
        if (kept.Count == 0)
            kept.UnionWith(Ranked().Take(Math.Max(k - 1, 1)));
        return new UnitSelection(
            Space,
            [
                .. Enumerable
                    .Range(0, Space.Matrices)
                    .Select(m =>
                        Enumerable.Range(0, Space.Hidden).Where(i => kept.Contains(m * Space.Hidden + i)).ToArray()
                    ),
            ]
        );
    }

    // Rounded up, so that what a message asks for is enough.
    double LeastRatio => Math.Ceiling(1e7 / _values.Length) / 1e7;

    // From the greatest value to the least; among equals from each matrix in turn.
    IEnumerable<int> Ranked() =>
        Enumerable
            .Range(0, _values.Length)
            .OrderByDescending(i => _values[i])
            .ThenBy(i => i % Space.Hidden)
            .ThenBy(i => i / Space.Hidden);

    /// <summary>The mean of several masks: where to edit for several images at once.</summary>
    /// <exception cref="ArgumentException">There are none, or they are of different spaces.</exception>
    public static Mask Mean(IReadOnlyList<Mask> masks)
    {
        if (masks.Count == 0 || masks.Any(m => m.Space != masks[0].Space))
            throw new ArgumentException("Masks of one space are needed.", nameof(masks));
        float[] mean = new float[masks[0].Space.Units];
        for (int i = 0; i < mean.Length; i++)
            mean[i] = Math.Clamp(masks.Sum(m => m._values[i]) / masks.Count, 0f, 1f);
        return new Mask(masks[0].Space, mean);
    }

    /// <summary>The mean of the masks of a failure's images, each by itself with its class.</summary>
    internal static Mask MeanOver(Failure failure, Func<PrefixState, int, Mask> locate) =>
        Mean([
            .. Enumerable
                .Range(0, failure.State.Images)
                .Select(i =>
                {
                    using PrefixState one = failure.State.Select([i]);
                    return locate(one, failure.LabelOf(i));
                }),
        ]);

    internal static Mask FromTensor(EditSpace space, Tensor values)
    {
        using Tensor flat = values.reshape(-1).cpu();
        return new Mask(space, flat.data<float>().ToArray());
    }
}
