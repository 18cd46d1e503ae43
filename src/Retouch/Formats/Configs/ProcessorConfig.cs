using System.Collections.Frozen;
using System.Text.Json;
using Retouch.Images;

namespace Retouch.Formats;

/// <summary>
/// transformers' preprocessor_config.json: of the processors whose steps are a resize, a crop and a normalization. What
/// a file leaves out is what the processor takes for it.
/// </summary>
static class ProcessorConfig
{
    const int UsualCrop = 224;

    static readonly FrozenDictionary<string, ProcessorDefaults> Processors = new Dictionary<string, ProcessorDefaults>
    {
        // A file without a type is from the time when there were few.
        [""] = new(Squash: true, Crop: false, Resample: 2),
        ["ViT"] = new(Squash: true, Crop: false, Resample: 2),
        ["DeiT"] = new(Squash: true, Crop: true, Resample: 3),
        ["Beit"] = new(Squash: true, Crop: true, Resample: 3),
        ["Siglip"] = new(Squash: true, Crop: false, Resample: 3),
        ["CLIP"] = new(Squash: false, Crop: true, Resample: 3),
        ["Bit"] = new(Squash: false, Crop: true, Resample: 3),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    static readonly string[] Suffixes =
    [
        "ImageProcessorFast",
        "ImageProcessorPil",
        "ImageProcessor",
        "FeatureExtractor",
    ];

    // Parts of the names of steps, and of their sizes, shares and colours.
    static readonly string[] Steps =
    [
        "crop",
        "size",
        "edge",
        "pad",
        "offset",
        "mean",
        "std",
        "resample",
        "interpolation",
        "antialias",
        "scale",
        "channel",
        "top",
        "flip",
        "patch",
    ];

    // Settings that are read below, or that change no pixel that a model sees.
    static readonly HashSet<string> Passed =
    [
        "image_processor_type",
        "feature_extractor_type",
        "processor_class",
        "auto_map",
        "do_resize",
        "size",
        "resample",
        "do_center_crop",
        "crop_size",
        "do_rescale",
        "rescale_factor",
        "do_normalize",
        "image_mean",
        "image_std",
        "default_to_square",
        "do_convert_rgb",
        "do_reduce_labels",
        "reduce_labels",
        "return_tensors",
        "data_format",
        "input_data_format",
        "device",
        "disable_grouping",
        "pad_size",
        "num_channels",
        "image_seq_length",
        "_valid_processor_keys",
        "_processor_class",
        "_name_or_path",
        "transformers_version",
        "_commit_hash",
    ];

    /// <summary>The card with what the config says.</summary>
    /// <exception cref="BadInputException">It states a step that Retouch does not do, or no square's size.</exception>
    public static ModelCard Read(ModelCard card, ConfigObject root)
    {
        string stated = root.Text("image_processor_type") ?? root.Text("feature_extractor_type") ?? "";
        // timm's wrapper in transformers: config.json has the transform.
        if (stated.StartsWith("TimmWrapper", StringComparison.Ordinal))
            return card;
        if (!root.Has("image_mean") || !root.Has("size"))
            return card.Noting($"{root.Path} states no transform of images and was passed over");
        string suffix = Suffixes.FirstOrDefault(s => stated.EndsWith(s, StringComparison.Ordinal)) ?? "";
        if (!Processors.TryGetValue(stated[..^suffix.Length], out ProcessorDefaults? usual))
            throw root.Bad(
                $"it is of a {UserText.Quote(stated)}, whose transform Retouch does not know; it knows "
                    + "those of "
                    + string.Join(", ", Processors.Keys.Where(k => k.Length > 0).Order(StringComparer.Ordinal))
            );
        if (root.Flag("do_resize") == false || root.Flag("do_normalize") == false || root.Flag("do_rescale") == false)
            throw root.Bad("it turns off the resize, the rescaling or the normalization, which Retouch always does");
        if (root.Number("rescale_factor") is double factor && Math.Abs(factor * 255 - 1) > 1e-6)
            throw root.Bad($"it rescales by {factor}, not 1/255");
        // A step that is turned off, or a number that is not there, changes nothing.
        string[] unknown =
        [
            .. root.Names.Where(n => !Passed.Contains(n) && root.Find(n) is not { ValueKind: JsonValueKind.False }),
        ];
        if (unknown.FirstOrDefault(Changes) is string step)
            throw root.Bad(
                $"its {step} is {root.Shown(step)}: Retouch resizes, crops and normalizes, and knows no " + "such step"
            );
        bool cropping = root.Flag("do_center_crop") ?? usual.Crop;
        (double resized, bool squash) = Size(root, "size", root.Flag("default_to_square") ?? usual.Squash);
        if (!squash && !cropping)
            throw root.Bad(
                "its size is that of the shortest_edge and nothing is cropped: the images would not be " + "squares"
            );
        double image =
            !cropping ? resized
            : root.Has("crop_size") ? Size(root, "crop_size", squared: true).Side
            : UsualCrop;
        double fraction = image / resized;
        // The transform's floor must come back to what is stated.
        while (Math.Floor(image / fraction) < resized)
            fraction = Math.BitDecrement(fraction);
        try
        {
            card = card with
            {
                Preprocessing = new Preprocessing(
                    (int)image,
                    fraction,
                    Resample(root, usual),
                    Channels(root, "image_mean"),
                    Channels(root, "image_std")
                )
                {
                    Squash = squash,
                },
                PreprocessingSource = root.Path,
            };
        }
        catch (BadInputException e) when (e.Subject != root.Path)
        {
            throw e.At(root.Path);
        }
        return card.NotingUnknown(root.Path, unknown);
    }

    static bool Changes(string name) =>
        name.StartsWith("do_", StringComparison.Ordinal)
        || Steps.Any(step => name.Contains(step, StringComparison.OrdinalIgnoreCase));

    static Interpolation Resample(ConfigObject root, ProcessorDefaults usual) =>
        (root.Number("resample") ?? usual.Resample) switch
        {
            2 => Interpolation.Bilinear,
            3 => Interpolation.Bicubic,
            double other => throw root.Bad(
                $"its resample is {other}; Retouch resizes bilinearly (2) or bicubically (3)"
            ),
        };

    /// <summary>A side in pixels, and whether both sides become as long or the shorter one alone.</summary>
    static (double Side, bool Squash) Size(ConfigObject root, string name, bool squared)
    {
        JsonElement size = root.Find(name)!.Value;
        switch (size.ValueKind)
        {
            case JsonValueKind.Number when root.Number(name) is double side && Fits(side):
                return (side, squared);
            case JsonValueKind.Array when root.Side(name) is int side && size.GetArrayLength() == 2 && Fits(side):
                return (side, true);
            case JsonValueKind.Object:
                ConfigObject within = new(size, root.Path);
                string[] sides = [.. within.Names.Order(StringComparer.Ordinal)];
                bool shortest = sides is ["shortest_edge"] && name == "size";
                if (shortest && within.Number("shortest_edge") is double edge && Fits(edge))
                    return (edge, false);
                if (
                    sides is ["height", "width"]
                    && within.Number("height") is double height
                    && Fits(height)
                    && within.Number("width") == height
                )
                    return (height, true);
                if (!shortest && sides.Except(["height", "width"]).FirstOrDefault() is string other)
                    throw root.Bad(
                        $"its {name} is stated by {other}, which Retouch does not know; it knows a square's "
                            + "height and width, and the shortest_edge alone"
                    );
                break;
        }
        throw root.Bad($"its {name} is not a square's side from 1 to 8192 pixels");
    }

    static bool Fits(double side) => side is >= 1 and <= 8192 && side % 1 == 0;

    static ChannelValues Channels(ConfigObject root, string name)
    {
        double[] values = root.Find(name) switch
        {
            { ValueKind: JsonValueKind.Number } => [.. Enumerable.Repeat(root.Number(name)!.Value, 3)],
            { ValueKind: JsonValueKind.Array } list
                when list.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number) =>
            [
                .. list.EnumerateArray().Select(v => v.GetDouble()),
            ],
            _ => [],
        };
        return values is [double red, double green, double blue]
            ? new ChannelValues(red, green, blue)
            : throw root.Bad($"its {name} is not one number or three");
    }
}
