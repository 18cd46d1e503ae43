namespace Retouch.Formats;

/// <summary>Refuses names of files to write whose extension says something else than what will be in them.</summary>
public static class OutputName
{
    /// <summary>What each extension that people and programs go by says of a file.</summary>
    static readonly Dictionary<string, string> Said = new(StringComparer.OrdinalIgnoreCase)
    {
        [".safetensors"] = "a safetensors file",
        [".pth"] = "a PyTorch file",
        [".pt"] = "a PyTorch file",
        [".bin"] = "a PyTorch file",
        [".ckpt"] = "a PyTorch file",
        [".tar"] = "an archive",
        [".zip"] = "an archive",
        [".gz"] = "an archive",
        [".npz"] = "a NumPy file",
        [".npy"] = "a NumPy file",
        [".pkl"] = "a Python pickle",
        [".onnx"] = "an ONNX file",
        [".h5"] = "an HDF5 file",
        [".hdf5"] = "an HDF5 file",
        [".keras"] = "a Keras file",
        [".pb"] = "a TensorFlow file",
        [".tflite"] = "a TensorFlow file",
        [".gguf"] = "a GGUF file",
        [".msgpack"] = "a Flax file",
        [".patch"] = "a patch",
        [".prep"] = "a preparation",
        [".json"] = "a JSON file",
        [".jsonl"] = "a JSON file",
        [".html"] = "a web page",
        [".htm"] = "a web page",
        [".csv"] = "a table",
        [".txt"] = "a text",
        [".md"] = "a text",
        [".pdf"] = "a PDF file",
        [".svg"] = "a picture",
        [".png"] = "a picture",
        [".jpg"] = "a picture",
        [".jpeg"] = "a picture",
        [".webp"] = "a picture",
        [".gif"] = "a picture",
        [".bmp"] = "a picture",
    };

    /// <summary>
    /// Checks the name of a file to write; one without an extension, or with one that says nothing, is fine.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="content">What will be in it, such as "a patch".</param>
    /// <param name="fitting">The extensions that say so, with their dots, the usual one first.</param>
    /// <exception cref="BadInputException">The extension says something else.</exception>
    public static void Require(string path, string content, params string[] fitting) =>
        Require(path, content, null, fitting);

    /// <summary>The same of a file that another parameter names than the usual one of outputs.</summary>
    internal static void Require(string path, string content, Parameter? output, string[] fitting)
    {
        string extension = Path.GetExtension(Path.TrimEndingDirectorySeparator(path));
        if (
            Said.TryGetValue(extension, out string? said)
            && !fitting.Contains(extension, StringComparer.OrdinalIgnoreCase)
        )
            throw BadInput.Mismatch(
                path,
                $"{path} would be called {said}, but what is written is {content}.",
                Remedy.OutputEnding(fitting[0], output)
            );
    }

    /// <summary>Checks the name of a model file to write, which is always safetensors.</summary>
    /// <exception cref="BadInputException">Its extension says something else.</exception>
    public static void RequireModel(string path) => Require(path, "a safetensors file", ".safetensors");
}
