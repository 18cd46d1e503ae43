using System.Text.Json;
using System.Text.RegularExpressions;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>What timm's or transformers' config.json and preprocessor_config.json beside a model say of it. Immutable.</summary>
sealed partial record ModelCard
{
    const int LongestConfig = 64 << 20;

    /// <summary>What no tensor shows.</summary>
    public VitTraits Traits { get; private init; } = new();

    /// <summary>The transform, or null where none is stated.</summary>
    public Preprocessing? Preprocessing { get; private init; }

    /// <summary>The file that states it.</summary>
    public string? PreprocessingSource { get; private init; }

    /// <summary>The classes' names, or null.</summary>
    public LabelSet? Labels { get; private init; }

    /// <summary>What was passed over, and why.</summary>
    public IReadOnlyList<string> Notes { get; private init; } = [];

    /// <summary>Reads the files beside a model.</summary>
    /// <param name="modelPath">The model's file.</param>
    /// <param name="head">The shape of its classifier, [C,D], by which a config of another model is told; null if it has none.</param>
    /// <exception cref="BadInputException">A file states something that cannot be used.</exception>
    public static ModelCard Beside(string modelPath, long[]? head)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!, config = Path.Combine(folder, "config.json"), processor = Path.Combine(folder, "preprocessor_config.json");
        ModelCard card = new();
        bool foreign = false;
        if (File.Exists(config))
            (card, foreign) = Parse(config, root => card.WithConfig(root, config, head));
        if (!foreign && File.Exists(processor))
            (card, _) = Parse(processor, root => (card.WithProcessor(root, processor), false));
        return card;
    }

    static (ModelCard, bool) Parse(string path, Func<JsonElement, (ModelCard, bool)> read)
    {
        ReadOnlyMemory<byte> json = InputFile.ReadJson(path, LongestConfig);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object ? read(document.RootElement) : throw Bad(path, "it is no JSON object");
        }
        catch (JsonException e)
        {
            throw new BadInputException($"{path}, beside the model, is not valid JSON ({JsonPlace.Describe(e, json.Span)}); mend it or take it away.", e);
        }
        // The document's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw new BadInputException($"{path}, beside the model, is not valid JSON: it holds a text that is not valid Unicode; mend it or take it away.", e);
        }
    }

    (ModelCard, bool) WithConfig(JsonElement root, string path, long[]? head)
    {
        bool timm = Has(root, "pretrained_cfg") || Has(root, "architecture");
        if (!timm && !Has(root, "model_type") && !Has(root, "hidden_size"))
            return (this with { Notes = [.. Notes, $"{path} is neither timm's nor transformers' config and was passed over"] }, true);
        if (Number(root, timm ? "num_features" : "hidden_size", path) is double width && head is [_, long own] && width != own)
            return (this with { Notes = [.. Notes, $"{path} is of a model of width {width}, not {own}, and was passed over"] }, true);
        return (timm ? WithTimm(root, path, head) : WithTransformers(root, path, head), false);
    }

    ModelCard WithTimm(JsonElement root, string path, long[]? head)
    {
        string architecture = Text(root, "architecture") ?? "";
        JsonElement settings = Has(root, "pretrained_cfg") ? root.GetProperty("pretrained_cfg") : root;
        JsonElement? args = root.TryGetProperty("model_args", out JsonElement given) && given.ValueKind == JsonValueKind.Object ? given : null;
        bool stated = settings.ValueKind == JsonValueKind.Object && Has(settings, "input_size") && Has(settings, "mean");
        return this with
        {
            Traits = new VitTraits
            {
                Heads = (int?)(args is null ? null : Number(args.Value, "num_heads", path)),
                // timm's CLIP towers, by their definitions in its vision_transformer.py.
                NormEpsilon = architecture.Contains("_clip_", StringComparison.Ordinal) ? 1e-5 : null,
                Activation = (args is null ? null : Text(args.Value, "act_layer")) is string act ? Activation(act, path)
                    : architecture.Contains("quickgelu", StringComparison.Ordinal) ? VitActivation.QuickGelu : null,
                Pooling = Text(root, "global_pool") switch { "token" => VitPooling.ClassToken, "avg" => VitPooling.Average, _ => null },
            },
            Preprocessing = stated ? Images.Preprocessing.FromJson(settings.GetRawText(), path) : Preprocessing,
            PreprocessingSource = stated ? path : PreprocessingSource,
            Labels = TimmLabels(root, path, head) ?? Labels,
        };
    }

    ModelCard WithTransformers(JsonElement root, string path, long[]? head) => this with
    {
        Traits = new VitTraits
        {
            Heads = (int?)Number(root, "num_attention_heads", path),
            NormEpsilon = Number(root, "layer_norm_eps", path),
            Activation = Text(root, "hidden_act") is string act ? Activation(act, path) : null,
        },
        Labels = TransformersLabels(root, path, head) ?? Labels,
    };

    ModelCard WithProcessor(JsonElement root, string path)
    {
        if (!Has(root, "image_mean") || !Has(root, "size"))
            return this with { Notes = [.. Notes, $"{path} states no transform of images and was passed over"] };
        if (Flag(root, "do_resize") == false || Flag(root, "do_normalize") == false || Flag(root, "do_rescale") == false)
            throw Bad(path, "it turns off the resize, the rescaling or the normalization, which Retouch always does");
        if (Number(root, "rescale_factor", path) is double factor && Math.Abs(factor * 255 - 1) > 1e-6)
            throw Bad(path, $"it rescales by {factor}, not 1/255");
        string type = Text(root, "image_processor_type") ?? Text(root, "feature_extractor_type") ?? "";
        JsonElement size = root.GetProperty("size");
        double? crop = Flag(root, "do_center_crop") == true && root.TryGetProperty("crop_size", out JsonElement cropped) ? Side(cropped, path, "crop_size", out _) : null;
        double resized = Side(size, path, "size", out bool squash);
        if (size.ValueKind == JsonValueKind.Number)
            squash = !type.StartsWith("CLIP", StringComparison.Ordinal);
        double image = crop ?? resized;
        double fraction = image / resized;
        // The transform's floor must come back to what is stated.
        while (Math.Floor(image / fraction) < resized)
            fraction = Math.BitDecrement(fraction);
        try
        {
            return this with
            {
                Preprocessing = new Preprocessing((int)image, fraction, Resample(root, path), Channels(root, "image_mean", path), Channels(root, "image_std", path)) { Squash = squash },
                PreprocessingSource = path,
            };
        }
        catch (BadInputException e) when (!e.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new BadInputException($"{path}: {e.Message}", e);
        }
    }

    static Interpolation Resample(JsonElement root, string path) => Number(root, "resample", path) switch
    {
        null or 2 => Interpolation.Bilinear,
        3 => Interpolation.Bicubic,
        double other => throw Bad(path, $"its resample is {other}; Retouch resizes bilinearly (2) or bicubically (3)"),
    };

    static double Side(JsonElement size, string path, string name, out bool squash)
    {
        squash = false;
        if (size.ValueKind == JsonValueKind.Number && size.TryGetDouble(out double side) && side is >= 1 and <= 8192)
            return side;
        if (size.ValueKind == JsonValueKind.Object)
        {
            if (Number(size, "shortest_edge", path) is double edge and >= 1 and <= 8192 && !Has(size, "longest_edge"))
                return edge;
            squash = true;
            if (Number(size, "height", path) is double height and >= 1 and <= 8192 && Number(size, "width", path) == height)
                return height;
        }
        throw Bad(path, $"its {name} is not a square's side from 1 to 8192 pixels");
    }

    static ChannelValues Channels(JsonElement root, string name, string path)
    {
        if (root.TryGetProperty(name, out JsonElement list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() == 3 && list.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number))
        {
            double[] values = [.. list.EnumerateArray().Select(v => v.GetDouble())];
            return new ChannelValues(values[0], values[1], values[2]);
        }
        throw Bad(path, $"its {name} is not three numbers");
    }

    static VitActivation Activation(string name, string path) => name switch
    {
        "gelu" => VitActivation.Gelu,
        "quick_gelu" => VitActivation.QuickGelu,
        "gelu_tanh" or "gelu_new" or "gelu_fast" or "gelu_pytorch_tanh" => VitActivation.GeluTanh,
        _ => throw Bad(path, $"its activation is {UserText.Quote(name)}; Retouch knows gelu, quick_gelu and gelu_tanh"),
    };

    static LabelSet? TransformersLabels(JsonElement root, string path, long[]? head)
    {
        if (!root.TryGetProperty("id2label", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
            return null;
        // transformers' stand-ins for names.
        if (map.EnumerateObject().All(m => m.Value.ValueKind == JsonValueKind.String && StandIn().IsMatch(m.Value.GetString()!)))
            return null;
        LabelSet labels = LabelSet.Load(path);
        return head is [long classes, ..] && labels.Count != classes ? throw Bad(path, $"its id2label names {labels.Count} classes, but the model has {classes}") : labels;
    }

    static LabelSet? TimmLabels(JsonElement root, string path, long[]? head)
    {
        if (!root.TryGetProperty("label_names", out JsonElement names) || names.ValueKind != JsonValueKind.Array || names.GetArrayLength() == 0 || names.EnumerateArray().Any(n => n.ValueKind != JsonValueKind.String))
            return null;
        JsonElement? described = root.TryGetProperty("label_descriptions", out JsonElement d) && d.ValueKind == JsonValueKind.Object ? d : null;
        string[] texts = [.. names.EnumerateArray().Select(n => n.GetString()!).Select(n => (described is null ? null : Text(described.Value, n)) ?? n)];
        if (texts.Any(string.IsNullOrWhiteSpace))
            throw Bad(path, "one of its label_names is blank");
        return head is [long classes, ..] && texts.Length != classes ? throw Bad(path, $"its label_names are {texts.Length}, but the model has {classes} classes") : LabelSet.FromNames(texts);
    }

    static bool Has(JsonElement root, string name) => root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    static string? Text(JsonElement root, string name) => root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    static bool? Flag(JsonElement root, string name) => root.TryGetProperty(name, out JsonElement value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : null;

    static double? Number(JsonElement root, string name, string path) => !Has(root, name) ? null
        : root.GetProperty(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out double number) && Math.Abs(number) < 1e9 ? number
        : throw Bad(path, $"its {name} is not a number that could be meant");

    static BadInputException Bad(string path, string why) => new($"{path}, beside the model, cannot be used: {why}.");

    [GeneratedRegex("^LABEL_[0-9]+$", RegexOptions.CultureInvariant)]
    private static partial Regex StandIn();
}
