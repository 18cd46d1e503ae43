using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Retouch.Formats;
using TorchSharp;

namespace Retouch.OnnxRuntime;

/// <summary>
/// The weights of a model in memory once, for all sessions: as they are in the file, and as the runtime packs them for
/// its products. Owns both.
/// </summary>
sealed class SharedWeights : IDisposable
{
    const int Alignment = 64;

    readonly Dictionary<string, (OrtValue Value, nint Memory)> _values = new(StringComparer.Ordinal);

    /// <summary>Reads them.</summary>
    /// <exception cref="BadInputException">The file was cut short.</exception>
    public SharedWeights(OnnxWeights weights)
    {
        try
        {
            foreach (OnnxInitializer initializer in weights.Initializers)
                _values.Add(initializer.Name, Read(weights, initializer));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What the runtime packed of them, which sessions share.</summary>
    public PrePackedWeightsContainer Packed { get; } = new();

    /// <summary>Hands over all of them but some.</summary>
    public void GiveTo(SessionOptions options, IReadOnlySet<string> except)
    {
        foreach ((string name, (OrtValue value, _)) in _values)
        {
            if (!except.Contains(name))
                options.AddInitializer(name, value);
        }
    }

    public unsafe void Dispose()
    {
        Packed.Dispose();
        foreach ((OrtValue value, nint memory) in _values.Values)
        {
            value.Dispose();
            NativeMemory.AlignedFree((void*)memory);
        }
        _values.Clear();
    }

    static unsafe (OrtValue, nint) Read(OnnxWeights weights, OnnxInitializer initializer)
    {
        void* memory = NativeMemory.AlignedAlloc((nuint)initializer.Bytes, Alignment);
        try
        {
            weights.Read(initializer, new Span<byte>(memory, checked((int)initializer.Bytes)));
            return (
                OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance,
                    Type(initializer.Type),
                    [.. initializer.Shape],
                    (nint)memory,
                    initializer.Bytes
                ),
                (nint)memory
            );
        }
        catch
        {
            NativeMemory.AlignedFree(memory);
            throw;
        }
    }

    static Microsoft.ML.OnnxRuntime.Tensors.TensorElementType Type(torch.ScalarType type) =>
        type switch
        {
            torch.ScalarType.Float16 => Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float16,
            torch.ScalarType.BFloat16 => Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.BFloat16,
            torch.ScalarType.Float64 => Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Double,
            _ => Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float,
        };
}
