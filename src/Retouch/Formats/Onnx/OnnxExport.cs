using System.Text.Json;
using Retouch.Images;
using Retouch.Vit;
using TorchSharp;
using static Retouch.Formats.OnnxFields;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// Writes a model as one ONNX file: normalized pixels in, logits out, for batches of any size. Linear layers are
/// MatMul with transposed weights, as PyTorch exports them, and GELU is spelled out with Erf, which runtimes fuse.
/// </summary>
public static class OnnxExport
{
    /// <summary>The version of the standard operators that the file uses.</summary>
    public const int Opset = 17;

    /// <summary>The name of the graph's input, <c>[batch,3,S,S]</c> float32.</summary>
    public const string Input = "pixel_values";

    /// <summary>The name of its output, <c>[batch,C]</c> float32.</summary>
    public const string Output = "logits";

    /// <summary>The key of the model's fingerprint in the metadata.</summary>
    public const string FingerprintKey = "model_fingerprint";

    const int IrVersion = 8;

    /// <summary>Writes the file.</summary>
    /// <param name="model">The model; unchanged.</param>
    /// <param name="preprocessing">How its images are made; kept in the metadata.</param>
    /// <param name="labels">The classes' names for the metadata, or null.</param>
    /// <param name="path">The file to write, atomically.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">
    /// The file cannot be written, or the model has more than the 2 GB that one ONNX file can hold.
    /// </exception>
    public static void Write(
        VitModel model,
        Preprocessing preprocessing,
        LabelSet? labels,
        string path,
        bool overwrite
    ) => Write(model, preprocessing, labels, new Dictionary<string, string?>(), path, overwrite);

    /// <summary>The same with further texts in the metadata.</summary>
    /// <param name="model">The model; unchanged.</param>
    /// <param name="preprocessing">How its images are made; kept in the metadata.</param>
    /// <param name="labels">The classes' names for the metadata, or null.</param>
    /// <param name="texts">What the metadata are to say besides, by key; null says nothing.</param>
    /// <param name="path">The file to write, atomically.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">As above.</exception>
    public static void Write(
        VitModel model,
        Preprocessing preprocessing,
        LabelSet? labels,
        IReadOnlyDictionary<string, string?> texts,
        string path,
        bool overwrite
    )
    {
        using DisposeScope scope = NewDisposeScope();
        VitConfig config = model.Config;
        ProtoMessage message = new ProtoMessage()
            .Add(ModelIrVersion, IrVersion)
            .Add(ModelProducer, "Retouch")
            .Add(ModelProducerVersion, typeof(OnnxExport).Assembly.GetName().Version!.ToString(3))
            .Add(
                ModelDoc,
                $"Vision transformer, {config.Depth} blocks, width {config.Width}, patches of {config.PatchSize}. "
                    + $"Input: RGB images, {preprocessing}."
            )
            .Add(ModelGraph, new OnnxVit(model).Graph())
            .Add(ModelOpset, new ProtoMessage().Add(OpsetVersion, Opset));
        IEnumerable<(string, string)> further = texts.Where(t => t.Value is not null).Select(t => (t.Key, t.Value!));
        foreach ((string key, string value) in Metadata(model, preprocessing, labels).Concat(further))
            message.Add(ModelProperty, new ProtoMessage().Add(EntryKey, key).Add(EntryValue, value));
        if (message.Length > int.MaxValue)
            throw BadInput.TooLarge(
                null,
                $"The model takes {message.Length} bytes as ONNX, and one file can hold {int.MaxValue}; export it as "
                    + "safetensors."
            );
        AtomicFile.Write(path, overwrite, message.WriteTo);
    }

    static IEnumerable<(string, string)> Metadata(VitModel model, Preprocessing preprocessing, LabelSet? labels)
    {
        yield return (FingerprintKey, model.Fingerprint);
        yield return ("preprocessing", preprocessing.ToJson());
        if (labels is { HasNames: true })
            yield return (
                "labels",
                JsonSerializer.Serialize(
                    Enumerable.Range(0, labels.Count).Select(i => labels[i].Name),
                    ExportJson.Default.IEnumerableString
                )
            );
    }
}
