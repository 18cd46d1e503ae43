using Retouch.Formats;
using Retouch.Suffix;
using Retouch.Tests.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Vit;

/// <summary>Small random models of every family, with the logits of the libraries which they come from.</summary>
public sealed class GoldenFamilyTests(ITestOutputHelper output)
{
    public static TheoryData<string> Families { get; } =
    [
        "open_clip_zero_shot",
        "timm_avg_with_class_token",
        "timm_beit",
        "timm_deit_distilled",
        "timm_dinov3",
        "timm_eva02",
        "timm_map_pooling",
        "timm_max_pooling",
        "timm_post_norm",
        "timm_qk_norm",
        "timm_swiglu_registers",
        "timm_swin",
        "transformers_beit",
        "transformers_clip",
        "transformers_clip_zero_shot",
        "transformers_data2vec",
        "transformers_deit_teacher",
        "transformers_dinov2",
        "transformers_dinov2_registers",
        "transformers_dinov2_swiglu",
        "transformers_siglip",
        "transformers_swin",
    ];

    [Theory]
    [MemberData(nameof(Families))]
    public void A_family_gives_the_logits_of_the_library_that_made_it(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = Load(family);
        using SafeTensorsFile golden = SafeTensorsFile.Open(Expected(family));
        Tensor input = golden.ReadFloat("input");
        Tensor expected = golden.ReadFloat("logits");
        double error = TinyVit.RelativeDifference(file.Model.Logits(input), expected);
        output.WriteLine($"{family} {error:0.0e-0} assumed: {string.Join("; ", file.Assumptions)}");
        foreach (string note in file.Notes)
            output.WriteLine($"  {note}");
        Assert.True(error < 1e-4, $"{family}: {error}");

        VitConfig config = file.Model.Config;
        foreach (int first in (int[])[0, config.Depth - 1])
        {
            SplitVit split = new(file.Model, new EditSpace(config, first, 1));
            using PrefixState state = split.Prefix(input);
            Assert.True(TinyVit.RelativeDifference(split.Logits(state), expected) < 1e-4);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void A_file_that_lacks_a_tensor_or_has_one_too_many_is_refused_by_its_name(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder folder = new();
        string source = SharedData.Require("golden", "families", family, "model.safetensors");
        File.Copy(Path.Combine(Path.GetDirectoryName(source)!, "config.json"), folder.File("config.json"));
        using SafeTensorsFile file = SafeTensorsFile.Open(source);
        Dictionary<string, Tensor> tensors = file.Tensors.Keys.ToDictionary(n => n, file.Read);
        List<string> unnamed = [];
        List<string> needless = [];
        using SafeTensorsFile golden = SafeTensorsFile.Open(Expected(family));
        Tensor input = golden.ReadFloat("input");
        using ModelFile complete = Load(family);
        Tensor logits = complete.Model.Logits(input);
        foreach (string name in tensors.Keys)
        {
            string? message = Refusal(tensors.Where(t => t.Key != name));
            if (message is null)
            {
                needless.Add(name);
                AssertWithoutInfluence(name);
            }
            else if (!message.Contains(name, StringComparison.Ordinal))
                unnamed.Add($"{name}: {message}");
        }
        output.WriteLine($"not needed: {string.Join(", ", needless)}");
        Assert.True(unnamed.Count == 0, string.Join('\n', unnamed));

        foreach (string extra in tensors.Keys.Except(needless))
        {
            string name = extra.EndsWith(".weight", StringComparison.Ordinal)
                ? extra.Replace(".weight", ".scale", StringComparison.Ordinal)
                : extra + "_more";
            // What belongs to a text tower is that tower's.
            if (Ignored(name))
                continue;
            string? message = Refusal(tensors.Append(new(name, tensors[extra])));
            if (message is null || !message.Contains(name, StringComparison.Ordinal))
                unnamed.Add($"{name} too many: {message}");
        }
        Assert.True(unnamed.Count == 0, string.Join('\n', unnamed));

        bool Ignored(string name) =>
            complete.Scheme.Ignored.Any(i =>
                System.Text.RegularExpressions.Regex.IsMatch(name[complete.Prefix.Length..], $"^(?:{i})$")
            );

        // Not on what is computed, and not on what goes out.
        void AssertWithoutInfluence(string name)
        {
            Assert.True(Ignored(name), $"{name} is opened without, and no table says that it is not used");
            using ModelFile without = ModelFile.Load(folder.File("model.safetensors"), Hints(family));
            Assert.Equal(complete.Model.Config, without.Model.Config);
            Assert.Equal(complete.Model.Fingerprint, without.Model.Fingerprint);
            Assert.Equal(0, TinyVit.MaxDifference(logits, without.Model.Logits(input)));
            string output = folder.File("out.safetensors");
            without.WriteWith(output, new Dictionary<string, Tensor>(), overwrite: true);
            using (SafeTensorsFile written = SafeTensorsFile.Open(output))
                Assert.Equal(tensors.Keys.Where(n => n != name).Order(), written.Tensors.Keys.Order());
            OnnxExport.Write(without.Model, without.Preprocessing, null, folder.File("out.onnx"), overwrite: true);
            OnnxExport.Write(complete.Model, complete.Preprocessing, null, folder.File("all.onnx"), overwrite: true);
            Assert.Equal(File.ReadAllBytes(folder.File("all.onnx")), File.ReadAllBytes(folder.File("out.onnx")));
        }

        string? Refusal(IEnumerable<KeyValuePair<string, Tensor>> some)
        {
            string path = folder.File("model.safetensors");
            SafeTensorsWriter.Write(path, some.Select(t => (t.Key, t.Value)), new Dictionary<string, string>(), true);
            try
            {
                ModelFile.Load(path, Hints(family)).Dispose();
                return null;
            }
            catch (BadInputException e)
            {
                return e.Message;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void An_edited_file_has_the_names_that_it_came_in_and_all_else_to_the_bit(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder folder = new();
        using ModelFile file = Load(family);
        string last = VitNames.Block(file.Model.Config.Depth - 1, "");
        string[] edited =
        [
            .. file.Model.Tensors.Keys.Where(n =>
                n.StartsWith(last, StringComparison.Ordinal) && !n.EndsWith("qkv.bias", StringComparison.Ordinal)
            ),
        ];
        Dictionary<string, Tensor> changes = edited.ToDictionary(n => n, n => file.Model.Tensors[n] + 0.25);
        file.WriteWith(folder.File("same.safetensors"), new Dictionary<string, Tensor>(), overwrite: false);
        file.WriteWith(folder.File("edited.safetensors"), changes, overwrite: false);

        using SafeTensorsFile before = SafeTensorsFile.Open(
            SharedData.Require("golden", "families", family, "model.safetensors")
        );
        using SafeTensorsFile same = SafeTensorsFile.Open(folder.File("same.safetensors"));
        using SafeTensorsFile after = SafeTensorsFile.Open(folder.File("edited.safetensors"));
        Assert.Equal(before.Tensors.Keys, same.Tensors.Keys);
        Assert.Equal(before.Tensors.Keys, after.Tensors.Keys);
        Assert.All(before.Tensors.Keys, n => Assert.True(before.Read(n).bytes.SequenceEqual(same.Read(n).bytes), n));
        int touched = before.Tensors.Keys.Count(n => !before.Read(n).bytes.SequenceEqual(after.Read(n).bytes));
        Assert.InRange(touched, edited.Length - 2, 2 * edited.Length); // gates may be packed with values

        // Alone, without the config that lay beside it, it is the same model, and the edited one.
        ModelHints alone = Hints(family);
        using ModelFile again = ModelFile.Load(folder.File("same.safetensors"), alone);
        using SafeTensorsFile golden = SafeTensorsFile.Open(Expected(family));
        Tensor input = golden.ReadFloat("input");
        Assert.Equal(file.Model.Fingerprint, again.Model.Fingerprint);
        Assert.Equal(file.Model.Config, again.Model.Config);
        Assert.Equal(0, TinyVit.MaxDifference(file.Model.Logits(input), again.Model.Logits(input)));
        using ModelFile changed = ModelFile.Load(folder.File("edited.safetensors"), alone);
        using VitModel expected = file.With(changes);
        Assert.Equal(expected.Fingerprint, changed.Model.Fingerprint);
    }

    [Theory]
    [InlineData("timm_swin")]
    [InlineData("transformers_swin")]
    public void A_norm_before_the_first_block_of_a_swin_is_not_taken_for_CLIPs(string family)
    {
        using TemporaryFolder folder = new();
        File.Copy(
            SharedData.Require("golden", "families", family, "model.safetensors"),
            folder.File("model.safetensors")
        );
        using ModelFile file = ModelFile.Load(folder.Root);
        Assert.Contains(file.Assumptions, a => a.Option == "activation");
        Assert.DoesNotContain(file.Notes, n => n.Contains("CLIP", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("timm_eva02")]
    [InlineData("transformers_swin")]
    [InlineData("timm_map_pooling")]
    public void Gradients_are_those_of_finite_differences(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = Load(family);
        using SafeTensorsFile golden = SafeTensorsFile.Open(Expected(family));
        Tensor input = golden.ReadFloat("input");
        using Generator generator = new(7, CPU);
        foreach (string name in file.Model.Tensors.Keys.Where(n => !n.EndsWith("k_bias", StringComparison.Ordinal)))
        {
            using DisposeScope inner = NewDisposeScope();
            Tensor leaf = file.Model.Tensors[name].clone().requires_grad_(true);
            Tensor direction = randn(leaf.shape, generator: generator);
            direction = direction / direction.norm();
            Tensor gradient = autograd.grad([Loss(leaf)], [leaf], allow_unused: true)[0];
            double slope = gradient.mul(direction).sum().item<float>();
            const double step = 2e-2;
            using IDisposable noGrad = no_grad();
            double difference =
                (Loss(leaf + step * direction).item<float>() - Loss(leaf - step * direction).item<float>())
                / (2 * step);
            Assert.True(
                Math.Abs(slope - difference) < 2e-2 * Math.Max(Math.Abs(slope), 0.05),
                $"{name} {slope} {difference}"
            );

            Tensor Loss(Tensor value)
            {
                Dictionary<string, Tensor> weights = new(file.Model.Tensors) { [name] = value };
                return file.Model.Logits(input, weights).square().sum();
            }
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void ONNX_Runtime_gives_the_librarys_logits(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder folder = new();
        using SafeTensorsFile golden = SafeTensorsFile.Open(Expected(family));
        Tensor input = golden.ReadFloat("input");
        // transformers' Swin takes other sizes than its config states; an ONNX file is of one.
        int? size = family == "transformers_swin" ? (int)input.shape[2] : null;
        using ModelFile file = ModelFile.Load(
            SharedData.Require("golden", "families", family, "model.safetensors"),
            Hints(family) with
            {
                ImageSize = size,
            }
        );
        string path = folder.File("model.onnx");
        OnnxExport.Write(file.Model, file.Preprocessing, null, path, overwrite: false);
        double error = TinyVit.RelativeDifference(OnnxSamples.Run(path, input), golden.ReadFloat("logits"));
        output.WriteLine($"{family} {error:0.0e-0}");
        Assert.True(error < 1e-4, $"{family}: {error}");
    }

    static string Expected(string family) => SharedData.Require("golden", "families", family, "expected.safetensors");

    internal static ModelFile Load(string family) =>
        ModelFile.Load(SharedData.Require("golden", "families", family, "model.safetensors"), Hints(family));

    static ModelHints Hints(string family) =>
        new() { ClassEmbeddings = family.Contains("zero_shot", StringComparison.Ordinal) ? Expected(family) : null };
}
