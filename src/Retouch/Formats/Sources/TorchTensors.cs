using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// What both of PyTorch's formats share: tensors that are stated in a pickle and lie in storages beside it.
/// </summary>
static class TorchTensors
{
    /// <summary>The table of contents.</summary>
    public static Dictionary<string, TensorEntry> Entries(IReadOnlyDictionary<string, PickleTensor> tensors) =>
        tensors.ToDictionary(
            t => t.Key,
            t => new TensorEntry(
                t.Key,
                t.Value.Storage.DType,
                t.Value.Shape,
                0,
                t.Value.Count * t.Value.Storage.DType.Size()
            ),
            StringComparer.Ordinal
        );

    /// <summary>A tensor from the bytes of its storage.</summary>
    /// <param name="storage">Stands at the tensor's first number.</param>
    /// <param name="tensor">What to read.</param>
    public static Tensor Read(Stream storage, PickleTensor tensor)
    {
        if (tensor.IsContiguous)
            return TensorBytes.Read(storage, tensor.Storage.DType, tensor.Shape);
        using DisposeScope scope = NewDisposeScope();
        Tensor span = TensorBytes.Read(storage, tensor.Storage.DType, [tensor.Span]);
        return span.as_strided([.. tensor.Shape], [.. tensor.Strides]).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Bytes of the storage before the tensor's first number.</summary>
    public static long Before(PickleTensor tensor) =>
        (tensor.Storage.Offset + tensor.Offset) * tensor.Storage.DType.Size();
}
