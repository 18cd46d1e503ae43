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
        foreach (string name in tensors.Keys)
        {
            string? message = Refusal(tensors.Where(t => t.Key != name));
            if (message is null)
                needless.Add(name);
            else if (!message.Contains(name, StringComparison.Ordinal))
                unnamed.Add($"{name}: {message}");
        }
        output.WriteLine($"not needed: {string.Join(", ", needless)}");
        Assert.True(unnamed.Count == 0, string.Join('\n', unnamed));

        foreach (string extra in tensors.Keys.Where(n => n.EndsWith(".weight", StringComparison.Ordinal)).Take(40))
        {
            string name = extra.Replace(".weight", ".scale", StringComparison.Ordinal);
            if (needless.Contains(extra))
                continue;
            string? message = Refusal(tensors.Append(new(name, tensors[extra])));
            Assert.True(message is not null, name);
            Assert.Contains(name, message, StringComparison.Ordinal);
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

    static string Expected(string family) => SharedData.Require("golden", "families", family, "expected.safetensors");

    static ModelFile Load(string family) =>
        ModelFile.Load(SharedData.Require("golden", "families", family, "model.safetensors"), Hints(family));

    static ModelHints Hints(string family) =>
        new() { ClassEmbeddings = family.Contains("zero_shot", StringComparison.Ordinal) ? Expected(family) : null };
}
