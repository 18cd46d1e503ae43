using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>A large float initializer of an ONNX file. Immutable.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Type">The type of its numbers: float32, float16, bfloat16 or float64.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Bytes">How many bytes it takes.</param>
public sealed record OnnxInitializer(string Name, ScalarType Type, IReadOnlyList<long> Shape, long Bytes);
