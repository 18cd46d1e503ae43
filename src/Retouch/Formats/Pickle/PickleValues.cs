using System.Numerics;

namespace Retouch.Formats;

/// <summary>A class or function that a pickle names. Nothing is ever looked up by it.</summary>
/// <param name="Name">Module and name, with a dot between.</param>
sealed record PickleGlobal(string Name);

/// <summary>A Python tuple.</summary>
sealed record PickleTuple(IReadOnlyList<object?> Items);

/// <summary>
/// A Python object that says nothing of tensors, such as a training script's arguments: its contents are passed over.
/// </summary>
sealed class PickleInert;

/// <summary>A span of numbers in a file of its own, which a pickle refers to.</summary>
/// <param name="Key">Its name.</param>
/// <param name="DType">The type of its numbers.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Offset">
/// Numbers before the first within what <paramref name="Key"/> names: where it is a view of another.
/// </param>
sealed record PickleStorage(string Key, TensorDType DType, long Count, long Offset);

/// <summary>A tensor as a pickle states it. Its bounds have been checked against its storage.</summary>
/// <param name="Storage">Where its numbers are.</param>
/// <param name="Offset">Numbers before its first in the storage.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Strides">Numbers between neighbours along each axis.</param>
sealed record PickleTensor(PickleStorage Storage, long Offset, IReadOnlyList<long> Shape, IReadOnlyList<long> Strides)
{
    /// <summary>How many numbers it has.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Numbers of the storage from its first to its last.</summary>
    public long Span => Count == 0 ? 0 : 1 + Shape.Zip(Strides, (size, stride) => (size - 1) * stride).Sum();

    /// <summary>Whether its numbers lie in row-major order without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int i = Shape.Count - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected)
                    return false;
                expected *= Shape[i];
            }
            return true;
        }
    }

    /// <summary>Checks a tensor's bounds without overflow.</summary>
    /// <returns>The tensor, or null if it does not lie within its storage or has more numbers than that.</returns>
    public static PickleTensor? Create(
        PickleStorage storage,
        BigInteger offset,
        IReadOnlyList<BigInteger> shape,
        IReadOnlyList<BigInteger> strides
    )
    {
        if (
            shape.Count != strides.Count
            || shape.Count > 64
            || offset < 0
            || shape.Any(s => s < 0)
            || strides.Any(s => s < 0)
        )
            return null;
        // Overlaps (stride 0) could make a small file into a large tensor; no model's weights have them.
        BigInteger count = shape.Aggregate(BigInteger.One, (product, size) => product * size);
        BigInteger last = count.IsZero
            ? offset - 1
            : offset
                + shape
                    .Zip(strides, (size, stride) => (size - 1) * stride)
                    .Aggregate(BigInteger.Zero, (sum, step) => sum + step);
        return
            count > storage.Count
            || last >= storage.Count
            || offset > storage.Count
            || strides.Any(s => s > long.MaxValue)
            || shape.Any(s => s > long.MaxValue)
            ? null
            : new PickleTensor(
                storage,
                (long)offset,
                [.. shape.Select(s => (long)s)],
                [.. strides.Select(s => (long)s)]
            );
    }
}
