using System.Text.Json;
using System.Text.RegularExpressions;
using Retouch.Cli;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>
/// Every exported folder is what the library that it is for builds. The libraries themselves are asked by
/// tools/check-exports.py, which wrote libraries.json; RETOUCH_EXPORTS names a folder where the cases are left for it.
/// </summary>
public sealed class ExportedFolderTests : IDisposable
{
    static readonly string[] s_formats = ["timm", "transformers", "torchvision"];

    readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Cases => [.. ExportCase.All.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_folder_states_what_its_library_builds_with_the_tensors_that_it_then_has(string name)
    {
        string? kept = Environment.GetEnvironmentVariable("RETOUCH_EXPORTS");
        string root = Directory
            .CreateDirectory(Path.Combine(kept is { Length: > 0 } ? kept : _folder.Root, name))
            .FullName;
        ExportCase exported = ExportCase.All[name];
        using VitModel model = exported.Create();
        exported.WriteExpected(model, Path.Combine(root, "expected.safetensors"), Photos(root));
        foreach (string format in s_formats)
        {
            string folder = Path.Combine(root, format);
            if (Refusal(name, format) is string word)
            {
                string message = RemedyText.Of(Assert.Throws<BadInputException>(() => Export(format, folder)));
                Assert.Contains(word, message, StringComparison.Ordinal);
                Assert.False(Directory.Exists(folder));
            }
            else
                Export(format, folder);
        }
        using Tensor pixels = TinyVit.Pixels(model, 2);
        using Tensor logits = model.Logits(pixels);
        foreach (string format in s_formats.Where(f => Refusal(name, f) is null))
        {
            string folder = Path.Combine(root, format);
            AssertTensors(name, format, Path.Combine(folder, ModelExport.WeightsName));
            AssertArguments(name, format, folder);
            using ModelFile again = ModelFile.Load(folder);
            using Tensor after = again.Model.Logits(pixels);
            Assert.Equal(0, TinyVit.MaxDifference(logits, after));
            Assert.Equal(exported.Preprocessing.ResizedSide, again.Preprocessing.ResizedSide);
        }

        void Export(string format, string folder) =>
            ModelExport.Write(
                model,
                ModelExport.Find(format, model),
                exported.Preprocessing,
                null,
                folder,
                overwrite: true
            );
    }

    [Fact]
    public void A_folder_that_holds_another_checkpoint_is_refused_for_timm_which_would_take_that()
    {
        using VitModel model = TinyVit.Create();
        NamingScheme timm = ModelExport.Find("timm", model);
        foreach (
            string other in (string[])
                ["a.safetensors", "pytorch_model.bin", "last.pth", "best.pth.tar", "preprocessor_config.json"]
        )
        {
            string folder = Directory.CreateDirectory(_folder.File($"with {other}")).FullName;
            File.WriteAllText(Path.Combine(folder, other), "{}");
            File.WriteAllText(Path.Combine(folder, "readme.md"), "");
            Assert.Contains(
                other,
                Assert.Throws<BadInputException>(() => Write(folder, overwrite: true)).Message,
                StringComparison.Ordinal
            );
            Assert.False(File.Exists(Path.Combine(folder, ModelExport.WeightsName)));
            File.Delete(Path.Combine(folder, other));
            Write(folder, overwrite: false);
            Write(folder, overwrite: true);
        }

        void Write(string folder, bool overwrite) =>
            ModelExport.Write(model, timm, Preprocessing.Inception(12, 1), null, folder, overwrite);
    }

    [Fact]
    public void A_file_alone_keeps_an_epsilon_that_timms_config_cannot_state()
    {
        using VitModel model = TinyVit.Of(TinyVit.Variants["plain"] with { NormEpsilon = 1e-12 });
        string path = _folder.File("m.safetensors");
        NamingScheme timm = ModelExport.Find("timm", model);
        ModelExport.Write(model, timm, Preprocessing.Inception(12, 1), null, path, overwrite: false);
        Assert.Contains("eps=1e-12", Assert.Single(ModelExport.Notes(model.Config, timm)), StringComparison.Ordinal);
        Assert.Empty(ModelExport.Notes(TinyVit.Variants["plain"], timm));
        using ModelFile again = ModelFile.Load(path);
        ModelSamples.Same(model, again.Model);
    }

    [Fact]
    public void The_line_for_torchvision_names_arguments_that_it_has()
    {
        VitConfig config = TinyVit.Variants["plain"] with { NormEpsilon = 1e-5 };
        using VitModel model = TinyVit.Of(config);
        string line = Assert.Single(ModelExport.Notes(config, ModelExport.Find("torchvision", model)));
        Assert.Contains(
            "VisionTransformer(image_size=12, patch_size=4, num_layers=3, num_heads=3, hidden_dim=24, mlp_dim=40, "
                + "num_classes=7, norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-5))",
            line,
            StringComparison.Ordinal
        );
        string[] known = LibraryData.Known("torchvision", "VisionTransformer");
        Assert.All(
            Regex.Matches(line, @"(\w+)=").Select(m => m.Groups[1].Value).Where(n => n != "eps"),
            n => Assert.Contains(n, known)
        );
    }

    // Gradients in both directions, with sides of both parities.
    static string[] Photos(string folder) =>
        [
            .. (((int Width, int Height)[])[(40, 28), (31, 44)]).Select(
                (s, i) =>
                {
                    byte[] pixels =
                    [
                        .. Enumerable
                            .Range(0, s.Width * s.Height * 3)
                            .Select(p => (byte)(p / 3 % s.Width * 5 + p / 3 / s.Width * (p % 3 + 1))),
                    ];
                    string path = Path.Combine(folder, $"photo-{i}.png");
                    File.WriteAllBytes(
                        path,
                        ImageEncoder.Png(new RgbImage(s.Width, s.Height, (ReadOnlySpan<byte>)pixels))
                    );
                    return path;
                }
            ),
        ];

    static void AssertTensors(string name, string format, string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        string[] names =
        [
            .. file.Tensors.Keys.Select(n => LibraryData.General(n)).Distinct().Order(StringComparer.Ordinal),
        ];
        Assert.Equal(LibraryData.Tensors(format, name), names);
        long positions = file
            .Tensors.Single(t => t.Key.Split('.')[^1].StartsWith("pos", StringComparison.Ordinal))
            .Value.Shape[1];
        Assert.Equal(LibraryData.Positions(format, name), positions);
    }

    static void AssertArguments(string name, string format, string folder)
    {
        VitConfig config = ExportCase.All[name].Config;
        if (format == "torchvision")
            return;
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        JsonElement root = json.RootElement;
        if (format == "timm")
        {
            JsonElement args = root.GetProperty("model_args");
            Within("model_args", args);
            Within("pretrained_cfg", root.GetProperty("pretrained_cfg"));
            Assert.Equal(
                config.NormEpsilon,
                LibraryData.Epsilon(format, root.GetProperty("architecture").GetString()!)
            );
            Assert.Equal(
                config.Pooling == VitPooling.Average ? "avg" : "token",
                args.GetProperty("global_pool").GetString()
            );
            Assert.Equal(config.NormAfterPooling, args.GetProperty("fc_norm").GetBoolean());
            Assert.Equal(config.MlpWidth, (int)(config.Width * args.GetProperty("mlp_ratio").GetDouble()));
            return;
        }
        Within(root.GetProperty("model_type").GetString()!, root);
        using JsonDocument processor = JsonDocument.Parse(
            File.ReadAllText(Path.Combine(folder, "preprocessor_config.json"))
        );
        Within(processor.RootElement.GetProperty("image_processor_type").GetString()!, processor.RootElement);

        void Within(string what, JsonElement given) =>
            Assert.Empty(given.EnumerateObject().Select(p => p.Name).Except(LibraryData.Known(format, what)));
    }

    // The word of the refusal where the format cannot express the case.
    static string? Refusal(string name, string format) =>
        (name, format) switch
        {
            ("epsilon 1e-12" or "epsilon 1e-1", "timm") => "--norm-epsilon",
            ("pre-norm and bias", "timm") => "norm_pre.weight",
            (_, "timm") => null,
            ("quick-gelu" or "gelu-tanh", "torchvision") => "gelu",
            ("distilled" or "distilled without positions", "torchvision") => "reg_token",
            ("layer scale" or "average with [CLS], no_embed_class", _) => "ls1.gamma",
            ("pre-norm" or "pre-norm and bias" or "clip", _) => "norm_pre.weight",
            ("average" or "average with [CLS]" or "edited average", _) => "averages",
            ("average, fc_norm" or "average with [CLS], fc_norm", _) => "fc_norm",
            _ => name.Contains("registers", StringComparison.Ordinal) ? "reg_token" : null,
        };
}
