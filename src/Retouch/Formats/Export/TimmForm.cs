using System.Globalization;
using System.Text.Json.Nodes;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// How timm builds a model that is no plain ViT: by which of its classes' entry points, with which arguments, and what
/// it then calls the tensors. All that the class can be told is stated, so that nothing rests on the entry point but
/// what JSON cannot say. Immutable.
/// </summary>
sealed class TimmForm
{
    const double Usual = 1e-6;
    const double Larger = 1e-5;

    readonly VitConfig _config;
    readonly TimmClass _class;
    readonly bool _keysBiased;

    TimmForm(VitConfig config, TimmClass kind, bool keysBiased) =>
        (_config, _class, _keysBiased) = (config, kind, keysBiased);

    /// <summary>The entry point.</summary>
    public string Architecture { get; private init; } = "";

    /// <summary>Its arguments, timm's model_args.</summary>
    public JsonObject Arguments { get; } = [];

    /// <summary>What timm calls the classifier: one name, or the two of a distilled model.</summary>
    public JsonNode Classifier =>
        _class == TimmClass.Swin ? "head.fc"
        : _config.Pooling == VitPooling.TwoHeads ? new JsonArray("head", "head_dist")
        : "head";

    /// <summary>What timm calls the projection of patches.</summary>
    public static string FirstConvolution => "patch_embed.proj";

    /// <summary>The form of a model.</summary>
    /// <param name="config">Its architecture.</param>
    /// <param name="keysBiased">Whether keys have a bias that is not zero.</param>
    /// <exception cref="BadInputException">timm's config cannot state it; the message names the setting.</exception>
    public static TimmForm Of(VitConfig config, bool keysBiased)
    {
        TimmClass kind =
            config.Stages.Count > 0 ? TimmClass.Swin
            : config.Block.RelativePositions != RelativePositions.None ? TimmClass.Beit
            : config.Block.Rope is not null
            || config.Pooling == VitPooling.AttentionOverAll
            || (config.LastNorm && config.NormAfterPooling)
                ? TimmClass.Eva
            : TimmClass.VisionTransformer;
        RefuseEverywhere(config);
        TimmForm form = new(config, kind, keysBiased)
        {
            Architecture = kind switch
            {
                TimmClass.Swin => EntryPoint(config, (Larger, "swin_tiny_patch4_window7_224")),
                TimmClass.Beit => EntryPoint(config, (Usual, "beit_base_patch16_224")),
                TimmClass.Eva => EntryPoint(
                    config,
                    (Usual, "eva02_base_patch14_448"),
                    (Larger, "vit_small_patch16_dinov3")
                ),
                _ when config.Block.PostNorm => EntryPoint(config, (Usual, "vit_base_patch16_rpn_224")),
                _ when config.Block.GatedFfn => EntryPoint(config, (Usual, "vit_giant_patch14_reg4_dinov2")),
                _ when config.Pooling == VitPooling.TwoHeads => EntryPoint(
                    config,
                    (Usual, "deit_base_distilled_patch16_224")
                ),
                _ => LibraryConfig.TimmArchitecture(config),
            },
        };
        form.State("img_size", config.ImageSize);
        form.State("patch_size", config.PatchSize);
        switch (kind)
        {
            case TimmClass.Swin:
                form.StateSwin();
                break;
            case TimmClass.Beit:
                form.StateBeit();
                break;
            case TimmClass.Eva:
                form.StateEva();
                break;
            default:
                form.StateVisionTransformer();
                break;
        }
        return form;
    }

    /// <summary>
    /// Whether the bias of keys is left out: by it all scores of a query grow alike, which the softmax does not see.
    /// </summary>
    public bool DropsKeyBias => _keysBiased && _class == TimmClass.Beit;

