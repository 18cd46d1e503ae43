using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>
/// One block's matrices as products read them, forward and, made at their first use, backward; its other tensors as the
/// model has them. Owns the matrices, not the model's tensors.
/// </summary>
sealed unsafe class FrozenBlock<T> : IDisposable
    where T : unmanaged, IElement<T>
{
    readonly Lazy<PackedMatrix<T>[]> _backward;
    readonly List<Tensor> _exact = []; // alive while their memory is pointed to

    /// <summary>Packs a block.</summary>
    /// <param name="products">Its matrices as elements.</param>
    /// <param name="block">The block in float32.</param>
    public FrozenBlock(BlockWeights products, BlockWeights block)
    {
        int width = (int)products.ProjWeight.shape[0];
        int hidden = (int)products.Fc1Weight.shape[0];
        T* qkv = Elements(products.QkvWeight);
        Projections =
        [
            .. Enumerable
                .Range(0, 3)
                .Select(i => PackedMatrix<T>.OfColumns(qkv + (long)i * width * width, width, width)),
        ];
        Proj = PackedMatrix<T>.OfColumns(Elements(products.ProjWeight), width, width);
        Fc1 = PackedMatrix<T>.OfColumns(Elements(products.Fc1Weight), width, hidden);
        Fc2 = PackedMatrix<T>.OfColumns(Elements(products.Fc2Weight), hidden, width);
        _backward = new Lazy<PackedMatrix<T>[]>(() =>
            [
                .. Enumerable
                    .Range(0, 3)
                    .Select(i =>
                        PackedMatrix<T>.OfRows(Elements(products.QkvWeight) + (long)i * width * width, width, width)
                    ),
                PackedMatrix<T>.OfRows(Elements(products.ProjWeight), width, width),
                PackedMatrix<T>.OfRows(Elements(products.Fc1Weight), hidden, width),
                PackedMatrix<T>.OfRows(Elements(products.Fc2Weight), width, hidden),
            ]
        );
        Norm1Weight = Exact(block.Norm1Weight);
        Norm1Bias = Exact(block.Norm1Bias);
        Norm2Weight = Exact(block.Norm2Weight);
        Norm2Bias = Exact(block.Norm2Bias);
        QkvBias = Exact(block.QkvBias);
        ProjBias = Exact(block.ProjBias);
        Fc1Bias = Exact(block.Fc1Bias);
        Fc2Bias = Exact(block.Fc2Bias);
        Scale1 = Exact(block.Scale1);
        Scale2 = Exact(block.Scale2);
    }

    /// <summary>From normed tokens to queries, keys and values, each <c>[D,D]</c>.</summary>
    public PackedMatrix<T>[] Projections { get; }

    /// <summary>From mixtures of values to tokens, <c>[D,D]</c>.</summary>
    public PackedMatrix<T> Proj { get; }

    /// <summary><c>[D,H]</c>.</summary>
    public PackedMatrix<T> Fc1 { get; }

    /// <summary><c>[H,D]</c>.</summary>
    public PackedMatrix<T> Fc2 { get; }

    /// <summary>From the gradients of queries, keys and values to that of normed tokens, each <c>[D,D]</c>.</summary>
    public ReadOnlySpan<PackedMatrix<T>> ProjectionsBack => _backward.Value.AsSpan(0, 3);

    /// <summary><c>[D,D]</c>.</summary>
    public PackedMatrix<T> ProjBack => _backward.Value[3];

    /// <summary><c>[H,D]</c>.</summary>
    public PackedMatrix<T> Fc1Back => _backward.Value[4];

    /// <summary><c>[D,H]</c>.</summary>
    public PackedMatrix<T> Fc2Back => _backward.Value[5];

    /// <summary><c>[D]</c>.</summary>
    public float* Norm1Weight { get; }

    /// <summary><c>[D]</c>.</summary>
    public float* Norm1Bias { get; }

    /// <summary><c>[D]</c>.</summary>
    public float* Norm2Weight { get; }

    /// <summary><c>[D]</c>.</summary>
    public float* Norm2Bias { get; }

    /// <summary><c>[3D]</c>; null for none.</summary>
    public float* QkvBias { get; }

    /// <summary><c>[D]</c>.</summary>
    public float* ProjBias { get; }

    /// <summary><c>[H]</c>.</summary>
    public float* Fc1Bias { get; }

    /// <summary><c>[D]</c>.</summary>
    public float* Fc2Bias { get; }

    /// <summary>Of what attention adds, <c>[D]</c>; null for none.</summary>
    public float* Scale1 { get; }

    /// <summary>Of what the FFN adds, <c>[D]</c>; null for none.</summary>
    public float* Scale2 { get; }

    public void Dispose()
    {
        PackedMatrix<T>[] backward = _backward.IsValueCreated ? _backward.Value : [];
        foreach (PackedMatrix<T> matrix in (PackedMatrix<T>[])[.. Projections, Proj, Fc1, Fc2, .. backward])
            matrix.Dispose();
        foreach (Tensor tensor in _exact)
            tensor.Dispose();
    }

    static T* Elements(Tensor tensor) => (T*)Pointer.Of(tensor);

    float* Exact(Tensor? tensor)
    {
        if (tensor is null)
            return null;
        Tensor alias = tensor.alias().DetachFromDisposeScope();
        _exact.Add(alias);
        return (float*)Pointer.Of(alias);
    }
}

/// <summary>Where libtorch's tensors lie.</summary>
static unsafe class Pointer
{
    /// <summary>The first element of a tensor, which must be contiguous and outlive the use.</summary>
    public static void* Of(Tensor tensor)
    {
        if (!tensor.is_contiguous() || tensor.device_type != DeviceType.CPU)
            throw new ArgumentException("Kernels read contiguous tensors on the CPU.", nameof(tensor));
        if (tensor.NumberOfElements * tensor.ElementSize <= int.MaxValue)
            return Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
        // A span is no longer than that.
        using Tensor flat = tensor.flatten();
        using Tensor first = flat.narrow(0, 0, 1);
        return Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }
}
