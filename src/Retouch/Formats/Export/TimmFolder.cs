using System.Text.Json;
using System.Text.Json.Nodes;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>A model that is no plain ViT as timm keeps it: its config.json and its tensors.</summary>
static class TimmFolder
{
    /// <summary>timm's config, which was read again and found to be the model's.</summary>
    /// <param name="model">The model.</param>
    /// <param name="plain">What such a config says of classes and images; null to look whether there can be one.</param>
    /// <exception cref="BadInputException">timm's config cannot state the model.</exception>
    public static JsonObject Config(VitModel model, TimmConfigJson? plain)
    {
        TimmForm form = FormOf(model);
        JsonObject config = plain is null
            ? []
            : JsonSerializer.SerializeToNode(plain, ExportJson.Default.TimmConfigJson)!.AsObject();
        config["architecture"] = form.Architecture;
        config["model_args"] = form.Arguments;
        if (form.Arguments["global_pool"] is JsonNode pool)
            config["global_pool"] = pool.DeepClone();
        else
            config.Remove("global_pool");
        if (config["pretrained_cfg"] is JsonObject weights)
            weights["classifier"] = form.Classifier;
        Require(model, config);
        return config;
    }

    /// <summary>The model's tensors under timm's names; new ones are in the caller's dispose scope.</summary>
    public static IEnumerable<(string Name, Tensor Tensor)> Tensors(VitModel model)
    {
        TimmForm form = FormOf(model);
        IReadOnlyDictionary<string, Tensor> packed = GatedFfns.Packed(model.Tensors, model);
        bool withoutBias = !model.Config.PatchBias && !model.Config.PreNorm;
        // timm's patch projection has a bias wherever no norm stands before the first block.
        if (withoutBias)
        {
            Tensor none = HeldCalls.Filled([model.Config.At(0).Width], Held(0), ScalarType.Float32);
            packed = new Dictionary<string, Tensor>(packed) { [VitNames.PatchBias] = none };
        }
        return packed
            .Where(t => !t.Key.Contains(".mlp.gate.", StringComparison.Ordinal))
            .SelectMany(t =>
                TensorParts.Apart(
                    form.InFile(t.Key),
                    form.DropsKeyBias && IsBias(t.Key) ? WithoutKeys(t.Value) : t.Value
                )
            );
    }

    static TimmForm FormOf(VitModel model)
    {
        VitConfig config = model.Config;
        return TimmForm.Of(
            config with
            {
                PatchBias = config.PatchBias || !config.PreNorm,
            },
            model.Tensors.Any(t => IsBias(t.Key) && KeysOf(t.Value).count_nonzero().item<long>() > 0)
        );
    }

    static bool IsBias(string canonical) => canonical.EndsWith(".attn.qkv.bias", StringComparison.Ordinal);

    static Tensor KeysOf(Tensor bias) => bias.narrow(0, bias.shape[0] / 3, bias.shape[0] / 3);

    static Tensor WithoutKeys(Tensor bias)
    {
        Tensor copy = bias.clone();
        KeysOf(copy).zero_();
        return copy;
    }

    // Whoever opens the folder reads the config as this program does, and is to find the very model.
    static void Require(VitModel model, JsonObject config)
    {
        VitConfig own = model.Config;
        bool bias = own.PatchBias || !own.PreNorm;
        VitConfig wanted = own with { PatchBias = bias };
        Dictionary<string, long[]> shapes = wanted.Tensors().ToDictionary(t => t.Name, t => t.Shape);
        using JsonDocument document = JsonDocument.Parse(config.ToJsonString());
        ModelCard card = ModelCard.Of(document.RootElement, "config.json", ModelOutline.Of(shapes));
        VitTraits traits = card.Traits.Or(new VitTraits { ImageSize = card.ImageSize });
        VitConfig read = VitConfig.Infer(shapes, traits);
        if (read != wanted)
            throw BadInput.Unsupported(
                null,
                "timm's config.json cannot state this model: what is read of it again differs in "
                    + $"{string.Join(", ", Differing(wanted, read))}.",
                Remedy.Export("onnx")
            );
    }

    static IEnumerable<string> Differing(VitConfig wanted, VitConfig read) =>
        wanted.Block != read.Block
            ? ["what its blocks are"]
            : new (string Name, object One, object Other)[]
            {
                ("heads", wanted.Heads, read.Heads),
                ("activation", wanted.Activation, read.Activation),
                ("epsilon", wanted.NormEpsilon, read.NormEpsilon),
                ("pooling", wanted.Pooling, read.Pooling),
                ("image size", wanted.ImageSize, read.ImageSize),
                ("stages", wanted.Stages, read.Stages),
                ("heads of the pooling", wanted.PoolHeads, read.PoolHeads),
                ("last norm", wanted.LastNorm, read.LastNorm),
            }
                .Where(p => !p.One.Equals(p.Other))
                .Select(p => p.Name);
}
