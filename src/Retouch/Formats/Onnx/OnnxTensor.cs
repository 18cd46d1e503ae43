namespace Retouch.Formats;

/// <summary>A float tensor of an ONNX file, and where its bytes are. Immutable.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="DType">The type of its numbers.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="External">The file beside the ONNX file that holds its bytes, or null if that itself does.</param>
/// <param name="Offset">Where they begin there.</param>
sealed record OnnxTensor(string Name, TensorDType DType, IReadOnlyList<long> Shape, string? External, long Offset)
{
    /// <summary>How many numbers it has.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>How many bytes they take.</summary>
    public long Length => Count * DType.Size();
}
