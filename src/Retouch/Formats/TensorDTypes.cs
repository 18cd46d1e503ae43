using System.Collections.Frozen;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>What a <see cref="TensorDType"/> means: its size and its TorchSharp type.</summary>
static class TensorDTypes
{
    static readonly FrozenDictionary<TensorDType, (int Size, ScalarType Type)> Table = new Dictionary<
        TensorDType,
        (int, ScalarType)
    >
    {
        [TensorDType.F64] = (8, ScalarType.Float64),
        [TensorDType.F32] = (4, ScalarType.Float32),
        [TensorDType.F16] = (2, ScalarType.Float16),
        [TensorDType.BF16] = (2, ScalarType.BFloat16),
        [TensorDType.I64] = (8, ScalarType.Int64),
        [TensorDType.I32] = (4, ScalarType.Int32),
        [TensorDType.I16] = (2, ScalarType.Int16),
        [TensorDType.I8] = (1, ScalarType.Int8),
        [TensorDType.U8] = (1, ScalarType.Byte),
        [TensorDType.BOOL] = (1, ScalarType.Bool),
    }.ToFrozenDictionary();

    static readonly FrozenDictionary<ScalarType, TensorDType> Inverse = Table.ToFrozenDictionary(
        row => row.Value.Type,
        row => row.Key
    );

    /// <summary>The bytes that one element takes.</summary>
    public static int Size(this TensorDType dtype) => Table[dtype].Size;

    /// <summary>The TorchSharp type with the same elements.</summary>
    public static ScalarType ToScalarType(this TensorDType dtype) => Table[dtype].Type;

    /// <summary>Whether the elements are floating-point numbers.</summary>
    public static bool IsFloat(this TensorDType dtype) =>
        dtype is TensorDType.F64 or TensorDType.F32 or TensorDType.F16 or TensorDType.BF16;

    /// <summary>The format of a TorchSharp type.</summary>
    /// <exception cref="ArgumentException">No file format here holds the type (complex and quantised ones).</exception>
    public static TensorDType ToTensorDType(this ScalarType type) =>
        Inverse.TryGetValue(type, out TensorDType dtype)
            ? dtype
            : throw new ArgumentException($"Tensors of type {type} have no safetensors dtype.", nameof(type));
}
