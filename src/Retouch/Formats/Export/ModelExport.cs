using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Retouch.Images;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// Writes a model under the names that another program reads: a safetensors file, or a folder as timm's
/// and transformers' loaders take one, with their config.json beside the weights.
/// </summary>
public static class ModelExport
{
    /// <summary>The weights' file in a folder.</summary>
    public const string WeightsName = "model.safetensors";

    /// <summary>The formats of <see cref="Find"/>.</summary>
    public static IReadOnlyList<string> Formats { get; } = ["timm", "transformers", "torchvision"];

    /// <summary>The naming scheme for a model in one of the <see cref="Formats"/>.</summary>
    /// <exception cref="BadInputException">There is no such format, or it cannot express the model; the message names the tensor.</exception>
    public static NamingScheme Find(string format, VitModel model)
    {
        if (!Formats.Contains(format))
            throw new BadInputException($"There is no format {UserText.Quote(format)}; there are {string.Join(", ", Formats)} and onnx.");
        VitConfig config = model.Config;
        NamingScheme scheme = format == NamingSchemes.Transformers.Name && config.Registers == 1 && config.PrefixPositions && config.ClassToken ? NamingSchemes.TransformersDeit : NamingSchemes.Find(format);
        foreach (string name in model.Tensors.Keys)
        {
            if (scheme.InFile(name).Length == 0)
                throw new BadInputException($"{format} has no place for the tensor {name}, so this model cannot be exported to it; timm and onnx have.");
        }
        foreach (TensorName row in scheme.Names)
        {
            if (!scheme.Optional.Contains(row.Canonical) && !model.Tensors.ContainsKey(row.Canonical.Replace("{i}", "0", StringComparison.Ordinal)))
                throw new BadInputException($"{format} needs the tensor {row.InFile.Replace("{i}", "0", StringComparison.Ordinal)}, which this model does not have; export it to timm or onnx.");
        }
        if (!scheme.Activations.Contains(config.Activation))
            throw new BadInputException($"{format} computes blocks.0.mlp.fc1 with gelu, but this model's activation is {ModelActivations.NameOf(config.Activation)}; export it to timm, transformers or onnx.");
        if (format != NamingSchemes.Timm.Name && config.Pooling != VitPooling.ClassToken)
            throw new BadInputException($"{format} classifies by {scheme.InFile(VitNames.ClassToken)[0].InFile}, but this model averages its patches; export it to timm or onnx.");
        return scheme;
    }

    /// <summary>Writes the model.</summary>
    /// <param name="model">The model; unchanged.</param>
    /// <param name="scheme">What <see cref="Find"/> gave for it.</param>
    /// <param name="preprocessing">How its images are made.</param>
    /// <param name="labels">The classes' names for config.json, or null.</param>
    /// <param name="output">A file that ends in .safetensors, or a folder, which is made where it is missing.</param>
    /// <param name="overwrite">Whether existing files may be replaced.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="BadInputException">A file cannot be written.</exception>
    public static IReadOnlyList<string> Write(VitModel model, NamingScheme scheme, Preprocessing preprocessing, LabelSet? labels, string output, bool overwrite)
    {
        if (output.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(output))
        {
            WriteWeights(model, scheme, preprocessing, output, overwrite);
            return [output];
        }
        if (File.Exists(output))
            throw new BadInputException($"{output} is a file; give a name that ends in .safetensors, or a folder.");
        (string Name, byte[] Text)[] cards = Cards(model.Config, scheme, preprocessing, labels);
        CreateFolder(output);
        using WriterLock writer = WriterLock.Take(output, "export");
        string[] files = [Path.Combine(output, WeightsName), .. cards.Select(c => Path.Combine(output, c.Name))];
        // What an export that was killed left is as good as new.
        (string Name, byte[] Text)[] missing = [.. cards.Where(c => !Holds(Path.Combine(output, c.Name), c.Text))];
        foreach (string file in missing.Select(c => Path.Combine(output, c.Name)).Prepend(files[0]))
            AtomicFile.CheckWritable(file, overwrite);
        // The weights come last: with them the folder is a model.
        foreach ((string name, byte[] text) in missing)
            AtomicFile.Write(Path.Combine(output, name), overwrite, stream => stream.Write(text));
        WriteWeights(model, scheme, preprocessing, files[0], overwrite);
        return files;
    }

    static bool Holds(string path, byte[] text) => File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(text);

    /// <summary>What a user should know of how a format differs from the model; usually nothing.</summary>
    public static IReadOnlyList<string> Notes(VitConfig config, NamingScheme scheme)
    {
        const double plain = 1e-6;
        return scheme.Name is "torchvision" or "timm" && config.NormEpsilon != plain
            ? [$"{scheme.Name}'s norms have an epsilon of 1e-6 unless told otherwise; this model's is {config.NormEpsilon.ToString(CultureInfo.InvariantCulture)}"]
            : [];
    }

    static void WriteWeights(VitModel model, NamingScheme scheme, Preprocessing preprocessing, string path, bool overwrite)
    {
        using DisposeScope scope = NewDisposeScope();
        SafeTensorsWriter.Write(path, model.Tensors.SelectMany(t => ModelFile.Parts(scheme.InFile(t.Key), t.Value)), ModelMetadata.Of(model.Config, preprocessing), overwrite);
    }

