using System.Text.Json;
using Retouch.Formats;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Cli;

/// <summary>
/// The verbs that take other programs' models and hand models back: hints, <c>export</c>, <c>apply --onnx</c>,
/// <c>pull</c>.
/// </summary>
public sealed class ModelVerbTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("timm_swin", "timm")]
    [InlineData("transformers_beit", "transformers")]
    public void A_model_that_is_no_plain_ViT_goes_out_as_its_library_has_it_and_says_by_what_it_is_computed(
        string family,
        string format
    )
    {
        string model = Path.GetDirectoryName(SharedData.Require("golden", "families", family, "model.safetensors"))!;
        string[] export = ["export", "--model", model, "--format", format, "--out", _bench.Path("out")];
        Ran ran = Ran.Retouch([.. export, "--verbose"]).Good();
        Assert.Contains("all passes are libtorch's", ran.Err, StringComparison.Ordinal);
        Assert.Contains("BEiT, Data2Vec, Swin", Ran.Retouch("doctor").Good().Out, StringComparison.Ordinal);
        using ModelFile before = ModelFile.Load(model);
        using ModelFile after = ModelFile.Load(_bench.Path("out"));
        Assert.Equal(before.Model.Fingerprint, after.Model.Fingerprint);
        Assert.True(File.Exists(Path.Combine(_bench.Path("out"), "config.json")));
        string other = format == "timm" ? "transformers" : "torchvision";
        _bench.Refuses(Workbench.With(Workbench.With(export, "--format", other), "--out", _bench.Path("b")), "onnx");
    }

    [Fact]
    public void Every_verb_that_takes_a_model_takes_what_its_files_do_not_say()
    {
        string[][] verbs =
        [
            ["predict"],
            ["edit"],
            ["apply"],
            ["export"],
            ["prepare"],
            ["solve-targets"],
            ["train-locator"],
            ["mine"],
            ["bench"],
            ["bench", "masks"],
            ["bench", "report"],
            ["search-location"],
        ];
        string[] hints = ["--scheme", "--heads", "--activation", "--norm-epsilon", "--image-size", "--orientation"];
        foreach (string[] verb in verbs)
        {
            string help = Ran.Retouch([.. verb, "--help"]).Good().Out;
            Assert.All(hints, h => Assert.Contains(h + " ", help, StringComparison.Ordinal));
            if (verb is ["mine"])
                Assert.All(
                    hints,
                    h =>
                        Assert.Contains(
                            h.Replace("--", "--stronger-", StringComparison.Ordinal) + " ",
                            help,
                            StringComparison.Ordinal
                        )
                );
        }
        string[] predict = ["predict", "--model", _bench.Model, _bench.Image];
        _bench.Refuses([.. predict, "--scheme", "keras"], "--scheme is keras", "torchvision");
        _bench.Refuses([.. predict, "--scheme", "torchvision"], "conv_proj.weight");
        _bench.Refuses([.. predict, "--heads", "0"], "--heads is 0");
        _bench.Refuses([.. predict, "--heads", "5"], "5 attention heads");
        _bench.Refuses([.. predict, "--activation", "relu"], "quick-gelu");
        _bench.Refuses([.. predict, "--norm-epsilon", "1"], "--norm-epsilon is 1");
        _bench.Refuses([.. predict, "--image-size", "13"], "multiple");
    }

    [Fact]
    public void Hints_change_what_a_model_says()
    {
        string Top(params string[] more) =>
            Ran.Retouch(["predict", "--model", _bench.Model, "--json", _bench.Image, .. more])
                .Good()
                .Objects[0]
                .GetProperty("predictions")
                .ToString();
        string plain = Top();
        Assert.Equal(plain, Top("--scheme", "timm", "--heads", "3", "--activation", "gelu", "--norm-epsilon", "1e-6"));
        foreach (
            string[] hint in (string[][])
                [
                    ["--heads", "6"],
                    ["--activation", "quick-gelu"],
                    ["--norm-epsilon", "0.1"],
                    ["--image-size", "16"],
                ]
        )
            Assert.NotEqual(plain, Top(hint));
        Assert.Contains(
            "under the names of timm",
            Ran.Retouch("predict", "--model", _bench.Model, _bench.Image).Good().Err,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void An_export_is_the_patched_model_and_a_file_in_the_way_stays()
    {
        string patch = _bench.MakePatch("p.patch");
        string folder = _bench.Path("hf");
        string applied = _bench.Path("applied.safetensors");
        JsonElement told = Assert.Single(
            Ran.Retouch(
                    "export",
                    "--model",
                    _bench.Model,
                    "--labels",
                    _bench.Labels,
                    "--patch",
                    patch,
                    "--format",
                    "transformers",
                    "--out",
                    folder,
                    "--json"
                )
                .Good()
                .Objects
        );
        Assert.Equal(3, told.GetProperty("files").GetArrayLength());
        Ran.Retouch("apply", "--model", _bench.Model, "--patch", patch, "--out", applied).Good();
        using ModelFile expected = ModelFile.Load(applied);
        using ModelFile exported = ModelFile.Load(folder);
        Assert.Equal(expected.Model.Fingerprint, exported.Model.Fingerprint);
        Assert.Equal(expected.Model.Fingerprint, told.GetProperty("model").GetString());
        Assert.Equal(("transformers", "dog"), (exported.Scheme.Name, exported.Labels![3].Name));
        // The labels beside the model are used without --labels.
        Assert.Contains(
            "gnu",
            Ran.Retouch("predict", "--model", folder, "--top", "7", _bench.Image).Good().Out,
            StringComparison.Ordinal
        );
        _bench.Refuses(
            ["export", "--model", _bench.Model, "--format", "transformers", "--out", folder],
            "exists",
            "--overwrite"
        );
        _bench.Refuses(
            ["export", "--model", _bench.Model, "--format", "keras", "--out", folder],
            "torchvision",
            "onnx"
        );
        _bench.Refuses(["export", "--model", _bench.Model, "--format", "timm", "--out", _bench.Labels], "is a file");
        _bench.Refuses(
            [
                "export",
                "--model",
                _bench.WriteModel("other.safetensors", 9),
                "--patch",
                patch,
                "--format",
                "timm",
                "--out",
                _bench.Path("x.safetensors"),
            ],
            "p.patch"
        );
    }

    [Fact]
    public void A_patch_goes_from_the_model_into_the_ONNX_file_that_is_served()
    {
        string patch = _bench.MakePatch("p.patch");
        string label = _bench.WrongLabel();
        string served = _bench.Path("served.onnx");
        string output = _bench.Path("new.onnx");
        Assert.Equal(
            17,
            Assert
                .Single(
                    Ran.Retouch("export", "--model", _bench.Model, "--format", "onnx", "--out", served, "--json")
                        .Good()
                        .Objects
                )
                .GetProperty("opset")
                .GetInt32()
        );
        File.WriteAllBytes(
            served,
            OnnxSamples.Rewritten(
                File.ReadAllBytes(served),
                n => n is OnnxExport.Input or OnnxExport.Output ? n : "onnx::" + n.GetHashCode(StringComparison.Ordinal)
            )
        );
        string[] apply = ["apply", "--onnx", served, "--model", _bench.Model, "--patch", patch, "--out", output];
        Ran.Retouch(apply).Good();
        using ModelFile model = ModelFile.Load(_bench.Model);
        using TorchSharp.torch.Tensor pixels = Retouch.Images.ImageLoader.LoadBatch(
            [_bench.Image],
            model.Preprocessing
        );
        using TorchSharp.torch.Tensor before = OnnxSamples.Run(served, pixels);
        using TorchSharp.torch.Tensor after = OnnxSamples.Run(output, pixels);
        Assert.NotEqual(label, before.argmax().item<long>().ToString());
        Assert.Equal(label, after.argmax().item<long>().ToString());
        _bench.Refuses(apply, "exists");
        _bench.Refuses(
            Workbench.With(Workbench.With(apply, "--onnx", output), "--out", _bench.Path("twice.onnx")),
            patch,
            "in " + output + " already"
        );
        _bench.Refuses(
            Workbench.With(Workbench.With(apply, "--onnx", _bench.Labels), "--out", _bench.Path("twice.onnx")),
            "labels.txt",
            "ONNX"
        );
    }

    [Fact]
    public void A_name_of_the_hub_is_pulled_once_and_then_a_model_everywhere()
    {
        using HubServer server = new();
        server.Files["model.safetensors"] = File.ReadAllBytes(_bench.Model);
        server.Files["config.json"] =
            """{"architecture": "vit_test", "num_features": 24, "label_names": ["a", "b", "c", "d", "e", "f", "gnat"]}"""u8.ToArray();
        using EnvironmentVariables environment = new(
            ("HF_HOME", _bench.Path("home")),
            ("HF_ENDPOINT", server.Address),
            ("HF_HUB_OFFLINE", null),
            ("HF_HUB_CACHE", null),
            ("HF_TOKEN", null)
        );
        string path = Assert
            .Single(Ran.Retouch("pull", "timm/vit_test.in1k", "--json").Good().Objects)
            .GetProperty("path")
            .GetString()!;
        Assert.True(File.Exists(Path.Combine(path, "model.safetensors")));
        Assert.Contains(
            "gnat",
            Ran.Retouch("predict", "--model", "timm/vit_test.in1k", "--top", "7", _bench.Image).Good().Out,
            StringComparison.Ordinal
        );
        int requests = server.Requests.Count;
        environment.Set("HF_HUB_OFFLINE", "1");
        Ran.Retouch(
                "export",
                "--model",
                "timm/vit_test.in1k",
                "--format",
                "torchvision",
                "--out",
                _bench.Path("tv.safetensors")
            )
            .Good();
        Ran.Retouch("pull", "timm/vit_test.in1k").Good();
        Assert.Equal(requests, server.Requests.Count);
        _bench.Refuses(["predict", "--model", "timm/vit_other", _bench.Image], "timm/vit_other", "HF_HUB_OFFLINE");
        _bench.Refuses(["pull", "not a name"], "OWNER/NAME");
        environment.Set("HF_HUB_OFFLINE", null);
        Ran.Retouch("predict", "--model", "timm/vit_new", _bench.Image).Good();
        Assert.True(server.Requests.Count > requests);
        server.Instead = async (_, stream) =>
        {
            await HubServer.AnswerAsync(stream, 401, [("Content-Length", "0")]);
            return true;
        };
        _bench.Refuses(["pull", "timm/private"], "HF_TOKEN");
    }

    /// <summary>Sets variables of this process and puts them back.</summary>
    sealed class EnvironmentVariables : IDisposable
    {
        readonly Dictionary<string, string?> _before = [];

        public EnvironmentVariables(params (string Name, string? Value)[] variables)
        {
            foreach ((string name, string? value) in variables)
                Set(name, value);
        }

        public void Set(string name, string? value)
        {
            _before.TryAdd(name, Environment.GetEnvironmentVariable(name));
            Environment.SetEnvironmentVariable(name, value);
        }

        public void Dispose()
        {
            foreach ((string name, string? value) in _before)
                Environment.SetEnvironmentVariable(name, value);
        }
    }
}
