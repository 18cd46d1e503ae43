using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// A file, or several, that hold tensors by name: opened, its table of contents checked, tensors read when asked for.
/// </summary>
interface ITensorSource : IDisposable
{
    /// <summary>The path that it was opened by.</summary>
    string Path { get; }

    /// <summary>Every file that it reads.</summary>
    IReadOnlyList<string> Files => [Path];

    /// <summary>What it is, for people: "safetensors", "PyTorch", "NumPy .npz".</summary>
    string Kind { get; }

    /// <summary>Texts beside the tensors; empty if the format has none.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Bytes of its file, or of all its files together.</summary>
    long Length { get; }

    /// <summary>All tensors by name. Offsets mean something to the source alone.</summary>
    IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>
    /// A new CPU tensor in 32-bit floating point, whatever float type is stored. The caller disposes it.
    /// </summary>
    /// <exception cref="BadInputException">
    /// There is no tensor of this name, its data are damaged, or it does not hold floating-point numbers.
    /// </exception>
    Tensor ReadFloat(string name);

    /// <summary>Checks, where it can, that nobody has written to the files since they were opened.</summary>
    /// <exception cref="BadInputException">Somebody has.</exception>
    void RequireUnchanged() { }
}
