using Retouch.Cli;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Tests.Formats;

/// <summary>timm's and transformers' config.json and preprocessor_config.json beside a model.</summary>
public sealed class ModelCardTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly VitModel _model = TinyVit.Create();

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Timms_config_states_preprocessing_labels_and_traits()
    {
        ModelSamples.Write(_folder.File("model.safetensors"), _model);
        _folder.Write(
            "config.json",
            """
            {"architecture": "vit_base_patch16_clip_quickgelu_224", "num_classes": 7, "num_features": 24, "global_pool": "token", "model_args": {"num_heads": 6},
             "label_names": ["a", "b", "c", "d", "e", "f", "g"], "label_descriptions": {"b": "bee"},
             "pretrained_cfg": {"input_size": [3, 12, 12], "interpolation": "bilinear", "crop_pct": 0.95, "crop_mode": "squash", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "num_classes": 7}}
            """
        );
        using ModelFile file = ModelFile.Load(_folder.Root);
        Assert.Equal(
            new Preprocessing(12, 0.95, Interpolation.Bilinear, new(0.1, 0.2, 0.3), new(0.4, 0.5, 0.6))
            {
                Squash = true,
            },
            file.Preprocessing
        );
        Assert.EndsWith("config.json", file.PreprocessingSource, StringComparison.Ordinal);
        Assert.Equal(
            (6, VitActivation.QuickGelu, 1e-5),
            (file.Model.Config.Heads, file.Model.Config.Activation, file.Model.Config.NormEpsilon)
        );
        Assert.Equal(["a", "bee"], [file.Labels![0].Name, file.Labels[1].Name]);
        using ModelFile told = ModelFile.Load(
            _folder.Root,
            new ModelHints
            {
                Traits = new VitTraits
                {
                    Heads = 3,
                    Activation = VitActivation.Gelu,
                    NormEpsilon = 1e-6,
                },
            }
        );
        ModelSamples.Same(_model, told.Model);
    }

    [Fact]
    public void The_word_net_ids_of_timm_are_kept_beside_their_descriptions()
    {
        ModelSamples.Write(_folder.File("model.safetensors"), _model);
        _folder.Write(
            "config.json",
            """
            {"architecture": "vit", "num_features": 24,
             "label_names": ["n01440764", "n01443537", "n01484850", "n01491361", "n01494475", "n01496331",
                 "n01498041"], "label_descriptions": {"n01443537": "goldfish"},
             "pretrained_cfg": {"num_classes": 7}}
            """
        );
        using ModelFile file = ModelFile.Load(_folder.Root, new ModelHints { Traits = new VitTraits { Heads = 3 } });
        Assert.Equal(new Label(1, "n01443537", "goldfish"), file.Labels![1]);
        Assert.Equal(
            [1, 1, 0],
            (int[])
                [
                    file.Labels.Resolve("0386_n01443537"),
                    file.Labels.Resolve("goldfish"),
                    file.Labels.Resolve("n01440764"),
                ]
        );
    }

    [Theory]
    [InlineData(
        """{"image_processor_type": "ViTImageProcessor", "size": {"height": 12, "width": 12}, "resample": 2, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "do_resize": true}""",
        12,
        true,
        Interpolation.Bilinear
    )]
    [InlineData(
        """{"feature_extractor_type": "ViTFeatureExtractor", "size": 12, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}""",
        12,
        true,
        Interpolation.Bilinear
    )]
    [InlineData(
        """{"feature_extractor_type": "DeiTFeatureExtractor", "size": 15, "crop_size": 12, "do_center_crop": true, "resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}""",
        15,
        true,
        Interpolation.Bicubic
    )]
    [InlineData(
        """{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 13}, "crop_size": {"height": 12, "width": 12}, "do_center_crop": true, "resample": 3, "rescale_factor": 0.00392156862745098, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}""",
        13,
        false,
        Interpolation.Bicubic
    )]
    public void Transformers_processors_are_understood(
        string json,
        int resized,
        bool squash,
        Interpolation interpolation
    )
    {
        ModelSamples.Write(_folder.File("model.safetensors"), _model, "transformers");
        _folder.Write(
            "config.json",
            """{"model_type": "vit", "hidden_size": 24, "num_attention_heads": 3, "layer_norm_eps": 1e-6, "hidden_act": "gelu_new", "id2label": {"0": "LABEL_0", "1": "LABEL_1"}}"""
        );
        _folder.Write("preprocessor_config.json", json);
        using ModelFile file = ModelFile.Load(_folder.Root);
        Assert.Equal(
            (12, resized, squash, interpolation),
            (
                file.Preprocessing.ImageSize,
                file.Preprocessing.ResizedSide,
                file.Preprocessing.Squash,
                file.Preprocessing.Interpolation
            )
        );
        Assert.EndsWith("preprocessor_config.json", file.PreprocessingSource, StringComparison.Ordinal);
        Assert.Equal((1e-6, VitActivation.GeluTanh), (file.Model.Config.NormEpsilon, file.Model.Config.Activation));
        Assert.Null(file.Labels);
    }

    [Fact]
    public void Squashing_resizes_both_sides()
    {
        byte[] pixels = [.. Enumerable.Range(0, 40 * 10 * 3).Select(i => (byte)(i / 3 % 40 * 6))];
        RgbImage seen = (Preprocessing.Inception(10, 1) with { Squash = true }).Apply(
            new RgbImage(40, 10, (ReadOnlySpan<byte>)pixels)
        );
        // The whole width is there, so the ramp is, too.
        Assert.InRange(seen.Pixels[0], 0, 15);
        Assert.InRange(seen.Pixels[9 * 3], 220, 240);
        Assert.Contains(
            "squash",
            (Preprocessing.Inception(10, 1) with { Squash = true }).ToJson(),
            StringComparison.Ordinal
        );
        Assert.True(Preprocessing.FromJson((Preprocessing.Inception(10, 1) with { Squash = true }).ToJson()).Squash);
    }

    [Fact]
    public void Labels_come_from_id2label()
    {
        ModelSamples.Write(_folder.File("model.safetensors"), _model, "transformers");
        _folder.Write(
            "config.json",
            $$"""{"model_type": "vit", "hidden_size": 24, "num_attention_heads": 3, "id2label": { {{string.Join(",", Enumerable.Range(0, 7).Select(i => $"\"{i}\": \"class {(char)('a' + i)}\""))}} } }"""
        );
        using ModelFile file = ModelFile.Load(_folder.Root);
        Assert.Equal(("class c", 1e-12), (file.Labels![2].Name, file.Model.Config.NormEpsilon));
    }

    [Fact]
    public void A_config_of_another_model_is_passed_over_with_a_word()
    {
        ModelSamples.Write(_folder.File("model.safetensors"), _model);
        _folder.Write("config.json", """{"model_type": "vit", "hidden_size": 768, "num_attention_heads": 12}""");
        using (ModelFile file = ModelFile.Load(_folder.Root, ModelSamples.Hints(_model.Config)))
            Assert.Contains("768", Assert.Single(file.Notes), StringComparison.Ordinal);
        _folder.Write("config.json", """{"name": "some other program's"}""");
        using (ModelFile file = ModelFile.Load(_folder.Root, ModelSamples.Hints(_model.Config)))
            Assert.Contains("passed over", Assert.Single(file.Notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json", """{"model_type": "vit", "hidden_act": "relu"}""", "relu")]
    [InlineData("config.json", """{"model_type": "vit", "layer_norm_eps": "small"}""", "layer_norm_eps")]
    [InlineData("config.json", """{"model_type": "vit", "id2label": {"0": "one"}}""", "id2label")]
    [InlineData("config.json", "{", "JSON")]
    [InlineData(
        "config.json",
        """{"architecture": "vit", "pretrained_cfg": {"input_size": [3, 12, 12], "mean": [0, 0, 0], "std": [1, 1, 1], "crop_pct": 1, "interpolation": "lanczos"}}""",
        "interpolation"
    )]
    [InlineData(
        "preprocessor_config.json",
        """{"size": 12, "image_mean": [0.5, 0.5, 0.5], "image_std": [0, 0.5, 0.5]}""",
        "standard deviation"
    )]
    [InlineData(
        "preprocessor_config.json",
        """{"size": {"height": 12, "width": 14}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}""",
        "square"
    )]
    [InlineData(
        "preprocessor_config.json",
        """{"size": 12, "resample": 1, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}""",
        "resample"
    )]
    [InlineData(
        "preprocessor_config.json",
        """{"size": 12, "do_normalize": false, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}""",
        "normalization"
    )]
    [InlineData(
        "preprocessor_config.json",
        """{"size": 32, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}""",
        "--image-size"
    )]
    public void What_cannot_be_used_is_refused_with_the_files_name(string name, string json, string word)
    {
        ModelSamples.Write(_folder.File("model.safetensors"), _model);
        _folder.Write(name, json);
        string message = RemedyText.Of(
            Assert.Throws<BadInputException>(() => ModelFile.Load(_folder.Root, ModelSamples.Hints(_model.Config)))
        );
        Assert.Contains(word, message, StringComparison.Ordinal);
        Assert.Contains(name, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("timm")]
    [InlineData("transformers")]
    public void An_exported_folder_says_all_that_a_file_said(string format)
    {
        LabelSet labels = LabelSet.FromNames(["a", "b", "c", "d", "e", "f", "a"]);
        foreach (
            Preprocessing preprocessing in (Preprocessing[])
                [
                    Preprocessing.ImageNet(12, 0.8),
                    Preprocessing.Inception(12, 1) with
                    {
                        Squash = true,
                    },
                    Preprocessing.Inception(12, 0.7) with
                    {
                        Squash = true,
                        Interpolation = Interpolation.Bilinear,
                    },
                ]
        )
        {
            string folder = _folder.File($"{format}-{Guid.NewGuid():N}");
            IReadOnlyList<string> files = ModelExport.Write(
                _model,
                ModelExport.Find(format, _model),
                preprocessing,
                labels,
                folder,
                overwrite: false
            );
            Assert.Equal(
                format == "timm"
                    ? ["model.safetensors", "config.json"]
                    : ["model.safetensors", "config.json", "preprocessor_config.json"],
                files.Select(f => Path.GetFileName(f))
            );
            // Without what the weights' own metadata say.
            ModelSamples.Write(Path.Combine(folder, "model.safetensors"), _model, format);
            using ModelFile read = ModelFile.Load(folder);
            ModelSamples.Same(_model, read.Model);
            Assert.Equal(
                (preprocessing with { CropFraction = 1 }, preprocessing.ResizedSide),
                (read.Preprocessing with { CropFraction = 1 }, read.Preprocessing.ResizedSide)
            );
            Assert.Equal(
                Enumerable.Range(0, 7).Select(i => labels[i].Name),
                Enumerable.Range(0, 7).Select(i => read.Labels![i].Name)
            );
        }
    }
}
