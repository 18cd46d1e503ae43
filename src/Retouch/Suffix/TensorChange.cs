using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// How a tensor changes: something is added to its values, or rows or columns are put after its last. Owns its
/// tensors.
/// </summary>
public sealed class TensorChange : IDisposable
{
    TensorChange(TensorChangeKind kind, params Tensor[] tensors)
    {
        if (tensors.Any(t => t.dtype != ScalarType.Float32))
            throw new ArgumentException("A change is float32.", nameof(tensors));
        (Kind, Tensors) = (kind, [.. tensors.Select(t => t.DetachFromDisposeScope())]);
    }

    /// <summary>What is done to the tensor.</summary>
    public TensorChangeKind Kind { get; }

    /// <summary>The values, or the two factors of a product. They belong to the change.</summary>
    public IReadOnlyList<Tensor> Tensors { get; }

    /// <summary>How many numbers the change consists of.</summary>
    public long Parameters => Tensors.Sum(t => t.NumberOfElements);

    /// <summary>The values are added. Takes ownership of them.</summary>
    /// <param name="values">float32, of the tensor's shape.</param>
    public static TensorChange Add(Tensor values) => new(TensorChangeKind.Add, values);

    /// <summary>
    /// The product of two matrices is added to a matrix, whose change has the rank r. Takes ownership of them.
    /// </summary>
    /// <param name="left"><c>[n,r]</c>.</param>
    /// <param name="right"><c>[r,m]</c>.</param>
    /// <exception cref="ArgumentException">They are no two matrices that can be multiplied.</exception>
    public static TensorChange AddProduct(Tensor left, Tensor right) =>
        left.dim() == 2 && right.dim() == 2 && left.shape[1] == right.shape[0]
            ? new(TensorChangeKind.AddProduct, left, right)
            : throw new ArgumentException(
                $"[{string.Join(", ", left.shape)}] and [{string.Join(", ", right.shape)}] cannot be multiplied.",
                nameof(right)
            );

    /// <summary>
    /// The values are put after the last row of a matrix or the last value of a vector. Takes ownership of them.
    /// </summary>
    /// <exception cref="ArgumentException">They are no matrix and no vector.</exception>
    public static TensorChange AppendRows(Tensor values) =>
        values.dim() is 1 or 2
            ? new(TensorChangeKind.AppendRows, values)
            : throw new ArgumentException("Rows are a matrix or a vector.", nameof(values));

    /// <summary>The values are put after the last column of a matrix. Takes ownership of them.</summary>
    /// <exception cref="ArgumentException">They are no matrix.</exception>
    public static TensorChange AppendColumns(Tensor values) =>
        values.dim() == 2
            ? new(TensorChangeKind.AppendColumns, values)
            : throw new ArgumentException("Columns are a matrix.", nameof(values));

    /// <summary>The tensor after the change: a new one that the caller disposes.</summary>
    public Tensor Apply(Tensor weight)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] own = [.. Tensors.Select(t => t.to(weight.device))];
        Tensor changed = Kind switch
        {
            TensorChangeKind.Add => weight.Plus(own[0]),
            TensorChangeKind.AddProduct => weight.Plus(mm(own[0], own[1])),
            TensorChangeKind.AppendRows => cat([weight, own[0]], 0),
            _ => cat([weight, own[0]], 1),
        };
        return changed.MoveToOuterDisposeScope();
    }

    /// <summary>Whether a tensor of this shape can be changed so.</summary>
    internal bool Fits(ReadOnlySpan<long> shape)
    {
        long[] first = Tensors[0].shape;
        return Kind switch
        {
            TensorChangeKind.Add => shape.SequenceEqual(first),
            TensorChangeKind.AddProduct => shape.SequenceEqual([first[0], Tensors[1].shape[1]]),
            TensorChangeKind.AppendRows => shape.Length == first.Length
                && shape.Length > 0
                && shape[1..].SequenceEqual(first.AsSpan(1)),
            _ => shape.Length == 2 && first.Length == 2 && shape[0] == first[0],
        };
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in Tensors)
            tensor.Dispose();
    }
}
