using System.Globalization;
using Retouch.Formats;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>A trained hypernetwork on disk: a safetensors file under the authors' tensor names, with or without a prefix.</summary>
public static class HypernetworkFile
{
    const int PublishedHeads = 6;

    /// <summary>Reads a hypernetwork; the caller disposes it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadInputException">The file cannot be read or is not a hypernetwork; the message says why.</exception>
    public static Hypernetwork Load(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        const string marker = "out_layer.0.out.weight";
        string found = file.Tensors.Keys.FirstOrDefault(n => n == marker || n.EndsWith("." + marker, StringComparison.Ordinal))
            ?? throw new BadInputException($"{path} is not a locator: no tensor is called {marker}.");
        string prefix = found[..^marker.Length];
        int heads = PublishedHeads;
        if (file.Metadata.TryGetValue("heads", out string? text) && !int.TryParse(text, CultureInfo.InvariantCulture, out heads))
            throw new BadInputException($"{path}: its number of heads is not a number.");

        Dictionary<string, Tensor> tensors = [];
        try
        {
            foreach ((string name, TensorEntry entry) in file.Tensors)
            {
                // The authors' code keeps a parameter that it never uses.
                if (name.StartsWith(prefix, StringComparison.Ordinal) && entry.DType.IsFloat() && !name.EndsWith("learn_masks", StringComparison.Ordinal))
                    tensors[name[prefix.Length..]] = file.ReadFloat(name);
            }
            return new Hypernetwork(tensors, heads);
        }
        catch (BadInputException e)
        {
            foreach (Tensor tensor in tensors.Values)
                tensor.Dispose();
            throw new BadInputException($"{path}: {e.Message}", e);
        }
    }
}
