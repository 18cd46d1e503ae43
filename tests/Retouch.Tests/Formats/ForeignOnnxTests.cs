using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Patches;
using Retouch.UseCases;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>
/// Patches go into ONNX files that other exporters wrote of every family. Files of torch.onnx itself are tried where
/// RETOUCH_FAMILY_EXPORTS names the folder in which tools/export-onnx.py left them.
/// </summary>
public sealed class ForeignOnnxTests(ITestOutputHelper output) : IDisposable
{
    readonly TemporaryFolder _folder = new();

    // Zero-shot models are no file's of this program; they are among the golden ones.
    public static TheoryData<string> Families =>
        [.. TinyVit.Architectures.Where(a => !a.Value.Cosine).Select(a => a.Key)];

    public static TheoryData<string> Golden => [.. Vit.GoldenFamilyTests.Families];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Families))]
    public void A_patch_goes_into_a_file_whose_weights_have_other_names_and_divisions(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel made = Unlike(TinyVit.Of(TinyVit.Architectures[family]));
        string path = _folder.File("model.safetensors");
        VitConfig config = made.Config;
        ModelFile.Create(
            path,
            made.Tensors,
            config.Traits,
            Preprocessing.Inception(config.ImageSize, 1),
            new Dictionary<string, string>(),
            half: false,
            overwrite: true
        );
        using ModelFile file = ModelFile.Load(path);
        using Tensor pixels = TinyVit.Pixels(file.Model, 2);
        PatchedInForeign(file, pixels);
    }

    [Theory]
    [MemberData(nameof(Golden))]
    public void A_patch_of_a_librarys_family_goes_into_a_file_whose_weights_have_other_names_and_divisions(
        string family
    )
    {
        string expected = SharedData.Require("golden", "families", family, "expected.safetensors");
        using SafeTensorsFile golden = SafeTensorsFile.Open(expected);
        using Tensor pixels = golden.ReadFloat("input");
        using ModelFile file = ModelFile.Load(
            SharedData.Require("golden", "families", family, "model.safetensors"),
            new ModelHints
            {
                ClassEmbeddings = family.Contains("zero_shot", StringComparison.Ordinal) ? expected : null,
                // transformers' Swin takes other sizes than its config states; an ONNX file is of one.
                ImageSize = family == "transformers_swin" ? (int)pixels.shape[2] : null,
            }
        );
        PatchedInForeign(file, pixels);
    }

    void PatchedInForeign(ModelFile file, Tensor pixels)
    {
        string export = _folder.File("export.onnx");
        OnnxExport.Write(file.Model, file.Preprocessing, null, export, overwrite: true);
        byte[] foreign = OnnxSamples.Rewritten(
            OnnxSamples.DividedOtherwise(File.ReadAllBytes(export), file.Model.Tensors),
            Anonymous()
        );
        string served = _folder.Write("served.onnx", foreign);
        Assert.InRange(TinyVit.RelativeDifference(OnnxSamples.Run(served, pixels), file.Model.Logits(pixels)), 0, 1e-4);
        Patched(served, file, pixels);
    }

    [Fact]
    public void Patches_go_into_what_torch_onnx_wrote()
    {
        string? root = Environment.GetEnvironmentVariable("RETOUCH_FAMILY_EXPORTS");
        string[] served = root is { Length: > 0 }
            ? Directory.GetFiles(root, "timm.onnx", SearchOption.AllDirectories)
            : [];
        Assert.SkipWhen(
            served.Length == 0,
            "RETOUCH_FAMILY_EXPORTS names no folder with files of tools/export-onnx.py"
        );
        foreach (string onnx in served.Order())
        {
            string folder = Path.GetDirectoryName(onnx)!;
            output.WriteLine(Path.GetFileName(folder));
            using ModelFile file = ModelFile.Load(Path.Combine(folder, "timm"));
            using SafeTensorsFile expected = SafeTensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
            using Tensor pixels = expected.ReadFloat("pixels");
            Patched(onnx, file, pixels);
        }
    }

    [Fact]
    public void A_weight_that_another_equals_is_refused_since_exporters_store_both_once()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel random = TinyVit.Create();
        Dictionary<string, Tensor> same = random.Tensors.ToDictionary(t => t.Key, t => t.Value.alias());
        same["blocks.2.mlp.fc1.weight"] = same["blocks.1.mlp.fc1.weight"].clone();
        ModelFile.Create(
            _folder.File("m.safetensors"),
            same,
            random.Config.Traits,
            Preprocessing.Inception(random.Config.ImageSize, 1),
            new Dictionary<string, string>(),
            half: false,
            overwrite: false
        );
        using ModelFile file = ModelFile.Load(_folder.File("m.safetensors"));
        OnnxExport.Write(file.Model, file.Preprocessing, null, _folder.File("m.onnx"), overwrite: false);
        using Patch patch = PatchSamples.Rewriting(file.Model, 2, 3, 5);
        PatchFile.Save(patch, _folder.File("a.patch"), overwrite: false);
        using LoadedPatch loaded = LoadedPatch.Load(_folder.File("a.patch"));
        string message = Assert
            .Throws<BadInputException>(() => OnnxBuild.Of(_folder.File("m.onnx"), file, [], [loaded], []))
            .Message;
        Assert.Contains("blocks.1.mlp.fc1.weight", message, StringComparison.Ordinal);
        Assert.Contains("blocks.2.mlp.fc1.weight", message, StringComparison.Ordinal);
    }

    // Masked rows and columns of all matrices, and whole tensors of the last block, the pooling and the classifier.
    void Patched(string served, ModelFile file, Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        VitModel model = file.Model;
        using Patch masked = PatchSamples.Random(model);
        using Patch whole = new(
            new TensorDelta(
                new EditSpace(model.Config, model.Config.Depth - 1, 1),
                model
                    .Tensors.Where(t => IsEdited(t.Key, model.Config))
                    .ToDictionary(t => t.Key, t => TensorChange.Add(Change(t.Key, t.Value)))
            ),
            new PatchProvenance
            {
                ModelFingerprint = model.Fingerprint,
                Label = 0,
                Method = "lora",
                Settings = new Dictionary<string, string>(),
            }
        );
        foreach (Patch patch in (Patch[])[masked, whole])
        {
            string path = _folder.File("a.patch");
            PatchFile.Save(patch, path, overwrite: true);
            using LoadedPatch loaded = LoadedPatch.Load(path);
            using VitModel edited = PatchLedger.Apply(model, [loaded.Patch]);
            string now = _folder.File("now.onnx");
            using (OnnxBuild build = OnnxBuild.Of(served, file, [], [loaded], []))
                build.Write(now, overwrite: true);
            Tensor logits = edited.Logits(pixels);
            Assert.True(TinyVit.RelativeDifference(model.Logits(pixels), logits) > 1e-3);
            Assert.InRange(TinyVit.RelativeDifference(OnnxSamples.Run(now, pixels), logits), 0, 1e-4);
        }
    }

    static bool IsEdited(string name, VitConfig config) =>
        (
            name.StartsWith(VitNames.Block(config.Depth - 1, "mlp."), StringComparison.Ordinal)
            || name.StartsWith(VitNames.Pool("mlp."), StringComparison.Ordinal)
            || (name.StartsWith("head", StringComparison.Ordinal) && !config.Cosine)
        ) && name.EndsWith(".weight", StringComparison.Ordinal);

    static Tensor Change(string name, Tensor value) =>
        TinyVit.Normal(name.Length, [.. value.shape]) * (0.2 * value.std().item<float>() + 0.01);

    // Biases and norms as training leaves them: no two alike.
    static VitModel Unlike(VitModel model)
    {
        using (model)
            return new VitModel(
                model.Tensors.ToDictionary(
                    t => t.Key,
                    t => t.Value + 0.01 * TinyVit.Normal(t.Key.Length, [.. t.Value.shape])
                ),
                model.Config.Traits
            );
    }

    // As PyTorch's exporter calls what it has folded.
    static Func<string, string> Anonymous()
    {
        Dictionary<string, string> names = [];
        return name =>
            name is OnnxExport.Input or OnnxExport.Output ? name
            : names.TryGetValue(name, out string? known) ? known
            : names[name] = $"onnx::MatMul_{1800 + names.Count}";
    }
}
