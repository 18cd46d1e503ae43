using Retouch.Cli;
using Retouch.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>
/// What timm's config.json says of a model that no tensor shows: used wherever it stands, or refused by name.
/// </summary>
public sealed class TimmConfigTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly VitModel _model = TinyVit.Create(width: 64, heads: 2, hidden: 128);

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("test_vit", 64, 2, VitActivation.Gelu, 1e-6, VitPooling.ClassToken)]
    [InlineData("vit_base_patch16_gap_224", 768, 16, VitActivation.Gelu, 1e-6, VitPooling.Average)]
    [InlineData("vit_base_patch16_224.augreg_in21k", 768, 12, VitActivation.Gelu, 1e-6, VitPooling.ClassToken)]
    [InlineData("vit_so400m_patch14_siglip_gap_384", 1152, 16, VitActivation.Gelu, 1e-6, VitPooling.Average)]
    [InlineData("vit_so400m_patch16_siglip_gap_256", 1152, 16, VitActivation.GeluTanh, 1e-6, VitPooling.Average)]
    [InlineData("vit_giantopt_patch16_siglip_gap_384", 1536, 16, VitActivation.GeluTanh, 1e-6, VitPooling.Average)]
    [InlineData("vit_large_patch14_clip_quickgelu_336", 1024, 16, VitActivation.QuickGelu, 1e-5, VitPooling.ClassToken)]
    [InlineData("vit_large_patch14_224_clip_laion2b", 1024, 16, VitActivation.Gelu, 1e-5, VitPooling.ClassToken)]
    [InlineData("eva_large_patch14_336", 1024, 16, VitActivation.Gelu, 1e-6, VitPooling.Average)]
    [InlineData("deit3_medium_patch16_224", 512, 8, VitActivation.Gelu, 1e-6, VitPooling.ClassToken)]
    [InlineData("vit_so150m2_patch16_reg1_gap_448", 832, 13, VitActivation.Gelu, 1e-6, VitPooling.Average)]
    public void A_name_of_timms_says_what_tensors_do_not(
        string name,
        int width,
        int heads,
        VitActivation activation,
        double epsilon,
        VitPooling pooling
    )
    {
        Assert.Equal(new TimmArchitecture(width, heads, epsilon, activation, pooling), TimmArchitectures.Find(name));
        Assert.Null(TimmArchitectures.Refusal(name));
    }

    [Theory]
    [InlineData("vit_relpos_medium_patch16_rpn_224", "relative positions")]
    [InlineData("vit_srelpos_small_patch16_224", "relative positions")]
    [InlineData("vit_small_patch16_18x2_224", "parallel")]
    [InlineData("vit_huge_patch14_xp_224", "parallel")]
    [InlineData("vit_dpwee_patch16_reg1_gap_256", "parallel")]
    [InlineData("vit_dlittle_patch16_reg1_gap_256", "differential")]
    [InlineData("aimv2_large_patch14_224", "RMS")]
    [InlineData("vit_base_patch16_rope_mixed_224", "learned rotary")]
    [InlineData("swinv2_tiny_window8_256", "second version")]
    [InlineData("vit_base_r50_s16_224", "hybrid")]
    public void An_architecture_that_is_no_plain_vit_is_refused_by_name(string name, string why)
    {
        Assert.Null(TimmArchitectures.Find(name));
        string message = Refused($$"""{"architecture": "{{name}}", "num_features": 64}""");
        Assert.Contains(why, message, StringComparison.Ordinal);
        Assert.Contains(name, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Heads_and_all_else_come_from_the_architecture_and_nothing_is_assumed()
    {
        using ModelFile file = Load(
            """{"architecture": "test_vit", "num_classes": 7, "num_features": 64, "global_pool": "token"}"""
        );
        ModelSamples.Same(_model, file.Model);
        Assert.Empty(file.Assumptions);
        Assert.Empty(file.Notes);
    }

    [Fact]
    public void Heads_of_an_architecture_of_another_width_are_not_taken()
    {
        // timm would build a ViT-B; a narrower file is not of it.
        using (ModelFile file = Load("""{"architecture": "vit_base_patch16_224"}""", heads: 2))
            Assert.Contains("width is 768, not 64", Assert.Single(file.Notes), StringComparison.Ordinal);
        // With its width as an argument, timm takes the name's heads.
        using (
            ModelFile file = Load(
                """{"architecture": "vit_large_patch16_224", "model_args": {"embed_dim": 64, "depth": 4}}"""
            )
        )
            Assert.Equal(16, file.Model.Config.Heads);
    }

    [Theory]
    [InlineData("""{"architecture": "test_vit", "act_layer": "gelu_tanh"}""")]
    [InlineData("""{"architecture": "test_vit", "pretrained_cfg": {"act_layer": "gelu_tanh"}}""")]
    [InlineData("""{"architecture": "test_vit", "model_args": {"act_layer": "gelu_tanh"}}""")]
    [InlineData("""{"architecture": "test_vit", "act_layer": "gelu_tanh", "model_args": {"act_layer": "gelu_tanh"}}""")]
    public void An_argument_counts_wherever_timm_writes_it(string json)
    {
        using ModelFile file = Load(json);
        Assert.Equal((VitActivation.GeluTanh, 2), (file.Model.Config.Activation, file.Model.Config.Heads));
    }

    [Theory]
    [InlineData("top", "\"global_pool\": \"max\", \"pool_include_prefix\": true", "max")]
    [InlineData("pretrained_cfg", "\"global_pool\": \"prr\"", "prr")]
    [InlineData("model_args", "\"global_pool\": \"map\"", "map")]
    [InlineData("model_args", "\"global_pool\": \"\"", "global_pool")]
    [InlineData("top", "\"act_layer\": \"relu\"", "relu")]
    [InlineData("pretrained_cfg", "\"act_layer\": \"silu\"", "silu")]
    [InlineData("model_args", "\"act_layer\": \"relu\"", "relu")]
    [InlineData("model_args", "\"norm_layer\": \"rmsnorm\"", "norm_layer")]
    [InlineData("model_args", "\"block_fn\": \"ResPostBlock\"", "ResPostBlock")]
    [InlineData("model_args", "\"mlp_layer\": \"SwiGLU\"", "SwiGLU")]
    [InlineData("model_args", "\"attn_layer\": \"diff\"", "attn_layer")]
    [InlineData("model_args", "\"final_norm\": false", "final_norm")]
    [InlineData("model_args", "\"rope_type\": \"mixed\", \"use_rot_pos_emb\": true", "rope_type")]
    [InlineData("model_args", "\"rope_grid_indexing\": \"yx\", \"use_rot_pos_emb\": true", "rope_grid_indexing")]
    [InlineData("model_args", "\"in_chans\": 1", "in_chans")]
    [InlineData("model_args", "\"img_size\": [8, 18]", "[8, 18]")]
    [InlineData("top", "\"img_size\": [8, 18]", "[8, 18]")]
    [InlineData("pretrained_cfg", "\"input_size\": [3, 8, 18]", "input_size")]
    [InlineData("model_args", "\"img_size\": 24", "--image-size of 24")]
    [InlineData("model_args", "\"rope_theta\": 100", "rope_theta")]
    [InlineData("model_args", "\"window_size\": 7", "window_size")]
    [InlineData("model_args", "\"num_heads\": \"two\"", "num_heads")]
    [InlineData("model_args", "\"num_heads\": 2.5", "2.5")]
    public void What_would_make_another_model_of_the_same_tensors_is_refused_by_name(
        string place,
        string setting,
        string word
    )
    {
        string json =
            place == "top"
                ? $$"""{"architecture": "test_vit", {{setting}}}"""
                : $$"""{"architecture": "test_vit", "{{place}}": { {{setting}} } }""";
        string message = Refused(json);
        Assert.Contains(word, message, StringComparison.Ordinal);
        Assert.Contains("config.json", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_places_that_contradict_each_other_are_refused_with_both()
    {
        string message = Refused(
            """{"architecture": "test_vit", "global_pool": "avg", "model_args": {"global_pool": "token"}}"""
        );
        Assert.Contains("\"token\" and as \"avg\"", message, StringComparison.Ordinal);
        Assert.Contains(
            "num_heads",
            Refused("""{"architecture": "test_vit", "num_heads": 4, "model_args": {"num_heads": 2}}"""),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void What_matters_in_training_alone_is_passed_and_what_is_unknown_is_said()
    {
        using (
            ModelFile file = Load(
                """
                {"architecture": "test_vit", "model_args": {"drop_path_rate": 0.1, "dynamic_img_size": true, "fc_norm": null, "norm_layer": "layernorm",
                 "img_size": [12, 12], "patch_drop_rate": 0.5, "weight_init": "", "act_layer": null, "class_token": true},
                 "pretrained_cfg": {"tag": "x", "license": "mit", "first_conv": "patch_embed.proj", "classifier": "head", "pool_size": null}}
                """
            )
        )
        {
            ModelSamples.Same(_model, file.Model);
            Assert.Empty(file.Notes);
        }
        using (ModelFile file = Load("""{"architecture": "test_vit", "favourite_colour": "blue"}"""))
            Assert.Contains("favourite_colour", Assert.Single(file.Notes), StringComparison.Ordinal);
        using (ModelFile file = Load("""{"architecture": "vit_of_our_own", "model_args": {"num_heads": 2}}"""))
        {
            Assert.Contains("vit_of_our_own", Assert.Single(file.Notes), StringComparison.Ordinal);
            Assert.Equal(
                ["activation", "norm-epsilon", "pooling", "image-size"],
                file.Assumptions.Select(a => a.Option)
            );
        }
        using (ModelFile file = Load("""{"architecture": "test_vit", "num_classes": 1000}"""))
            Assert.Contains("1000 classes", Assert.Single(file.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_transform_leaves_out_is_what_timm_takes()
    {
        using ModelFile file = Load(
            """{"architecture": "test_vit", "pretrained_cfg": {"input_size": [3, 12, 12], "interpolation": "bilinear"}}"""
        );
        Assert.Equal(
            Retouch.Images.Preprocessing.ImageNet(12, 0.875, Retouch.Images.Interpolation.Bilinear),
            file.Preprocessing
        );
    }

    [Theory]
    [InlineData("top", "\"global_pool\": \"max\"", VitPooling.Maximum)]
    [InlineData("pretrained_cfg", "\"global_pool\": \"avgmax\"", VitPooling.AverageAndMaximum)]
    [InlineData("top", "\"global_pool\": \"avg\", \"pool_include_prefix\": true", VitPooling.AverageOfAll)]
    [InlineData("model_args", "\"global_pool\": \"avg\", \"pool_include_prefix\": true", VitPooling.AverageOfAll)]
    public void A_pooling_is_read_wherever_timm_writes_it(string place, string setting, VitPooling pooling)
    {
        string json =
            place == "top"
                ? $$"""{"architecture": "test_vit", {{setting}}}"""
                : $$"""{"architecture": "test_vit", "{{place}}": { {{setting}} } }""";
        using ModelFile file = Load(json);
        Assert.Equal(pooling, file.Model.Config.Pooling);
    }

    [Fact]
    public void An_average_that_the_config_states_gives_timms_logits()
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = ModelFile.Load(SharedData.Require("golden", "families", "timm_avg_with_class_token"));
        using SafeTensorsFile golden = SafeTensorsFile.Open(
            SharedData.Require("golden", "families", "timm_avg_with_class_token", "expected.safetensors")
        );
        Assert.Equal((4, VitPooling.Average), (file.Model.Config.Heads, file.Model.Config.Pooling));
        Assert.True(
            TinyVit.RelativeDifference(file.Model.Logits(golden.ReadFloat("input")), golden.ReadFloat("logits")) < 1e-4
        );
    }

    [Theory]
    [InlineData("\"depth\": 4", "dinov3", "")]
    [InlineData("\"rope_type\": \"dinov3\"", "dinov3,period=10000,halves=0", "rope_temperature, rope_rotate_half")]
    [InlineData("\"rope_type\": \"dinov3\", \"rope_temperature\": 100", "dinov3,halves=0", "rope_rotate_half")]
    [InlineData("\"rope_type\": \"dinov3\", \"rope_temperature\": 100, \"rope_rotate_half\": true", "dinov3", "")]
    [InlineData(
        "\"rope_type\": \"dinov3\", \"rope_temperature\": 50, \"rope_rotate_half\": true",
        "dinov3,period=50",
        ""
    )]
    public void A_rope_type_beside_a_name_makes_the_arguments_the_classes(string args, string rope, string leftOut)
    {
        using ModelFile file = Load(
            $$"""
            {"architecture": "vit_small_patch16_dinov3",
             "model_args": {"embed_dim": 64, "num_heads": 2, "num_reg_tokens": 0, {{args}} } }
            """
        );
        Assert.Equal(rope, ModelRopes.NameOf(file.Model.Config.Block.Rope!));
        if (leftOut.Length == 0)
            Assert.Empty(file.Notes);
        else
            Assert.Contains($"so that {leftOut}, which", Assert.Single(file.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_places_that_contradict_each_other_on_rotary_positions_are_refused()
    {
        string message = Refused(
            """
            {"architecture": "vit_small_patch16_dinov3", "rope_temperature": 50,
             "model_args": {"embed_dim": 64, "num_heads": 2, "rope_temperature": 100}}
            """
        );
        Assert.Contains("rope_temperature twice", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, VitActivation.Gelu, true)]
    [InlineData("""{"architecture": "test_vit"}""", VitActivation.Gelu, false)]
    [InlineData("""{"architecture": "test_vit", "act_layer": "silu"}""", VitActivation.Silu, false)]
    [InlineData("""{"architecture": "vit_of_our_own", "model_args": {"depth": 3}}""", VitActivation.Gelu, true)]
    [InlineData("""{"architecture": "vit_of_our_own", "swiglu_mlp": true}""", VitActivation.Silu, false)]
    public void Gates_are_of_the_activation_that_timms_class_hands_them(
        string? config,
        VitActivation activation,
        bool assumed
    )
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = Gated();
        SafeTensorsWriter.Write(
            _folder.File("model.safetensors"),
            tensors.Select(t => (GatedFfns.Apart(t.Key), t.Value)),
            new Dictionary<string, string>(),
            overwrite: true
        );
        if (config is not null)
            _folder.Write("config.json", config);
        using ModelFile file = ModelFile.Load(_folder.Root);
        Assert.Equal((activation, null), (file.Model.Config.Activation, file.Model.Config.Block.Rope));
        Assert.Equal(assumed, file.Assumptions.Any(a => a is { Option: "activation", Value: "gelu" }));

        // The other one is stated, and kept where the file is written again.
        VitActivation other = activation == VitActivation.Silu ? VitActivation.Gelu : VitActivation.Silu;
        ModelHints hints = new() { Traits = new VitTraits { Activation = other } };
        using ModelFile stated = ModelFile.Load(_folder.Root, hints);
        using TemporaryFolder alone = new();
        stated.WriteWith(alone.File("model.safetensors"), new Dictionary<string, Tensor>(), overwrite: false);
        using ModelFile again = ModelFile.Load(alone.Root);
        Assert.Equal(other, again.Model.Config.Activation);

        Tensor x = randn(2, 64);
        foreach (ModelFile each in (ModelFile[])[file, again])
        {
            Tensor gate = nn.functional.linear(
                x,
                tensors["blocks.0.mlp.gate.weight"],
                tensors["blocks.0.mlp.gate.bias"]
            );
            Tensor open =
                each.Model.Config.Activation == VitActivation.Silu ? gate * gate.sigmoid() : nn.functional.gelu(gate);
            Tensor hidden = nn.functional.linear(
                x,
                tensors["blocks.0.mlp.fc1.weight"],
                tensors["blocks.0.mlp.fc1.bias"]
            );
            Tensor expected = nn.functional.linear(
                open * hidden,
                tensors["blocks.0.mlp.fc2.weight"],
                tensors["blocks.0.mlp.fc2.bias"]
            );
            Assert.True(TinyVit.RelativeDifference(each.Model.FeedForward(each.Model.Blocks[0], x), expected) < 1e-5);
        }
    }

    [Fact]
    public void Silu_without_gates_and_gates_beside_attention_pooling_are_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        ModelSamples.Write(_folder.File("model.safetensors"), _model);
        ModelHints silu = new()
        {
            Traits = new VitTraits { Heads = 2, Activation = VitActivation.Silu },
        };
        BadInputException plain = Assert.Throws<BadInputException>(() => ModelFile.Load(_folder.Root, silu).Dispose());
        Assert.Contains("no gates", plain.Message, StringComparison.Ordinal);
        VitConfig pools = _model.Config with
        {
            Block = new() { GatedFfn = true },
            Pooling = VitPooling.Attention,
            PoolHeads = 2,
            PoolMlpWidth = 128,
        };
        BadInputException pooled = Assert.Throws<BadInputException>(() =>
            VitConfig.Infer(pools.Tensors().ToDictionary(t => t.Name, t => t.Shape), new() { Heads = 2 })
        );
        Assert.Contains("attn_pool.latent", pooled.Message, StringComparison.Ordinal);
    }

    // The model with gates of its own beside what fc1 gives.
    Dictionary<string, Tensor> Gated()
    {
        Dictionary<string, Tensor> tensors = new(_model.Tensors);
        for (int i = 0; i < _model.Config.Depth; i++)
        {
            tensors[VitNames.Block(i, "mlp.gate.weight")] = randn(128, 64) * 0.2;
            tensors[VitNames.Block(i, "mlp.gate.bias")] = randn(128);
        }
        return tensors;
    }

    ModelFile Load(string config, int? heads = null)
    {
        ModelSamples.Write(_folder.File("model.safetensors"), _model);
        _folder.Write("config.json", config);
        return ModelFile.Load(_folder.Root, new ModelHints { Traits = new VitTraits { Heads = heads } });
    }

    string Refused(string config) => RemedyText.Of(Assert.Throws<BadInputException>(() => Load(config).Dispose()));
}
