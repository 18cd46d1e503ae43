using System.Text.Json;
using Retouch.Formats;
using Retouch.Images;
using static TorchSharp.torch;

namespace Retouch.Tests;

/// <summary>The real ViT-Ti/16 and its photos, for tests that have the shared data.</summary>
static class RealModel
{
    public static ModelFile Load() =>
        ModelFile.Load(SharedData.Require("real", "vit_tiny_patch16_224.augreg_in21k_ft_in1k.safetensors"));

    public static Tensor Pixels(ModelFile model, params string[] files) =>
        ImageLoader.LoadBatch([.. files.Select(f => SharedData.Require("real", f))], model.Preprocessing);

    public static T Metadata<T>(SafeTensorsFile file, string key) => JsonSerializer.Deserialize<T>(file.Metadata[key])!;
}
