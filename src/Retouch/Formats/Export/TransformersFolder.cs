using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>What lies beside a model of one of transformers' families: the config that it came with, brought up to date.</summary>
static class TransformersFolder
{
    const int LongestConfig = 64 << 20;

    /// <summary>The config of an edited model, which was read again and found to be that model's.</summary>
    /// <param name="file">The file that the model came in, with its config beside it.</param>
    /// <param name="model">Its model, or an edited one.</param>
    /// <param name="labels">The classes' names, or null for those of the config.</param>
    /// <exception cref="BadInputException">There is no config, or it cannot state the model.</exception>
    public static JsonObject Config(ModelFile file, VitModel model, LabelSet? labels)
    {
        string path = Beside(file, "config.json");
        if (!File.Exists(path))
            throw Missing(file, path);
        JsonObject config;
        try
        {
            config =
                JsonNode.Parse(InputFile.ReadJson(path, LongestConfig).Span) as JsonObject ?? throw Missing(file, path);
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(path, $"{path}, beside the model, is not valid JSON.", cause: e);
        }
        // CLIP and SigLIP state the image tower within.
        JsonObject vision = config["vision_config"] as JsonObject ?? config;
        StateHiddenUnits(vision, file, model.Config);
        if (model.Config.ImageSize != file.OwnSize)
            vision["image_size"] = model.Config.ImageSize;
        if (labels is { HasNames: true } && !file.Scheme.ZeroShot)
        {
            string[] names = [.. Enumerable.Range(0, labels.Count).Select(i => labels[i].Name)];
            config["id2label"] = new JsonObject(
                names.Select((n, i) => KeyValuePair.Create(i.ToString(CultureInfo.InvariantCulture), (JsonNode?)n))
            );
            // Two classes of ImageNet have one name.
            config["label2id"] = new JsonObject(
                names
                    .Select((n, i) => (n, i))
                    .DistinctBy(n => n.n)
                    .Select(n => KeyValuePair.Create(n.n, (JsonNode?)n.i))
            );
        }
        Require(file, model.Config, config, path);
        return config;
    }

    /// <summary>The processor's config that lies beside the model, as it is; null where it is none for this one.</summary>
    public static byte[]? Processor(ModelFile file)
    {
        string path = Beside(file, "preprocessor_config.json");
        return file.PreprocessingSource == path && file.Model.Config.ImageSize == file.OwnSize
            ? InputFile.ReadJson(path, LongestConfig).ToArray()
            : null;
    }

    static string Beside(ModelFile file, string name) =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file.Path))!, name);

    static void StateHiddenUnits(JsonObject vision, ModelFile file, VitConfig config)
    {
        VitConfig before = file.Model.Config;
        if (config.PoolMlpWidth != before.PoolMlpWidth && config.PoolMlpWidth != config.MlpWidth)
            throw Cannot(
                $"{config.PoolMlpWidth} hidden units of attention pooling beside {config.MlpWidth} of the blocks, since "
                    + "its intermediate_size is that of both"
            );
        if (config.MlpWidth == before.MlpWidth)
            return;
        bool ratio = file.Scheme == FamilySchemes.Dinov2 || file.Scheme == FamilySchemes.Dinov2Registers;
        if (ratio && config.Block.GatedFfn && config.MlpWidth % 8 != 0)
            throw Cannot($"{config.MlpWidth} hidden units of a gated network, only multiples of 8");
        if (!ratio)
            vision["intermediate_size"] = config.MlpWidth;
        else
        {
            // Of gated ones it takes two thirds, rounded up to a multiple of 8.
            int stated = config.Block.GatedFfn ? config.MlpWidth / 2 * 3 : config.MlpWidth;
            vision["mlp_ratio"] = LibraryConfig.Ratio(stated, config.Width);
        }
    }

    // Whoever opens the folder reads the config as this program does, and is to find the very model.
    static void Require(ModelFile file, VitConfig wanted, JsonObject config, string path)
    {
        Dictionary<string, long[]> shapes = wanted.Tensors().ToDictionary(t => t.Name, t => t.Shape);
        using JsonDocument document = JsonDocument.Parse(config.ToJsonString());
        ModelCard card = ModelCard.Of(
            document.RootElement,
            path,
            ModelOutline.Of(shapes) with
            {
                Types = file.Scheme.ModelTypes,
            }
        );
        if (card.OtherModel)
            throw Missing(file, path);
        VitTraits traits = card
            .Traits.Or(file.Scheme.Certain)
            .Or(new VitTraits { ImageSize = card.ImageSize })
            .Or(file.Scheme.Traits);
        VitConfig read = VitConfig.Infer(shapes, traits);
        if (read == wanted)
            return;
        string differing =
            read.Heads != wanted.Heads ? "num_attention_heads"
            : read.Activation != wanted.Activation ? "hidden_act"
            : read.NormEpsilon != wanted.NormEpsilon ? "layer_norm_eps"
            : read.ImageSize != wanted.ImageSize ? "image_size"
            : read.Pooling != wanted.Pooling ? "what the classifier reads"
            : "what no tensor shows";
        throw BadInput.Mismatch(
            path,
            $"{path}, beside the model, states something else of {differing} than the model was opened with, so it "
                + "cannot go out with it.",
            Remedy.Export("onnx")
        );
    }

    static BadInputException Missing(ModelFile file, string path) =>
        BadInput.Missing(
            path,
            $"transformers needs the config.json that belongs to a model of this family, and there is none beside "
                + $"{file.Path}.",
            Remedy.Export("onnx")
        );

    static BadInputException Cannot(string what) =>
        BadInput.Unsupported(null, $"transformers' config.json cannot state {what}.", Remedy.Export("onnx"));
}
