using System.Text.Json;
using System.Text.Json.Nodes;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// timm's config.json. What the model was built from may stand in <c>model_args</c>, at the top level or in
/// <c>pretrained_cfg</c>; two places that contradict each other are refused, and so is what would make another model
/// of the same tensors.
/// </summary>
static class TimmConfig
{
    // Arguments of timm's VisionTransformer that tensors show, that are read below, or that matter in training alone.
    static readonly HashSet<string> Arguments =
    [
        "img_size",
        "patch_size",
        "in_chans",
        "num_classes",
        "global_pool",
        "embed_dim",
        "depth",
        "num_heads",
        "mlp_ratio",
        "qkv_bias",
        "qk_norm",
        "scale_attn_norm",
        "scale_mlp_norm",
        "proj_bias",
        "init_values",
        "class_token",
        "pos_embed",
        "no_embed_class",
        "reg_tokens",
        "pre_norm",
        "final_norm",
        "fc_norm",
        "pool_include_prefix",
        "dynamic_img_size",
        "dynamic_img_pad",
        "strict_img_size",
        "drop_rate",
        "pos_drop_rate",
        "patch_drop_rate",
        "proj_drop_rate",
        "attn_drop_rate",
        "drop_path_rate",
        "drop_block_rate",
        "weight_init",
        "fix_init",
        "embed_layer",
        "embed_norm_layer",
        "norm_layer",
        "act_layer",
        "block_fn",
        "mlp_layer",
        "attn_layer",
        "representation_size",
        "hybrid_backbone",
        "distilled",
        "device",
        "dtype",
        "pretrained",
        "checkpoint_path",
    ];

    // What describes weights, labels or images, or other programs.
    static readonly HashSet<string> Descriptions =
    [
        "architecture",
        "architectures",
        "num_features",
        "label_names",
        "label_descriptions",
        "labels",
        "label_offset",
        "model_args",
        "pretrained_cfg",
        "model_type",
        "id2label",
        "label2id",
        "num_labels",
        "library_name",
        "license",
        "tags",
        "tag",
        "transformers_version",
        "torch_dtype",
        "do_pooling",
        "initializer_range",
        "problem_type",
        "url",
        "file",
        "state_dict",
        "hf_hub_id",
        "hf_hub_filename",
        "source",
        "custom_load",
        "input_size",
        "test_input_size",
        "min_input_size",
        "fixed_input_size",
        "interpolation",
        "crop_pct",
        "test_crop_pct",
        "crop_mode",
        "mean",
        "std",
        "pool_size",
        "test_pool_size",
        "first_conv",
        "classifier",
        "description",
        "origin_url",
        "paper_name",
        "paper_ids",
        "notes",
    ];

    static readonly string[] Transform = ["input_size", "mean", "std", "crop_pct", "crop_mode", "interpolation"];

    // Texts that mean the module which a plain ViT has.
    static readonly Dictionary<string, string[]> PlainModules = new()
    {
        ["norm_layer"] = ["layernorm", "layernormfp32"],
        ["block_fn"] = ["block"],
        ["mlp_layer"] = ["mlp"],
        ["attn_layer"] = ["attention", "attn"],
        ["embed_layer"] = ["patchembed"],
        ["pos_embed"] = ["learn"],
        ["embed_norm_layer"] = [],
        ["hybrid_backbone"] = [],
    };

    /// <summary>The card with what the config says.</summary>
    /// <exception cref="BadInputException">It states what Retouch does not compute, or contradicts itself.</exception>
    public static ModelCard Read(ModelCard card, ConfigObject root, ModelOutline model)
    {
        ConfigObject settings = root.Within("pretrained_cfg") ?? root;
        ConfigObject? args = root.Within("model_args");
        string name = root.Text("architecture") ?? settings.Text("architecture") ?? "";
        ConfigObject[] places =
        [
            .. new[] { args, root, settings }.OfType<ConfigObject>().DistinctBy(p => p.Root.GetRawText()),
        ];
        ConfigObject built = args ?? root;
        if (
            card.OfAnother([
                (root, "num_features", "width", model.Width),
                (built, "embed_dim", "width", model.Width),
                (built, "depth", "depth", model.Depth),
                (built, "patch_size", "patch size", model.PatchSize),
            ])
            is ModelCard other
        )
            return other;
        TimmArchitecture? known = TimmArchitectures.Find(name);
        bool widthStated = args?.Has("embed_dim") == true || root.Has("num_features");
        if (known is not null && model.Width is int width && width != known.Width && !widthStated)
            return card.Foreign(
                $"{root.Path} is of a {UserText.Quote(name)}, whose width is {known.Width}, not "
                    + $"{width}, and was passed over"
            );
        if (TimmArchitectures.Refusal(name) is string why)
            throw root.Bad($"its architecture, {UserText.Quote(name)}, is {why}; this architecture is not supported");
        string[] unknown = [.. places.SelectMany(p => p.Names).Distinct().Except(Arguments).Except(Descriptions)];
        if (args?.Names.FirstOrDefault(unknown.Contains) is string argument)
            throw root.Bad(
                $"its model_args set {UserText.Quote(argument)}, which Retouch does not know and which may "
                    + "change the model"
            );
        VitPooling? pooling = Pooling(root, places) ?? known?.Pooling;
        foreach (ConfigObject place in places)
            CheckModules(place, pooling);
        bool plainNorm = Stated(root, places, "norm_layer") is not null;
        // timm takes the heads of the name where no argument says otherwise; they are not those of another width.
        bool meant = known is not null && (known.Width == model.Width || args?.Has("embed_dim") == true);
        card = card with
        {
            Traits = new VitTraits
            {
                Heads = Stated(root, places, "num_heads")?.Count("num_heads") ?? (meant ? known!.Heads : null),
                NormEpsilon = plainNorm ? 1e-6 : known?.NormEpsilon,
                Activation = Stated(root, places, "act_layer") is ConfigObject acting
                    ? ConfigActivations.Read(acting, "act_layer")
                    : known?.Activation,
                Pooling = pooling,
            },
            ImageSize = Stated(root, places, "img_size")?.Side("img_size") ?? card.ImageSize,
            SquareImages = known is not null,
            Labels = Labels(root, model.Classes) ?? card.Labels,
        };
        if (Transform.Any(settings.Has))
            card = card with { Preprocessing = Preprocessing(settings), PreprocessingSource = root.Path };
        if (name.Length > 0 && known is null)
            card = card.Noting(
                $"{root.Path} names the architecture {UserText.Quote(name)}, which is none of timm's "
                    + "plain ViTs that Retouch knows; the model was opened by its tensors and by what that file states "
                    + "besides"
            );
        if (
            (root.Number("num_classes") ?? args?.Number("num_classes")) is double classes
            && model.Classes is int own
            && classes != own
        )
            card = card.Noting($"{root.Path} states {classes} classes, but the model has {own}");
        return card.NotingUnknown(root.Path, unknown);
    }

