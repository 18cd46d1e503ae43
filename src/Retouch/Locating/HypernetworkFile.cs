using System.Globalization;
using System.Text.Json;
using Retouch.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// A trained hypernetwork on disk: a safetensors file under the authors' tensor names, with or without a prefix.
/// </summary>
public static class HypernetworkFile
{
    const int PublishedHeads = 6;
    const string Format = "retouch-locator";
    const string ProvenanceKey = "provenance";
    const string InputKey = "input";
    const string BalancedKey = "balanced";

    /// <summary>Writes a trained hypernetwork, atomically.</summary>
    /// <param name="network">The hypernetwork.</param>
    /// <param name="provenance">Where it comes from.</param>
    /// <param name="path">The file.</param>
    /// <param name="half">Whether to store float16, half the size; masks hardly depend on it.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">The file cannot be written; nothing has changed on the disk.</exception>
    public static void Save(Hypernetwork network, LocatorProvenance provenance, string path, bool half, bool overwrite)
    {
        using DisposeScope scope = NewDisposeScope();
        SafeTensorsWriter.Write(
            path,
            network.Tensors.Select(t => (t.Key, half ? t.Value.to(ScalarType.Float16) : t.Value)),
            new Dictionary<string, string>
            {
                ["format"] = Format,
                ["model"] = provenance.Targets.Model,
                ["heads"] = network.Heads.ToString(CultureInfo.InvariantCulture),
                [InputKey] = network.Input.ToString(),
                [BalancedKey] = network.Balanced ? "true" : "false",
                [ProvenanceKey] = JsonSerializer.Serialize(provenance, LocatingJson.Default.LocatorProvenance),
            },
            overwrite
        );
    }

    /// <summary>Where a hypernetwork comes from, or null if its file does not say.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadInputException">The file cannot be read or what it says is not a provenance.</exception>
    public static LocatorProvenance? Provenance(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        try
        {
            return file.Metadata.TryGetValue(ProvenanceKey, out string? text)
                ? JsonSerializer.Deserialize(text, LocatingJson.Default.LocatorProvenance)
                : null;
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(
                path,
                $"{path}: its provenance cannot be read: {JsonPlace.Describe(e, file.Metadata[ProvenanceKey])}.",
                cause: e
            );
        }
    }

    /// <summary>Reads a hypernetwork; the caller disposes it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadInputException">
    /// The file cannot be read or is not a hypernetwork; the message says why.
    /// </exception>
    public static Hypernetwork Load(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        const string marker = "out_layer.0.out.weight";
        string found =
            file.Tensors.Keys.FirstOrDefault(n => n == marker || n.EndsWith("." + marker, StringComparison.Ordinal))
            ?? throw BadInput.Missing(path, $"{path} is not a locator: no tensor is called {marker}.");
        string prefix = found[..^marker.Length];
        int heads = PublishedHeads;
        if (
            file.Metadata.TryGetValue("heads", out string? text)
            && !int.TryParse(text, CultureInfo.InvariantCulture, out heads)
        )
            throw BadInput.OutOfRange(path, $"{path}: its number of heads is not a number.");

        LocatorInput input = LocatorInput.Feature;
        if (
            file.Metadata.TryGetValue(InputKey, out string? sees)
            && !(Enum.TryParse(sees, out input) && Enum.IsDefined(input))
        )
            throw BadInput.Unsupported(
                path,
                $"{path}: it was trained to see {UserText.Quote(sees)}, which this Retouch does not know."
            );

        Dictionary<string, Tensor> tensors = [];
        try
        {
            foreach ((string name, TensorEntry entry) in file.Tensors)
            {
                // The authors' code keeps a parameter that it never uses.
                if (
                    name.StartsWith(prefix, StringComparison.Ordinal)
                    && entry.DType.IsFloat()
                    && !name.EndsWith("learn_masks", StringComparison.Ordinal)
                )
                    tensors[name[prefix.Length..]] = file.ReadFloat(name);
            }
            return new Hypernetwork(tensors, heads, input, file.Metadata.GetValueOrDefault(BalancedKey) == "true");
        }
        catch (BadInputException e)
        {
            foreach (Tensor tensor in tensors.Values)
                tensor.Dispose();
            throw e.At(path);
        }
    }
}