    /// <summary>timm's tensors for a canonical one.</summary>
    public NamedTensor[] InFile(string canonical)
    {
        if (VitNames.BlockOf(canonical) is not int block)
        {
            return canonical switch
            {
                VitNames.Registers when _config.Pooling == VitPooling.TwoHeads => Whole("dist_token"),
                VitNames.PreNormWeight or VitNames.PreNormBias when _class == TimmClass.Swin => Whole(
                    canonical.Replace("norm_pre.", "patch_embed.norm.", StringComparison.Ordinal)
                ),
                VitNames.HeadWeight or VitNames.HeadBias when _class == TimmClass.Swin => Whole(
                    canonical.Replace("head.", "head.fc.", StringComparison.Ordinal)
                ),
                _ => NamingSchemes.Timm.InFile(canonical),
            };
        }
        string part = canonical[VitNames.Block(block, "").Length..];
        string root = _class == TimmClass.Swin ? Stage(block) : VitNames.Block(block, "");
        if (part.StartsWith("merge.", StringComparison.Ordinal))
            return Whole($"{root[..root.IndexOf("blocks.", StringComparison.Ordinal)]}downsample.{part[6..]}");
        if (_class is TimmClass.Beit or TimmClass.Eva)
        {
            if (part is "ls1.gamma" or "ls2.gamma")
                return Whole($"{root}gamma_{part[2]}");
            if (part == "attn.qkv.bias" && !(_class == TimmClass.Eva && _keysBiased))
                return
                [
                    new(root + "attn.q_bias", 0, TensorLayout.Same),
                    new(root + "attn.v_bias", 2, TensorLayout.Same),
                ];
            if (GatesApart && part is "mlp.fc1.weight" or "mlp.fc1.bias")
                return
                [
                    new(root + part.Replace("fc1", "fc1_g", StringComparison.Ordinal), 0, TensorLayout.Same, Of: 2),
                    new(root + part.Replace("fc1", "fc1_x", StringComparison.Ordinal), 1, TensorLayout.Same, Of: 2),
                ];
        }
        return Whole(root + part);
    }

    bool GatesApart => _config.Block.GatedFfn && (_class == TimmClass.Beit || _config.Block.HiddenNorm);

    static NamedTensor[] Whole(string name) => [new(name, null, TensorLayout.Same)];

    string Stage(int block)
    {
        int first = 0;
        int stage = 0;
        for (; block >= first + _config.Stages[stage].Depth; stage++)
            first += _config.Stages[stage].Depth;
        return string.Create(CultureInfo.InvariantCulture, $"layers.{stage}.blocks.{block - first}.");
    }

    void State(string setting, JsonNode? value) => Arguments[setting] = value;

    void StateSizes(int ratioOf = 1)
    {
        State("embed_dim", _config.Width);
        State("depth", _config.Depth);
        State("num_heads", _config.Heads);
        State("mlp_ratio", LibraryConfig.Ratio(ratioOf * _config.MlpWidth, _config.Width));
        State("qkv_bias", _config.QkvBias);
        State("init_values", _config.LayerScale ? 1e-5 : null);
    }

    void StateVisionTransformer()
    {
        VitBlockForm block = _config.Block;
        bool map = _config.Pooling == VitPooling.Attention;
        if (_config.PatchBias && _config.PreNorm)
            throw Cannot($"a bias of the patch projection ({VitNames.PatchBias}) beside a norm before the first block");
        if (map && (_config.PoolHeads != _config.Heads || block.GatedFfn))
            throw Cannot($"{_config.PoolHeads} heads of attention pooling beside {_config.Heads} of the blocks");
        if (map && _config.PoolMlpWidth != _config.MlpWidth)
            throw Cannot(
                $"{_config.PoolMlpWidth} hidden units of attention pooling beside {_config.MlpWidth} of the blocks, "
                    + "since its mlp_ratio is that of both"
            );
        if (block.PostNorm && (_config.LayerScale || block.GatedFfn || block.MixedNorm))
            throw Cannot("residual post-norm with LayerScale, gates or a norm within attention");
        StateSizes(block.GatedFfn ? 2 : 1);
        if (_config.Pooling != VitPooling.TwoHeads)
            State("global_pool", Pool());
        State("pool_include_prefix", _config.Pooling == VitPooling.AverageOfAll);
        State("class_token", _config.ClassToken);
        State("reg_tokens", _config.Pooling == VitPooling.TwoHeads ? 0 : _config.Registers);
        State("no_embed_class", !_config.PrefixPositions);
        State("pos_embed", _config.Positions ? "learn" : "none");
        State("pre_norm", _config.PreNorm);
        State("final_norm", _config.LastNorm || _config.NormAfterPooling);
        State("fc_norm", _config.NormAfterPooling);
        State("qk_norm", block.QueryKeyNorm);
        State("scale_attn_norm", block.MixedNorm);
        State("scale_mlp_norm", block.HiddenNorm);
        State("act_layer", LibraryConfig.TimmActivation(_config.Activation) ?? "gelu");
    }

