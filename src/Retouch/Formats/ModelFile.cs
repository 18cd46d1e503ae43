using System.Globalization;
using Retouch.Images;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>A model read from a file, and what is needed to use it and to write it back. Owns the model.</summary>
public sealed class ModelFile : IDisposable
{
    readonly IReadOnlyDictionary<string, string> _names; // canonical → the file's

    ModelFile(string path, VitModel model, NamingScheme scheme, IReadOnlyDictionary<string, string> names, Preprocessing preprocessing, bool stated)
    {
        (Path, Model, Scheme, _names, Preprocessing, PreprocessingStated) = (path, model, scheme, names, preprocessing, stated);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The model; it belongs to this object.</summary>
    public VitModel Model { get; }

    /// <summary>The naming scheme that the file follows.</summary>
    public NamingScheme Scheme { get; }

    /// <summary>How images are made into the model's pixels.</summary>
    public Preprocessing Preprocessing { get; }

    /// <summary>Whether the file itself states its preprocessing; otherwise it is the usual one of its naming scheme.</summary>
    public bool PreprocessingStated { get; }

    /// <summary>Reads a safetensors file under any known naming scheme; float16, bfloat16 and float64 become float32.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadInputException">
    /// The file cannot be read, is of another format, or its tensors are not those of a supported ViT; the
    /// message names the file and the tensor.
    /// </exception>
    public static ModelFile Load(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        (NamingScheme scheme, string prefix) = NamingScheme.Recognize(file.Tensors.Keys) ?? throw new BadInputException(
            $"{path} holds no ViT under a known naming scheme ({string.Join(", ", NamingScheme.All.Select(s => s.Name))}): no tensor is called {NamingScheme.Timm.Names[VitNames.PatchWeight]}.");
        IReadOnlyDictionary<string, string> names = scheme.Map(file.Tensors.Keys, prefix);
        foreach (string name in names.Values)
        {
            if (!file.Tensors[name].DType.IsFloat())
                throw new BadInputException($"{path}: the tensor {name} is of type {file.Tensors[name].DType}; a model's weights are F64, F32, F16 or BF16.");
        }
        Dictionary<string, Tensor> tensors = [];
        try
        {
            int? heads = null;
            if (file.Metadata.TryGetValue("num_heads", out string? text))
                heads = int.TryParse(text, CultureInfo.InvariantCulture, out int stated) ? stated : throw new BadInputException($"num_heads in its metadata is {UserText.Quote(text)}, not a number.");
            // Shapes are checked before anything large is read.
            VitConfig config = VitConfig.Infer(names.ToDictionary(n => n.Key, n => file.Tensors[n.Value].Shape.ToArray()), heads);
            foreach ((string canonical, string name) in names)
                tensors[canonical] = file.ReadFloat(name);
            bool states = file.Metadata.TryGetValue("preprocessing", out string? json);
            Preprocessing preprocessing = states ? Preprocessing.FromJson(json!) : Usual(config.ImageSize);
            if (preprocessing.ImageSize != config.ImageSize)
                throw new BadInputException($"the stated preprocessing makes images of {preprocessing.ImageSize} pixels, but the model takes {config.ImageSize}.");
            return new ModelFile(path, new VitModel(tensors, config.Heads), scheme, names, preprocessing, states);
        }
        catch (BadInputException e)
        {
            foreach (Tensor tensor in tensors.Values)
                tensor.Dispose();
            throw new BadInputException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>
    /// Writes the model file again with other values in some tensors: same names, order, types and metadata,
    /// all other bytes untouched, so that whatever loads the original loads it too.
    /// </summary>
    /// <param name="output">The file to write, atomically.</param>
    /// <param name="replacements">New float32 values by canonical name; they stay the caller's.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">The file cannot be written; nothing has changed on the disk.</exception>
    public void WriteWith(string output, IReadOnlyDictionary<string, Tensor> replacements, bool overwrite)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(Path);
        SafeTensorsWriter.Rewrite(file, output, replacements.ToDictionary(r => _names[r.Key], r => r.Value), null, overwrite);
    }

    /// <summary>Writes a new model file under timm's names, stating its heads and preprocessing.</summary>
    /// <param name="output">The file to write, atomically.</param>
    /// <param name="tensors">The model's tensors by canonical name; they stay the caller's.</param>
    /// <param name="heads">The number of attention heads.</param>
    /// <param name="preprocessing">How images are made into its pixels.</param>
    /// <param name="metadata">Texts to keep besides.</param>
    /// <param name="half">Whether to store float16.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">The tensors are no ViT's, or the file cannot be written.</exception>
    public static void Create(
        string output, IReadOnlyDictionary<string, Tensor> tensors, int heads, Preprocessing preprocessing, IReadOnlyDictionary<string, string> metadata, bool half, bool overwrite)
    {
        VitConfig.Infer(tensors.ToDictionary(t => t.Key, t => t.Value.shape), heads);
        Dictionary<string, string> texts = new(metadata)
        {
            ["num_heads"] = heads.ToString(CultureInfo.InvariantCulture),
            ["preprocessing"] = preprocessing.ToJson(),
        };
        using TorchSharp.DisposeScope scope = NewDisposeScope();
        SafeTensorsWriter.Write(output, tensors.Select(t => (t.Key, half ? t.Value.to(ScalarType.Float16) : t.Value)), new SortedDictionary<string, string>(texts, StringComparer.Ordinal), overwrite);
    }

    /// <summary>Frees the model.</summary>
    public void Dispose() => Model.Dispose();

    // timm's AugReg checkpoints, by far the most of its plain ViTs: mean and deviation 0.5, and at 224 pixels a crop of 0.9.
    static Preprocessing Usual(int imageSize) => Preprocessing.Inception(imageSize, imageSize == 224 ? 0.9 : 1.0);
}