    static VitPooling? Pooling(ConfigObject root, ConfigObject[] places) =>
        Stated(root, places, "global_pool")?.Text("global_pool") switch
        {
            null => null,
            "token" => VitPooling.ClassToken,
            "avg" => VitPooling.Average,
            string pool => throw root.Bad(
                $"its global_pool is {UserText.Quote(pool)}; Retouch reads the [CLS] token "
                    + "(token) or the average of the patches (avg)"
            ),
        };

    static void CheckModules(ConfigObject place, VitPooling? pooling)
    {
        foreach ((string setting, string[] plain) in PlainModules)
        {
            if (
                place.Find(setting) is { ValueKind: not JsonValueKind.False } value
                && !(value.ValueKind == JsonValueKind.String && plain.Contains(Flattened(value.GetString()!)))
            )
                throw place.Bad(
                    $"its {setting} is {place.Shown(setting)}, which is not a plain ViT's; this "
                        + "architecture is not supported"
                );
        }
        if (place.Flag("final_norm") == false)
            throw place.Bad("its final_norm is false: a ViT without a final norm is not supported");
        if (place.Flag("pool_include_prefix") == true && pooling != VitPooling.ClassToken)
            throw place.Bad(
                "its pool_include_prefix is true: Retouch averages the patches alone, without the tokens "
                    + "in front of them"
            );
        if (place.Flag("distilled") == true)
            throw place.Bad(
                "its distilled is true: a distilled DeiT, whose logits are the mean of two heads, is not " + "supported"
            );
        if (place.Find("representation_size") is { ValueKind: JsonValueKind.Number } size && size.GetDouble() != 0)
            throw place.Bad(
                "its representation_size is set: a ViT with a representation layer before its classifier "
                    + "is not supported"
            );
        if (place.Number("in_chans") is double channels && channels != 3)
            throw place.Bad($"its in_chans is {channels}; Retouch opens models of images with 3 channels");
        place.Side("patch_size");
        place.Side("img_size");
    }

    // As timm compares the names of modules.
    static string Flattened(string name) => name.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();

    // The place that states a setting; all that do must agree.
    static ConfigObject? Stated(ConfigObject root, IEnumerable<ConfigObject> places, string setting)
    {
        ConfigObject[] stating = [.. places.Where(p => p.Has(setting))];
        string[] values = [.. stating.Select(s => s.Shown(setting)).Distinct()];
        return values.Length > 1
                ? throw root.Bad($"it states its {setting} twice, as " + $"{string.Join(" and as ", values)}")
            : stating.Length == 0 ? null
            : stating[0];
    }

    // What timm takes for what is left out.
    static Preprocessing Preprocessing(ConfigObject settings)
    {
        JsonObject whole = new()
        {
            ["input_size"] = new JsonArray(3, 224, 224),
            ["interpolation"] = "bicubic",
            ["crop_pct"] = 0.875,
            ["mean"] = new JsonArray(0.485, 0.456, 0.406),
            ["std"] = new JsonArray(0.229, 0.224, 0.225),
        };
        foreach (string setting in Transform.Where(settings.Has))
            whole[setting] = JsonNode.Parse(settings.Find(setting)!.Value.GetRawText());
        return Images.Preprocessing.FromJson(whole.ToJsonString(), settings.Path);
    }

    static LabelSet? Labels(ConfigObject root, int? classes)
    {
        if (
            root.Find("label_names") is not { ValueKind: JsonValueKind.Array } names
            || names.GetArrayLength() == 0
            || names.EnumerateArray().Any(n => n.ValueKind != JsonValueKind.String)
        )
            return null;
        ConfigObject? described = root.Within("label_descriptions");
        // timm's label_names are WordNet ids where its label_descriptions are the names.
        Label[] labels =
        [
            .. names
                .EnumerateArray()
                .Select(n => n.GetString()!)
                .Select(
                    (n, index) => new Label(index, ClassResolver.IsWordNetId(n) ? n : null, described?.Text(n) ?? n)
                ),
        ];
        if (labels.Any(l => string.IsNullOrWhiteSpace(l.Name)))
            throw root.Bad("one of its label_names is blank");
        return classes is int count && labels.Length != count
            ? throw root.Bad($"its label_names are {labels.Length}, but the model has {count} classes")
            : LabelSet.FromLabels(labels);
    }
}