    void StateEva()
    {
        VitBlockForm block = _config.Block;
        VitRope? rope = block.Rope;
        RequireClassActivation();
        if (block.QueryKeyNorm)
            throw Cannot("norms of queries and keys beside rotary positions (its class Eva passes no qk_norm on)");
        if (_config.PatchBias == _config.PreNorm)
            throw Cannot(
                $"{(_config.PatchBias ? "a" : "no")} bias of the patch projection ({VitNames.PatchBias}) "
                    + $"{(_config.PreNorm ? "beside a" : "without a")} norm before the first block"
            );
        if (_config.Pooling == VitPooling.Attention)
            throw Cannot("attention pooling of the patches alone beside rotary positions (its class Eva pools all)");
        StateSizes();
        State("global_pool", Pool());
        State("class_token", _config.ClassToken);
        State("num_reg_tokens", _config.Registers);
        State("no_embed_class", _config.Positions && !_config.PrefixPositions);
        State("use_abs_pos_emb", _config.Positions);
        State("use_pre_transformer_norm", _config.PreNorm);
        State("use_post_transformer_norm", _config.LastNorm);
        State("use_fc_norm", _config.NormAfterPooling);
        State("use_post_norm", block.PostNorm);
        State("qkv_fused", true);
        State("attn_type", _keysBiased ? "rope" : "eva");
        State("scale_attn_inner", block.MixedNorm);
        State("swiglu_mlp", block.GatedFfn);
        State("scale_mlp", block.HiddenNorm);
        State("swiglu_align_to", 0);
        if (_config.PoolHeads > 0)
        {
            State("attn_pool_num_heads", _config.PoolHeads);
            State("attn_pool_mlp_ratio", LibraryConfig.Ratio(_config.PoolMlpWidth, _config.Width));
        }
        State("use_rot_pos_emb", rope is not null);
        State("dynamic_img_size", false);
        if (rope is null)
            return;
        bool centered = rope.Kind == VitRopeKind.Centered;
        State("rope_type", centered ? "dinov3" : "cat");
        State("rope_temperature", rope.Temperature);
        State("rope_grid_offset", rope.GridOffset);
        State("rope_grid_indexing", rope.ColumnsFirst ? "xy" : "ij");
        State("rope_rotate_half", rope.Halves);
        if (rope.ReferenceGrid is int grid)
            State("ref_feat_shape", new JsonArray(grid, grid));
        else
            State("ref_feat_shape", null);
    }

    void StateBeit()
    {
        VitBlockForm block = _config.Block;
        RequireClassActivation();
        if (!_config.ClassToken || _config.Registers > 0 || _config.PreNorm || !_config.PatchBias)
            throw Cannot("relative positions without [CLS], or beside registers or a norm before the first block");
        if (!_config.PrefixPositions && _config.Positions)
            throw Cannot("positions of the patches alone beside relative ones");
        if (block.PostNorm || block.QueryKeyNorm || block.MixedNorm || block.Rope is not null)
            throw Cannot("relative positions beside another order of norms, norms within attention or rotary ones");
        if (
            (_config.Pooling == VitPooling.Average) != _config.NormAfterPooling
            || _config.NormAfterPooling == _config.LastNorm
        )
            throw Cannot("another place of the last norm beside relative positions");
        StateSizes();
        State("global_pool", Pool());
        State("use_abs_pos_emb", _config.Positions);
        State(
            "use_rel_pos_bias",
            block.RelativePositions is RelativePositions.EachBlock or RelativePositions.EachBlockAndShared
        );
        State(
            "use_shared_rel_pos_bias",
            block.RelativePositions is RelativePositions.Shared or RelativePositions.EachBlockAndShared
        );
        State("swiglu_mlp", block.GatedFfn);
        State("scale_mlp", block.HiddenNorm);
    }

