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
        .. EvaArguments,
    ];

    // Arguments of timm's BEiT and Swin, which have relative positions.
    static readonly string[] RelativeArguments =
    [
        "use_rel_pos_bias",
        "use_shared_rel_pos_bias",
        "depths",
        "window_size",
        "head_dim",
        "always_partition",
    ];

    // Arguments of timm's Eva alone.
    static string[] EvaArguments =>
        [
            "qkv_fused",
            "swiglu_mlp",
            "swiglu_align_to",
            "scale_mlp",
            "scale_attn_inner",
            "attn_type",
            "num_reg_tokens",
            "use_abs_pos_emb",
            "use_rot_pos_emb",
            "rope_type",
            "rope_grid_offset",
            "rope_grid_indexing",
            "rope_temperature",
            "rope_rotate_half",
            "use_post_norm",
            "use_pre_transformer_norm",
            "use_post_transformer_norm",
            "use_fc_norm",
            "attn_pool_num_heads",
            "attn_pool_mlp_ratio",
            "ref_feat_shape",
            "head_init_scale",
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
        ["pos_embed"] = ["learn", "none", ""],
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
                (root, "num_features", "width", model.Features),
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
        if (model.Relative)
            unknown = [.. unknown.Except(RelativeArguments)];
        if (args?.Names.FirstOrDefault(unknown.Contains) is string argument)
            throw root.Bad(
                $"its model_args set {UserText.Quote(argument)}, which Retouch does not know and which may "
                    + "change the model"
            );
        bool eva = known?.IsEva ?? places.Any(p => EvaArguments.Any(p.Has));
        VitPooling? pooling =
            Pooling(root, places, eva) ?? known?.Pooling ?? (args is null ? null : Default(root, places, eva));
        foreach (ConfigObject place in places)
            CheckModules(place);
        if (LastNorm(root, places) == false && model.LastNorm)
            throw root.Bad("its final_norm is false, but the model has a norm after its last block");
        if (pooling is VitPooling.Attention or VitPooling.AttentionOverAll && !model.PoolsByAttention)
            throw root.Bad("its global_pool is map, but the model has no attn_pool.latent");
        // timm takes what is the name's where no argument says otherwise; it is not that of another width.
        bool meant = known is not null && (known.Width == model.Width || args?.Has("embed_dim") == true);
        bool plainNorm = Stated(root, places, "norm_layer") is not null;
        card = card with
        {
            Traits = new VitTraits
            {
                Heads = Heads(root, places) ?? (meant && known!.Heads > 0 ? known.Heads : null),
                NormEpsilon = plainNorm ? 1e-6 : known?.NormEpsilon,
                Activation = Activation(root, places, known, model.Gated, eva),
                Pooling = pooling,
                PostNorm = Flag(root, places, "use_post_norm") ?? known?.PostNorm,
                Rope = TimmRope.Read(Stating, known, eva || args is not null),
                PoolHeads =
                    Stated(root, places, "attn_pool_num_heads")?.Count("attn_pool_num_heads") ?? known?.PoolHeads,
                LastNorm = LastNorm(root, places) ?? known?.LastNorm,
            },
            ImageSize = Stated(root, places, "img_size")?.Side("img_size") ?? card.ImageSize,
            SquareImages = known is not null,
            Labels = Labels(root, model.Classes) ?? card.Labels,
        };
        RequireTensors(root, Stating, known, meant, model);
        if (Transform.Any(settings.Has))
            card = card with { Preprocessing = Preprocessing(settings), PreprocessingSource = root.Path };
        if (name.Length > 0 && known is null)
            card = card.Noting(
                $"{root.Path} names the architecture {UserText.Quote(name)}, which is none of timm's "
                    + "plain ViTs that Retouch knows; the model was opened by its tensors and by what that file states "
                    + "besides"
            );
        if (TimmRope.Note(Stating, name, known, card.Traits.Rope) is string note)
            card = card.Noting(note);
        if (
            (root.Number("num_classes") ?? args?.Number("num_classes")) is double classes
            && model.Classes is int own
            && classes != own
        )
            card = card.Noting($"{root.Path} states {classes} classes, but the model has {own}");
        return card.NotingUnknown(root.Path, unknown);

        ConfigObject? Stating(string setting) => Stated(root, places, setting);
    }

    // What is built has tensors of its own, without which a file is cut, not of another architecture.
    static void RequireTensors(
        ConfigObject root,
        Func<string, ConfigObject?> stating,
        TimmArchitecture? known,
        bool meant,
        ModelOutline model
    )
    {
        TimmArchitecture? named = meant ? known : null;
        if ((stating("class_token")?.Flag("class_token") ?? named?.ClassToken) == true && !model.ClassToken)
            throw Lacking(VitNames.ClassToken, "[CLS] token");
        if ((stating("use_abs_pos_emb")?.Flag("use_abs_pos_emb") ?? named?.Positions) == true && !model.Positions)
            throw Lacking(VitNames.Positions, "learned positions");
        double registers =
            stating("num_reg_tokens")?.Number("num_reg_tokens")
            ?? stating("reg_tokens")?.Number("reg_tokens")
            ?? named?.Registers
            ?? 0;
        if (registers > 0 && model.Registers != registers)
            throw Lacking(VitNames.Registers, $"{registers} registers");
        if (model.LacksPatchBias)
            throw Lacking(VitNames.PatchBias, "bias of the patch projection, as all of timm's without a norm after it");

        BadInputException Lacking(string tensor, string what) =>
            root.Bad($"the model that it states has {what}, but the tensor {tensor} is missing or has another size");
    }

    // Of several stages tensors show them.
    static int? Heads(ConfigObject root, ConfigObject[] places) =>
        Stated(root, places, "num_heads") is not ConfigObject stating ? null
        : stating.Find("num_heads") is { ValueKind: JsonValueKind.Array } ? null
        : stating.Count("num_heads");

    static bool? Flag(ConfigObject root, ConfigObject[] places, string setting) =>
        Stated(root, places, setting)?.Flag(setting);

    static bool? LastNorm(ConfigObject root, ConfigObject[] places) =>
        Flag(root, places, "final_norm") == false ? false
        : (Flag(root, places, "use_post_transformer_norm"), Flag(root, places, "use_fc_norm")) == (false, false) ? false
        : null;

    static VitPooling? Pooling(ConfigObject root, ConfigObject[] places, bool eva)
    {
        bool all = eva || Flag(root, places, "pool_include_prefix") == true;
        string? pool = Stated(root, places, "global_pool")?.Text("global_pool");
        bool include = !eva && all;
        return (pool, include) switch
        {
            (null, false) => null,
            (null or "token", _) => VitPooling.ClassToken,
            ("avg", false) => VitPooling.Average,
            ("avg", true) => VitPooling.AverageOfAll,
            ("max", false) => VitPooling.Maximum,
            ("avgmax", false) => VitPooling.AverageAndMaximum,
            ("map", _) => all ? VitPooling.AttentionOverAll : VitPooling.Attention,
            _ => throw root.Bad(
                $"its global_pool is {UserText.Quote(pool!)}{(include ? " with pool_include_prefix" : "")}; it reads "
                    + "the [CLS] token (token), the average or the maximum of the patches (avg, max, avgmax) or what "
                    + "attention pools (map)"
            ),
        };
    }

    // timm's Eva has gates of SiLU, whatever its arguments are; VisionTransformer hands its act_layer, which is GELU
    // unless it is told otherwise, to whichever network it is given.
    static VitActivation? Activation(
        ConfigObject root,
        ConfigObject[] places,
        TimmArchitecture? known,
        bool gated,
        bool eva
    ) =>
        gated && eva ? VitActivation.Silu
        : Stated(root, places, "act_layer") is ConfigObject acting ? ConfigActivations.Read(acting, "act_layer", gated)
        : known?.Activation;

    // What timm's classes read where their arguments leave it out; null where tensors show more.
    static VitPooling? Default(ConfigObject root, ConfigObject[] places, bool eva) =>
        eva ? VitPooling.Average
        : Flag(root, places, "fc_norm") == true ? VitPooling.ClassToken
        : null;

    static void CheckModules(ConfigObject place)
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
        if (place.Flag("always_partition") == true)
            throw place.Bad("its always_partition is true: Retouch cuts no window out of a grid of its size");
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
