using Retouch.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>Model files for tests, and what they are compared by.</summary>
static class ModelSamples
{
    public static ModelHints Hints(VitConfig config) => new() { Traits = config.Traits };

    /// <summary>Writes a model under a scheme's names, each tensor changed on its way if so wished.</summary>
    public static string Write(
        string path,
        VitModel model,
        string format = "timm",
        string prefix = "",
        ScalarType type = ScalarType.Float32,
        Dictionary<string, string>? metadata = null
    )
    {
        using DisposeScope scope = NewDisposeScope();
        string plain = path + ".plain.safetensors";
        ModelExport.Write(
            model,
            ModelExport.Find(format, model),
            Retouch.Images.Preprocessing.Inception(model.Config.ImageSize, 1),
            null,
            plain,
            overwrite: true
        );
        using (SafeTensorsFile file = SafeTensorsFile.Open(plain))
            SafeTensorsWriter.Write(
                path,
                file.Tensors.Keys.Select(n => (prefix + n, file.Read(n).to(type))).ToArray(),
                metadata,
                overwrite: true
            );
        File.Delete(plain);
        return path;
    }

    /// <summary>
    /// Writes a model under a scheme's names, each changed, or left out where it becomes null; and others beside them.
    /// </summary>
    public static string WriteAs(
        string path,
        VitModel model,
        string format,
        Func<string, string?> renamed,
        params (string Name, Tensor Tensor)[] more
    )
    {
        using DisposeScope scope = NewDisposeScope();
        string plain = Write(path + ".named.safetensors", model, format);
        using (SafeTensorsFile file = SafeTensorsFile.Open(plain))
        {
            IEnumerable<(string, Tensor)> own = file
                .Tensors.Keys.Where(n => renamed(n) is not null)
                .Select(n => (renamed(n)!, file.Read(n)));
            SafeTensorsWriter.Write(path, [.. own, .. more], null, overwrite: true);
        }
        File.Delete(plain);
        return path;
    }

    public static void Same(VitModel expected, VitModel actual)
    {
        Assert.Equal(expected.Config, actual.Config);
        Assert.Equal(expected.Fingerprint, actual.Fingerprint);
    }
}