    static (string, byte[])[] Cards(VitConfig config, NamingScheme scheme, Preprocessing preprocessing, LabelSet? labels) => scheme.Name switch
    {
        "timm" => [("config.json", Json(Timm(config, preprocessing, labels), ExportJson.Default.TimmConfigJson))],
        "torchvision" => [],
        _ =>
        [
            ("config.json", Json(Transformers(config, scheme == NamingSchemes.TransformersDeit, labels), ExportJson.Default.TransformersConfigJson)),
            ("preprocessor_config.json", Json(Processor(preprocessing), ExportJson.Default.TransformersProcessorJson)),
        ],
    };

    static TransformersConfigJson Transformers(VitConfig config, bool deit, LabelSet? labels)
    {
        string[] names = [.. Enumerable.Range(0, config.Classes).Select(i => labels is { HasNames: true } ? labels[i].Name : $"LABEL_{i}")];
        return new()
        {
            Architectures = [deit ? "DeiTForImageClassification" : "ViTForImageClassification"],
            ModelType = deit ? "deit" : "vit",
            HiddenSize = config.Width,
            NumHiddenLayers = config.Depth,
            NumAttentionHeads = config.Heads,
            IntermediateSize = config.MlpWidth,
            HiddenAct = config.Activation switch { VitActivation.QuickGelu => "quick_gelu", VitActivation.GeluTanh => "gelu_pytorch_tanh", _ => "gelu" },
            LayerNormEps = config.NormEpsilon,
            ImageSize = config.ImageSize,
            PatchSize = config.PatchSize,
            NumChannels = 3,
            EncoderStride = config.PatchSize,
            QkvBias = config.QkvBias,
            Id2Label = names.Select((name, i) => (i, name)).ToDictionary(n => n.i.ToString(CultureInfo.InvariantCulture), n => n.name),
            // Two classes of ImageNet have one name.
            Label2Id = names.Select((name, i) => (i, name)).DistinctBy(n => n.name).ToDictionary(n => n.name, n => n.i),
        };
    }

    static TransformersProcessorJson Processor(Preprocessing preprocessing)
    {
        int size = preprocessing.ImageSize, resized = preprocessing.ResizedSide;
        bool crop = resized != size;
        return new()
        {
            // CLIP's resizes the shorter side; ViT's and DeiT's both, DeiT's with a crop.
            ImageProcessorType = !preprocessing.Squash ? "CLIPImageProcessor" : crop ? "DeiTImageProcessor" : "ViTImageProcessor",
            Size = preprocessing.Squash ? new SquareJson(resized, resized) : new EdgeJson(resized),
            Resample = preprocessing.Interpolation == Interpolation.Bicubic ? 3 : 2,
            DoCenterCrop = crop || !preprocessing.Squash,
            CropSize = crop || !preprocessing.Squash ? new SquareJson(size, size) : null,
            ImageMean = preprocessing.Mean.ToArray(),
            ImageStd = preprocessing.Std.ToArray(),
        };
    }

    static TimmConfigJson Timm(VitConfig config, Preprocessing preprocessing, LabelSet? labels) => new()
    {
        // Any of timm's plain ViTs would do: model_args says all that differs.
        Architecture = "vit_base_patch16_224",
        NumClasses = config.Classes,
        NumFeatures = config.Width,
        GlobalPool = config.Pooling == VitPooling.ClassToken ? "token" : "avg",
        LabelNames = labels is { HasNames: true } ? [.. Enumerable.Range(0, labels.Count).Select(i => labels[i].Name)] : null,
        ModelArgs = new()
        {
            ImgSize = config.ImageSize,
            PatchSize = config.PatchSize,
            EmbedDim = config.Width,
            Depth = config.Depth,
            NumHeads = config.Heads,
            MlpRatio = (double)config.MlpWidth / config.Width,
            QkvBias = config.QkvBias,
            InitValues = config.LayerScale ? 1e-5 : null,
            ClassToken = config.ClassToken,
            RegTokens = config.Registers,
            NoEmbedClass = !config.PrefixPositions,
            PreNorm = config.PreNorm,
            FcNorm = config.NormAfterPooling,
            ActLayer = config.Activation switch { VitActivation.QuickGelu => "quick_gelu", VitActivation.GeluTanh => "gelu_tanh", _ => null },
        },
        PretrainedCfg = new()
        {
            InputSize = [3, preprocessing.ImageSize, preprocessing.ImageSize],
            Interpolation = preprocessing.Interpolation.ToString().ToLowerInvariant(),
            CropPct = preprocessing.CropFraction,
            CropMode = preprocessing.Squash ? "squash" : "center",
            Mean = preprocessing.Mean.ToArray(),
            Std = preprocessing.Std.ToArray(),
            NumClasses = config.Classes,
        },
    };

    static byte[] Json<T>(T value, JsonTypeInfo<T> type) => [.. JsonSerializer.SerializeToUtf8Bytes(value, type), (byte)'\n'];

    static void CreateFolder(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new BadInputException($"The folder {path} cannot be made: {e.Message.TrimEnd('.')}.", e);
        }
    }
}
