using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
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

    const string ConfigName = "config.json";
    const string ProcessorName = "preprocessor_config.json";

    /// <summary>The formats of <see cref="Find"/>.</summary>
    public static IReadOnlyList<string> Formats { get; } = ["timm", "transformers", "torchvision"];

    /// <summary>The naming scheme for a model in one of the <see cref="Formats"/>.</summary>
    /// <exception cref="BadInputException">
    /// There is no such format, or it cannot express the model; the message names the tensor.
    /// </exception>
    public static NamingScheme Find(string format, VitModel model)
    {
        if (!Formats.Contains(format))
            throw BadInput.Missing(
                format,
                $"There is no format {UserText.Quote(format)}; there are {string.Join(", ", Formats)} and onnx."
            );
        VitConfig config = model.Config;
        if (!config.IsPlain && format == NamingSchemes.Timm.Name)
        {
            TimmFolder.Config(model, null);
            return NamingSchemes.Timm;
        }
        if (!config.IsPlain)
            throw BadInput.Unsupported(
                null,
                $"An export to {format} is of a plain ViT, or of a model that came under that library's names, and "
                    + "this model is neither.",
                Remedy.Export("timm", "onnx")
            );
        NamingScheme scheme =
            format == NamingSchemes.Transformers.Name && config.Registers == 1
                ? NamingSchemes.TransformersDeit
                : NamingSchemes.Find(format);
        VitConfig expressed = ExpressedModel.Config(config, scheme);
        foreach ((string name, _) in expressed.Tensors())
        {
            if (scheme.InFile(name).Length == 0)
                throw BadInput.Unsupported(
                    name,
                    $"{format} has no place for the tensor {name}, so this model cannot be "
                        + "exported to it; timm and onnx have."
                );
        }
        if (format == NamingSchemes.Timm.Name && expressed is { PreNorm: true, PatchBias: true })
        {
            throw BadInput.Unsupported(
                null,
                $"timm builds no {VitNames.PatchBias} beside {VitNames.PreNormWeight}, so "
                    + "this model cannot be exported "
                    + "to it; export it to onnx."
            );
        }
        if (!scheme.Activations.Contains(config.Activation))
            throw BadInput.Mismatch(
                null,
                $"{format} computes blocks.0.mlp.fc1 with gelu, but this model's activation is "
                    + $"{ModelActivations.NameOf(config.Activation)}; export it to timm, transformers or onnx."
            );
        if (format != NamingSchemes.Timm.Name && config.Pooling != VitPooling.ClassToken)
            throw BadInput.Mismatch(
                null,
                $"{format} classifies by {scheme.InFile(VitNames.ClassToken)[0].InFile}, but this model averages its "
                    + "patches; export it to timm or onnx."
            );
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
    public static IReadOnlyList<string> Write(
        VitModel model,
        NamingScheme scheme,
        Preprocessing preprocessing,
        LabelSet? labels,
        string output,
        bool overwrite
    ) => Write(model, scheme, preprocessing, labels, new Dictionary<string, string?>(), output, overwrite);

    /// <summary>The same with further texts in the metadata of the weights' file.</summary>
    /// <param name="model">The model; unchanged.</param>
    /// <param name="scheme">What <see cref="Find"/> gave for it.</param>
    /// <param name="preprocessing">How its images are made.</param>
    /// <param name="labels">The classes' names for config.json, or null.</param>
    /// <param name="texts">What the metadata are to say besides, by key; null says nothing.</param>
    /// <param name="output">A file that ends in .safetensors, or a folder, which is made where it is missing.</param>
    /// <param name="overwrite">Whether existing files may be replaced.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="BadInputException">A file cannot be written.</exception>
    public static IReadOnlyList<string> Write(
        VitModel model,
        NamingScheme scheme,
        Preprocessing preprocessing,
        LabelSet? labels,
        IReadOnlyDictionary<string, string?> texts,
        string output,
        bool overwrite
    )
    {
        void WriteTo(string path) => WriteWeights(model, scheme, preprocessing, labels, texts, path, overwrite);

        return WriteAll(output, overwrite, scheme, () => Cards(model, scheme, preprocessing, labels), WriteTo);
    }

    /// <summary>
    /// Whether a model goes out in a format as it came in: under the names of that library's own family, with the config
    /// that lay beside it, instead of as a plain ViT.
    /// </summary>
    /// <param name="format">One of the <see cref="Formats"/>.</param>
    /// <param name="file">The model's file.</param>
    public static bool KeepsNames(string format, ModelFile file) =>
        format == NamingSchemes.Transformers.Name
        && FamilySchemes.All.Contains(file.Scheme)
        && file.Scheme != FamilySchemes.OpenClip;

    /// <summary>
    /// Writes a model of one of transformers' families as that library takes it: the file's own tensors, what it keeps
    /// beside the model (a text tower) included, and the config that lay beside it, with what an edit changed.
    /// </summary>
    /// <param name="file">The model's file, of which <see cref="KeepsNames"/>.</param>
    /// <param name="model">Its model, or an edited one.</param>
    /// <param name="labels">The classes' names for config.json, or null.</param>
    /// <param name="texts">What the metadata are to say besides, by key; null says nothing.</param>
    /// <param name="output">A file that ends in .safetensors, or a folder, which is made where it is missing.</param>
    /// <param name="overwrite">Whether existing files may be replaced.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="BadInputException">
    /// There is no such config, it cannot state the model, or a file cannot be written.
    /// </exception>
    public static IReadOnlyList<string> WriteAsItCame(
        ModelFile file,
        VitModel model,
        LabelSet? labels,
        IReadOnlyDictionary<string, string?> texts,
        string output,
        bool overwrite
    )
    {
        return WriteAll(output, overwrite, file.Scheme, Cards, WriteTo);

        (string, byte[])[] Cards() =>
            [
                (ConfigName, Text(TransformersFolder.Config(file, model, labels))),
                (
                    ProcessorName,
                    TransformersFolder.Processor(file)
                        ?? Json(Processor(file.Preprocessing), ExportJson.Default.TransformersProcessorJson)
                ),
            ];

        void WriteTo(string path)
        {
            using DisposeScope scope = NewDisposeScope();
            Dictionary<string, string> metadata = WithTexts(
                ModelMetadata.Of(model.Config, file.Preprocessing, labels),
                texts
            );
            SafeTensorsWriter.Write(path, file.AsTheLibraryHasThem(model), metadata, overwrite);
        }
    }

    static Dictionary<string, string> WithTexts(
        Dictionary<string, string> metadata,
        IReadOnlyDictionary<string, string?> texts
    )
    {
        foreach ((string key, string? value) in texts)
        {
            if (value is not null)
                metadata[key] = value;
        }
        return metadata;
    }

    static IReadOnlyList<string> WriteAll(
        string output,
        bool overwrite,
        NamingScheme scheme,
        Func<(string Name, byte[] Text)[]> makeCards,
        Action<string> writeTo
    )
    {
        if (output.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(output))
        {
            writeTo(output);
            return [output];
        }
        if (File.Exists(output))
            throw BadInput.Mismatch(output, $"{output} is a file; give a name that ends in .safetensors, or a folder.");
        (string Name, byte[] Text)[] cards = makeCards();
        RefuseOthers(scheme, output);
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
        writeTo(files[0]);
        return files;
    }

    static bool Holds(string path, byte[] text) =>
        File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(text);

    /// <summary>
    /// What a user should know to load the model in Python where no config.json does it; often nothing.
    /// </summary>
    public static IReadOnlyList<string> Notes(VitConfig config, NamingScheme scheme) =>
        scheme.Name switch
        {
            "torchvision" => [$"in Python the model is {LibraryConfig.TorchvisionLine(config)}"],
            "timm" when config.IsPlain && LibraryConfig.NormLayer(config) is string norm =>
            [
                $"a timm model that is built without the config.json of a folder needs {norm}",
            ],
            _ => [],
        };

    static void WriteWeights(
        VitModel model,
        NamingScheme scheme,
        Preprocessing preprocessing,
        LabelSet? labels,
        IReadOnlyDictionary<string, string?> texts,
        string path,
        bool overwrite
    )
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, string> metadata = WithTexts(ModelMetadata.Of(model.Config, preprocessing, labels), texts);
        SafeTensorsWriter.Write(
            path,
            model.Config.IsPlain
                ? ExpressedModel
                    .Tensors(model, scheme)
                    .SelectMany(t => TensorParts.Apart(scheme.InFile(t.Name), t.Tensor))
                : TimmFolder.Tensors(model),
            metadata,
            overwrite
        );
    }

    static (string, byte[])[] Cards(VitModel model, NamingScheme scheme, Preprocessing preprocessing, LabelSet? labels)
    {
        VitConfig config = model.Config;
        return scheme.Name switch
        {
            "timm" when !config.IsPlain =>
            [
                (ConfigName, Text(TimmFolder.Config(model, Timm(config, preprocessing, labels)))),
            ],
            "timm" => [(ConfigName, Json(Timm(config, preprocessing, labels), ExportJson.Default.TimmConfigJson))],
            "torchvision" => [],
            _ =>
            [
                (
                    ConfigName,
                    Json(
                        Transformers(config, scheme == NamingSchemes.TransformersDeit, labels),
                        ExportJson.Default.TransformersConfigJson
                    )
                ),
                (ProcessorName, Json(Processor(preprocessing), ExportJson.Default.TransformersProcessorJson)),
            ],
        };
    }

    static TransformersConfigJson Transformers(VitConfig config, bool deit, LabelSet? labels)
    {
        string[] names =
        [
            .. Enumerable
                .Range(0, config.Classes)
                .Select(i => labels is { HasNames: true } ? labels[i].Name : $"LABEL_{i}"),
        ];
        return new()
        {
            Architectures = [deit ? "DeiTForImageClassification" : "ViTForImageClassification"],
            ModelType = deit ? "deit" : "vit",
            HiddenSize = config.Width,
            NumHiddenLayers = config.Depth,
            NumAttentionHeads = config.Heads,
            IntermediateSize = config.MlpWidth,
            HiddenAct = LibraryConfig.TransformersActivation(config.Activation),
            LayerNormEps = config.NormEpsilon,
            ImageSize = config.ImageSize,
            PatchSize = config.PatchSize,
            NumChannels = 3,
            EncoderStride = config.PatchSize,
            QkvBias = config.QkvBias,
            Id2Label = names
                .Select((name, i) => (i, name))
                .ToDictionary(n => n.i.ToString(CultureInfo.InvariantCulture), n => n.name),
            // Two classes of ImageNet have one name.
            Label2Id = names.Select((name, i) => (i, name)).DistinctBy(n => n.name).ToDictionary(n => n.name, n => n.i),
        };
    }

    static TransformersProcessorJson Processor(Preprocessing preprocessing)
    {
        int size = preprocessing.ImageSize;
        int resized = preprocessing.ResizedSide;
        bool crop = resized != size;
        return new()
        {
            // CLIP's resizes the shorter side; ViT's and DeiT's both, DeiT's with a crop.
            ImageProcessorType =
                !preprocessing.Squash ? "CLIPImageProcessor"
                : crop ? "DeiTImageProcessor"
                : "ViTImageProcessor",
            Size = preprocessing.Squash ? new SquareJson(resized, resized) : new EdgeJson(resized),
            Resample = preprocessing.Interpolation == Interpolation.Bicubic ? 3 : 2,
            DoCenterCrop = crop || !preprocessing.Squash ? true : null,
            CropSize = crop || !preprocessing.Squash ? new SquareJson(size, size) : null,
            // What a processor has no setting for stays unsaid.
            DoConvertRgb = preprocessing.Squash && crop ? null : true,
            ImageMean = preprocessing.Mean.ToArray(),
            ImageStd = preprocessing.Std.ToArray(),
        };
    }

    static TimmConfigJson Timm(VitConfig config, Preprocessing preprocessing, LabelSet? labels) =>
        new()
        {
            Architecture = config.IsPlain ? LibraryConfig.TimmArchitecture(config) : "",
            NumClasses = config.Classes,
            NumFeatures = config.Width,
            GlobalPool = TimmPooling(config.Pooling),
            LabelNames = labels is { HasNames: true }
                ? [.. Enumerable.Range(0, labels.Count).Select(i => labels[i].Name)]
                : null,
            ModelArgs = new()
            {
                ImgSize = config.ImageSize,
                PatchSize = config.PatchSize,
                EmbedDim = config.Width,
                Depth = config.Depth,
                NumHeads = config.Heads,
                MlpRatio = LibraryConfig.TimmMlpRatio(config),
                // The one beside model_args is for people: timm does not read it.
                GlobalPool = TimmPooling(config.Pooling),
                QkvBias = config.QkvBias,
                InitValues = config.LayerScale ? 1e-5 : null,
                ClassToken = config.ClassToken,
                RegTokens = config.Registers,
                NoEmbedClass = !config.PrefixPositions,
                PreNorm = config.PreNorm,
                FcNorm = config.NormAfterPooling,
                ActLayer = LibraryConfig.TimmActivation(config.Activation),
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

    static string TimmPooling(VitPooling pooling) => pooling == VitPooling.ClassToken ? "token" : "avg";

    // timm takes the last of the folder's checkpoints, not the one of this name; whoever reads timm's folders with
    // Retouch would take another's transform.
    static void RefuseOthers(NamingScheme scheme, string folder)
    {
        string[] kinds = [".safetensors", ".pth", ".pth.tar", ".bin"];
        if (scheme.Name != NamingSchemes.Timm.Name || !Directory.Exists(folder))
            return;
        string? other = Directory
            .EnumerateFiles(folder)
            .Select(f => Path.GetFileName(f))
            .Order(StringComparer.Ordinal)
            .FirstOrDefault(f =>
                f != WeightsName && kinds.Any(k => f.EndsWith(k, StringComparison.Ordinal)) || f == ProcessorName
            );
        if (other is not null)
        {
            throw BadInput.Exists(
                folder,
                $"{folder} holds {other}, which would be read in the place of what is exported; give an empty folder."
            );
        }
    }

    static byte[] Text(JsonNode config) =>
        [.. Encoding.UTF8.GetBytes(config.ToJsonString(ExportJson.Default.Options)), (byte)'\n'];

    static byte[] Json<T>(T value, JsonTypeInfo<T> type) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(value, type), (byte)'\n'];

    static void CreateFolder(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw BadInput.Inaccessible(path, $"The folder {path} cannot be made: {SystemMessage.Of(e)}.", cause: e);
        }
    }
}
