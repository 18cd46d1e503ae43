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
    readonly Lazy<PackedMatrix<T>>[] _projectionsBack;
    readonly Lazy<PackedMatrix<T>> _projBack;
    readonly Lazy<PackedMatrix<T>> _fc1Back;
    readonly Lazy<PackedMatrix<T>> _fc2Back;
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
        _projectionsBack =
        [
            .. Enumerable.Range(0, 3).Select(i => Back(products.QkvWeight, (long)i * width * width, width, width)),
        ];
        _projBack = Back(products.ProjWeight, 0, width, width);
        _fc1Back = Back(products.Fc1Weight, 0, hidden, width);
        _fc2Back = Back(products.Fc2Weight, 0, width, hidden);
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

    /// <summary><c>[D,D]</c>.</summary>
    public PackedMatrix<T> ProjBack => _projBack.Value;

    /// <summary><c>[H,D]</c>.</summary>
    public PackedMatrix<T> Fc1Back => _fc1Back.Value;

    /// <summary><c>[D,H]</c>.</summary>
    public PackedMatrix<T> Fc2Back => _fc2Back.Value;

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

    /// <summary>
    /// From the gradients of queries (0), keys (1) or values (2) to that of normed tokens, <c>[D,D]</c>.
    /// </summary>
    public PackedMatrix<T> ProjectionBack(int part) => _projectionsBack[part].Value;

    public void Dispose()
    {
        foreach (PackedMatrix<T> matrix in (PackedMatrix<T>[])[.. Projections, Proj, Fc1, Fc2])
            matrix.Dispose();
        Lazy<PackedMatrix<T>>[] back = [.. _projectionsBack, _projBack, _fc1Back, _fc2Back];
        foreach (Lazy<PackedMatrix<T>> matrix in back.Where(m => m.IsValueCreated))
            matrix.Value.Dispose();
        foreach (Tensor tensor in _exact)
            tensor.Dispose();
    }

    // Packed at the first use: a forward pass needs one of them.
    static Lazy<PackedMatrix<T>> Back(Tensor rows, long at, int k, int n) =>
        new(() => PackedMatrix<T>.OfRows(Elements(rows) + at, k, n));

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
