using Microsoft.ML.OnnxRuntime;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Vit;
using TorchSharp;

namespace Retouch.OnnxRuntime;

/// <summary>
/// An ONNX model that is served with patches: its weights are in memory once, however many sessions with however many
/// patch sets there are. The file must stay where it is, unchanged. Safe for use from several threads. Owns the
/// weights; dispose it after its sessions.
/// </summary>
public sealed class PatchedModel : IDisposable
{
    const string Folder = "session.model_external_initializers_file_folder_path";

    readonly OnnxWeights _weights;
    readonly SharedWeights _shared;
    readonly Action<SessionOptions>? _configure;

    PatchedModel(OnnxWeights weights, Action<SessionOptions>? configure)
    {
        (_weights, _configure) = (weights, configure);
        _shared = new SharedWeights(weights);
    }

    /// <summary>The ONNX file.</summary>
    public string Path => _weights.Path;

    /// <summary>The fingerprint of the model that patches must be for.</summary>
    public string Fingerprint => _weights.Fingerprint;

    /// <summary>Opens a model that this tool exported, which says what it holds.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <param name="configure">Sets what all sessions have in common, such as threads; null for the usual.</param>
    /// <exception cref="BadInputException">The file cannot be read, is no ONNX file, or another's.</exception>
    public static PatchedModel Open(string path, Action<SessionOptions>? configure = null) =>
        Create(OnnxWeights.Open(path), configure);

    /// <summary>Opens a model that another program exported: weights are recognized by their values.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <param name="model">The model that it was exported from; not owned, needed while this lives.</param>
    /// <param name="configure">Sets what all sessions have in common, such as threads; null for the usual.</param>
    /// <exception cref="BadInputException">The file cannot be read, or is no ONNX file.</exception>
    public static PatchedModel Open(string path, VitModel model, Action<SessionOptions>? configure = null) =>
        Create(OnnxWeights.Open(path, model), configure);

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        _shared.Dispose();
        _weights.Dispose();
    }

    /// <summary>A session of the runtime under patches; the caller disposes it.</summary>
    /// <exception cref="BadInputException">A patch is of another model, or a weight is not found.</exception>
    internal InferenceSession NewSession(IReadOnlyList<Patch> patches)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Dictionary<string, torch.Tensor> values = [];
        if (patches.Count > 0)
        {
            Dictionary<string, torch.Tensor> edited = PatchLedger.Edited(Fingerprint, _weights.Weight, patches);
            foreach ((string name, torch.Tensor weight) in edited)
            {
                foreach ((string initializer, torch.Tensor stored) in _weights.Stored(name, weight))
                    values.Add(initializer, stored);
                weight.Dispose();
            }
        }
        try
        {
            using SessionOptions options = new();
            _configure?.Invoke(options);
            options.AddSessionConfigEntry(Folder, System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!);
            // What is edited stands in the graph: what the runtime packs of initializers that are handed over it keeps
            // for good, and an optimizer that folds a weight would fold the old one.
            _shared.GiveTo(options, values.Keys.ToHashSet());
            return new InferenceSession(_weights.Graph(values), options, _shared.Packed);
        }
        finally
        {
            foreach (torch.Tensor tensor in values.Values)
                tensor.Dispose();
        }
    }

    static PatchedModel Create(OnnxWeights weights, Action<SessionOptions>? configure)
    {
        try
        {
            return new PatchedModel(weights, configure);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }
}
