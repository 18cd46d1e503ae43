using Retouch.Cli;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Tests.Formats;

/// <summary>
/// transformers' config.json and preprocessor_config.json: done as transformers does, or refused by name.
/// </summary>
public sealed class ProcessorConfigTests : IDisposable
{
    const string Config = """
        "model_type": "vit", "hidden_size": 24, "num_attention_heads": 3, "layer_norm_eps": 1e-6, "hidden_act": "gelu"
        """;

    readonly TemporaryFolder _folder = new();
    readonly VitModel _model = TinyVit.Create();

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("\"size\": 12, \"image_mean\": 0.5, \"image_std\": 0.25", 12, true, 0.25)]
    [InlineData("\"size\": [12, 12], \"image_mean\": [0.5, 0.5, 0.5], \"image_std\": 0.5", 12, true, 0.5)]
    [InlineData(
        "\"size\": 12, \"default_to_square\": true, \"image_mean\": 0.5, \"image_std\": 0.5, \"crop_pct\": " + "null",
        12,
        true,
        0.5
    )]
    [InlineData(
        "\"size\": 15, \"default_to_square\": false, \"do_center_crop\": true, \"crop_size\": [12, 12], "
            + "\"image_mean\": 0.5, \"image_std\": 0.5",
        15,
        false,
        0.5
    )]
    [InlineData(
        "\"size\": {\"shortest_edge\": 14}, \"do_center_crop\": true, \"crop_size\": 12, \"image_mean\": 0.5, "
            + "\"image_std\": 0.5",
        14,
        false,
        0.5
    )]
    [InlineData(
        "\"image_processor_type\": \"ViTImageProcessorFast\", \"size\": {\"height\": 12, \"width\": 12}, "
            + "\"do_center_crop\": null, \"do_pad\": null, \"device\": null, \"image_mean\": 0.5, \"image_std\": "
            + "0.5",
        12,
        true,
        0.5
    )]
    [InlineData(
        "\"image_processor_type\": \"BitImageProcessor\", \"size\": {\"shortest_edge\": 16}, \"crop_size\": "
            + "{\"height\": 12, \"width\": 12}, \"image_mean\": 0.5, \"image_std\": 0.5",
        16,
        false,
        0.5
    )]
    public void Sizes_and_channels_are_read_in_each_of_their_spellings(
        string json,
        int resized,
        bool squash,
        double deviation
    )
    {
        using ModelFile file = Load(json);
        Assert.Equal(
            (12, resized, squash),
            (file.Preprocessing.ImageSize, file.Preprocessing.ResizedSide, file.Preprocessing.Squash)
        );
        Assert.Equal(
            (new ChannelValues(0.5), new ChannelValues(deviation)),
            (file.Preprocessing.Mean, file.Preprocessing.Std)
        );
        Assert.Empty(file.Notes);
        Assert.Empty(file.Assumptions);
    }

    [Theory]
    [InlineData(
        "\"image_processor_type\": \"ConvNextImageProcessor\", \"crop_pct\": 0.875, \"size\": "
            + "{\"shortest_edge\": 12}",
        "ConvNextImageProcessor"
    )]
    [InlineData("\"image_processor_type\": \"EfficientNetImageProcessor\", \"size\": 12", "EfficientNetImageProcessor")]
    [InlineData("\"image_processor_type\": \"PoolFormerFeatureExtractor\", \"size\": 12", "PoolFormerFeatureExtractor")]
    [InlineData("\"size\": 12, \"crop_pct\": 0.9", "crop_pct")]
    [InlineData("\"size\": {\"shortest_edge\": 12, \"max_size\": 20}", "max_size")]
    [InlineData("\"size\": {\"shortest_edge\": 12, \"longest_edge\": 20}", "longest_edge")]
    [InlineData("\"size\": {\"max_height\": 12, \"max_width\": 12}", "max_height")]
    [InlineData("\"size\": 12, \"max_size\": 20", "max_size")]
    [InlineData("\"size\": {\"shortest_edge\": 12}", "shortest_edge")]
    [InlineData("\"size\": 12, \"default_to_square\": false", "shortest_edge")]
    [InlineData("\"size\": [12, 14]", "[12, 14]")]
    [InlineData("\"size\": 12, \"do_flip_channel_order\": true", "do_flip_channel_order")]
    [InlineData("\"size\": 12, \"do_pad\": true", "do_pad")]
    [InlineData("\"size\": 12, \"size_divisor\": 32", "size_divisor")]
    [InlineData("\"size\": 12, \"rescale_offset\": true", "rescale_offset")]
    [InlineData("\"size\": 12, \"do_center_crop\": true, \"crop_size\": {\"shortest_edge\": 12}", "crop_size")]
    [InlineData("\"size\": 12, \"do_center_crop\": \"yes\"", "do_center_crop")]
    public void Steps_and_sizes_that_are_not_done_are_refused_by_name(string json, string word)
    {
        string message = Assert
            .Throws<BadInputException>(() => Load(json + ", \"image_mean\": 0.5, \"image_std\": " + "0.5").Dispose())
            .Message;
        Assert.Contains(word, message, StringComparison.Ordinal);
        Assert.Contains("preprocessor_config.json", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_channel_too_few_is_refused_and_an_unknown_word_is_said()
    {
        Assert.Contains(
            "image_mean",
            Assert
                .Throws<BadInputException>(() =>
                    Load("\"size\": 12, \"image_mean\": [0.5, " + "0.5], \"image_std\": 0.5").Dispose()
                )
                .Message,
            StringComparison.Ordinal
        );
        using ModelFile file = Load("\"size\": 12, \"image_mean\": 0.5, \"image_std\": 0.5, \"author\": \"me\"");
        Assert.Contains("author", Assert.Single(file.Notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"model_type\": \"dinov2\"", "dinov2")]
    [InlineData("\"model_type\": \"beit\"", "beit")]
    [InlineData("\"image_size\": [8, 18]", "[8, 18]")]
    [InlineData("\"image_size\": 24", "--image-size of 24")]
    [InlineData("\"num_channels\": 1", "num_channels")]
    [InlineData("\"hidden_act\": \"silu\"", "silu")]
    [InlineData("\"problem_type\": \"multi_label_classification\"", "problem_type")]
    [InlineData("\"pruned_heads\": {\"0\": [1]}", "pruned_heads")]
    public void A_config_of_another_computation_is_refused_by_name(string setting, string word)
    {
        ModelSamples.Write(_folder.File("model.safetensors"), _model, "transformers");
        _folder.Write("config.json", $$"""{ {{Config}}, {{setting}} }""");
        Assert.Contains(
            word,
            RemedyText.Of(Assert.Throws<BadInputException>(() => ModelFile.Load(_folder.Root).Dispose())),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("\"num_hidden_layers\": 12", "depth 12, not 4")]
    [InlineData("\"patch_size\": 16", "patch size 16, not 4")]
    public void A_config_of_another_model_is_passed_over(string setting, string word)
    {
        ModelSamples.Write(_folder.File("model.safetensors"), _model, "transformers");
        _folder.Write("config.json", $$"""{ {{Config}}, {{setting}} }""");
        using ModelFile file = ModelFile.Load(_folder.Root, ModelSamples.Hints(_model.Config));
        Assert.Contains(word, Assert.Single(file.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void What_transformers_itself_writes_is_known()
    {
        string shared = SharedData.Require("golden", "families", "transformers_deit_teacher", "config.json");
        string json = File.ReadAllText(shared)
            .Replace("\"hidden_size\": 64", "\"hidden_size\": " + "24", StringComparison.Ordinal);
        foreach (
            (string from, int to) in ((string, int)[])
                [("num_attention_heads", 3), ("num_hidden_layers", 4), ("patch_size", 4), ("image_size", 12)]
        )
            json = System.Text.RegularExpressions.Regex.Replace(json, $"\"{from}\": \\d+", $"\"{from}\": {to}");
        ModelSamples.Write(_folder.File("model.safetensors"), _model, "transformers");
        _folder.Write("config.json", json);
        using ModelFile file = ModelFile.Load(_folder.Root);
        Assert.Empty(file.Notes);
        Assert.Empty(file.Assumptions);
    }

    ModelFile Load(string processor)
    {
        ModelSamples.Write(_folder.File("model.safetensors"), _model, "transformers");
        _folder.Write("config.json", $$"""{ {{Config}} }""");
        _folder.Write("preprocessor_config.json", $$"""{ {{processor}} }""");
        return ModelFile.Load(_folder.Root);
    }
}
