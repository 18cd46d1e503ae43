namespace Retouch.Formats;

/// <summary>One line of a tensor file's table of contents. Immutable.</summary>
/// <param name="Name">The tensor's name, unique in its file.</param>
/// <param name="DType">The stored number format.</param>
/// <param name="Shape">The sizes of the axes, row-major; empty for a scalar.</param>
/// <param name="Offset">Bytes from the start of the file's data section (not of the file).</param>
/// <param name="Length">Bytes of data: the product of the shape times the size of an element.</param>
sealed record TensorEntry(string Name, TensorDType DType, IReadOnlyList<long> Shape, long Offset, long Length);