    void StateSwin()
    {
        VitStages stages = _config.Stages;
        RequireClassActivation();
        VitBlockForm bare = _config.Block with { RelativePositions = RelativePositions.None };
        if (bare != VitBlockForm.Plain || _config.LayerScale || !_config.PreNorm || !_config.LastNorm)
            throw Cannot("stages whose blocks differ from Swin's");
        if (stages.Where((s, i) => s.Width != stages[0].Width << i).Any())
            throw Cannot("stages that are not each twice as wide as the one before");
        State("embed_dim", stages[0].Width);
        State("depths", List(stages.Select(s => (double)s.Depth)));
        State("num_heads", List(stages.Select(s => (double)s.Heads)));
        State("qkv_bias", _config.QkvBias);
        State("global_pool", "avg");
        double[] ratios = [.. stages.Select(s => LibraryConfig.Ratio(s.MlpWidth, s.Width))];
        State("mlp_ratio", ratios.Distinct().Count() == 1 ? ratios[0] : List(ratios));
        int[] windows = [.. stages.Select(s => s.Window)];
        // timm cuts a window down to its stage's grid, and takes two numbers for a window's two sides.
        int largest = windows.Max();
        if (stages.Select((s, i) => Math.Min(largest, _config.Grid >> i)).SequenceEqual(windows))
            State("window_size", largest);
        else if (windows.Length != 2)
            State("window_size", List(windows.Select(w => (double)w)));
        else
            throw Cannot($"windows of {windows[0]} and {windows[1]} in two stages");
    }

    static JsonArray List(IEnumerable<double> numbers) =>
        [.. numbers.Select(n => n % 1 == 0 ? (JsonNode)(long)n : (JsonNode)n)];

    // Eva, Beit and Swin are told no activation.
    void RequireClassActivation()
    {
        VitActivation own = _config.Block.GatedFfn ? VitActivation.Silu : VitActivation.Gelu;
        if (_config.Activation != own)
            throw Cannot(
                $"the activation {ModelActivations.NameOf(_config.Activation)} of a model of this family, whose class "
                    + $"computes {ModelActivations.NameOf(own)}"
            );
    }

    string Pool() =>
        _config.Pooling switch
        {
            VitPooling.ClassToken => "token",
            VitPooling.Average or VitPooling.AverageOfAll => "avg",
            VitPooling.Maximum => "max",
            VitPooling.AverageAndMaximum => "avgmax",
            VitPooling.Attention or VitPooling.AttentionOverAll => "map",
            _ => throw Cannot($"a classifier that reads {ModelPoolings.Words(_config.Pooling)}"),
        };

    static void RefuseEverywhere(VitConfig config)
    {
        if (config.Projection > 0 || config.Cosine)
            throw Cannot("class embeddings in a classifier's place");
        if (config.Positions && config.PrefixPositions && !config.RegisterPositions && config.Registers > 0)
            throw Cannot("a position of [CLS] beside registers that have none");
        if (config.Pooling is VitPooling.ClassAndAverage or VitPooling.ClassAndAverageOfOthers)
            throw Cannot($"a classifier that reads {ModelPoolings.Words(config.Pooling)}");
        if (config.Block.GatedFfn && config.Activation == VitActivation.QuickGelu)
            throw Cannot("gates of quick-gelu");
    }

    static string EntryPoint(VitConfig config, params (double Epsilon, string Name)[] known) =>
        known.FirstOrDefault(k => k.Epsilon == config.NormEpsilon).Name
        ?? throw Cannot(
            $"a norm's epsilon of {LibraryConfig.Text(config.NormEpsilon)} in a model of this family, only "
                + string.Join(" and ", known.Select(k => LibraryConfig.Text(k.Epsilon)))
        );

    static BadInputException Cannot(string what) =>
        BadInput.Unsupported(null, $"timm's config.json cannot state {what}.", Remedy.Export("onnx"));
}
