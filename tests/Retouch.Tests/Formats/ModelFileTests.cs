using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using Retouch.Tests.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

public sealed class ModelFileTests : IDisposable
{
    static readonly string[] PlainFormats = ["timm", "transformers", "torchvision"];

    readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Variants => [.. TinyVit.Variants.Keys];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Round_trips_between_all_writable_schemes_are_equal_to_the_bit()
    {
        using VitModel model = TinyVit.Of(TinyVit.Variants["plain"]);
        foreach (string from in PlainFormats)
        {
            string first = _folder.File($"{from}.safetensors");
            ModelExport.Write(
                model,
                ModelExport.Find(from, model),
                Preprocessing.ImageNet(12, 0.9),
                null,
                first,
                overwrite: true
            );
            using ModelFile read = ModelFile.Load(first);
            Assert.Equal(from, read.Scheme.Name);
            ModelSamples.Same(model, read.Model);
            foreach (string to in PlainFormats)
            {
                string second = _folder.File($"{from}-{to}.safetensors");
                ModelExport.Write(
                    read.Model,
                    ModelExport.Find(to, read.Model),
                    read.Preprocessing,
                    null,
                    second,
                    overwrite: true
                );
                using ModelFile again = ModelFile.Load(second);
                ModelSamples.Same(model, again.Model);
                Assert.Equal(read.Preprocessing, again.Preprocessing);
            }
            Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(_folder.File($"{from}-{from}.safetensors")));
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Each_format_takes_a_variant_whole_or_names_the_tensor_that_it_cannot_express(string variant)
    {
        using VitModel model = TinyVit.Of(TinyVit.Variants[variant]);
        foreach (string format in PlainFormats)
        {
            string path = _folder.File($"{format}.safetensors");
            if ((variant, format) is ("plain", _) or (_, "timm") or ("tanh" or "distilled", "transformers"))
            {
                ModelExport.Write(
                    model,
                    ModelExport.Find(format, model),
                    Preprocessing.Inception(12, 1),
                    null,
                    path,
                    overwrite: true
                );
                using ModelFile read = ModelFile.Load(path);
                ModelSamples.Same(model, read.Model);
            }
            else
            {
                string message = Assert.Throws<BadInputException>(() => ModelExport.Find(format, model)).Message;
                string[] told = variant switch
                {
                    "layerscale" => ["ls1.gamma"],
                    "clip" => ["norm_pre"],
                    "registers" or "distilled" or "average with [CLS]" => ["reg_token", "ls1.gamma"],
                    "average" => ["fc_norm"],
                    _ => ["gelu-tanh"],
                };
                Assert.True(told.Any(t => message.Contains(t, StringComparison.Ordinal)), message);
            }
        }
    }

    [Theory]
    [InlineData("module.")]
    [InlineData("model.")]
    [InlineData("state_dict.")]
    [InlineData("state_dict.model.")]
    [InlineData("ema.module.")]
    [InlineData("timm_model.")]
    public void Prefixes_of_training_scripts_are_taken_off(string prefix)
    {
        using VitModel model = TinyVit.Create();
        foreach (string format in PlainFormats)
        {
            string path = ModelSamples.Write(_folder.File("m.safetensors"), model, format, prefix);
            using ModelFile file = ModelFile.Load(path, ModelSamples.Hints(model.Config));
            Assert.Equal((format, prefix), (file.Scheme.Name, file.Prefix));
            Assert.Equal(model.Fingerprint, file.Model.Fingerprint);
        }
    }

    [Fact]
    public void Averaged_weights_come_before_the_others_as_in_timm()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel last = TinyVit.Create(1);
        using VitModel averaged = TinyVit.Create(2);
        string path = _folder.File("both.safetensors");
        SafeTensorsWriter.Write(
            path,
            last.Tensors.Select(t => ("state_dict." + t.Key, t.Value))
                .Concat(averaged.Tensors.Select(t => ("state_dict_ema." + t.Key, t.Value))),
            null,
            overwrite: false
        );
        using ModelFile file = ModelFile.Load(path, ModelSamples.Hints(last.Config));
        Assert.Equal(("state_dict_ema.", averaged.Fingerprint), (file.Prefix, file.Model.Fingerprint));
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64)]
    public void Other_float_types_are_widened_and_written_back(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        string path = ModelSamples.Write(_folder.File("m.safetensors"), model, "transformers", type: type);
        string edited = _folder.File("e.safetensors");
        using ModelFile file = ModelFile.Load(path, ModelSamples.Hints(model.Config));
        foreach ((string name, Tensor tensor) in model.Tensors)
            Assert.Equal(0, TinyVit.MaxDifference(tensor.to(type).to(ScalarType.Float32), file.Model.Tensors[name]));
        // A whole-tensor change of the fused projection goes into the file's three.
        Tensor qkv = file.Model.Tensors["blocks.1.attn.qkv.weight"] + 1;
        file.WriteWith(edited, new Dictionary<string, Tensor> { ["blocks.1.attn.qkv.weight"] = qkv }, overwrite: false);
        using SafeTensorsFile before = SafeTensorsFile.Open(path);
        using SafeTensorsFile after = SafeTensorsFile.Open(edited);
        Assert.Equal(
            ["key", "query", "value"],
            before
                .Tensors.Keys.Where(n =>
                    !SafeTensorsSamples.Raw(before, n).SequenceEqual(SafeTensorsSamples.Raw(after, n))
                )
                .Select(n => n.Split('.')[^2])
                .Order()
        );
        using ModelFile again = ModelFile.Load(edited, ModelSamples.Hints(model.Config));
        Assert.Equal(
            0,
            TinyVit.MaxDifference(qkv.to(type).to(ScalarType.Float32), again.Model.Tensors["blocks.1.attn.qkv.weight"])
        );
    }

    [Fact]
    public void A_scheme_can_be_forced_and_one_that_does_not_fit_is_refused()
    {
        using VitModel model = TinyVit.Create();
        string path = ModelSamples.Write(_folder.File("m.safetensors"), model, "torchvision");
        using ModelFile file = ModelFile.Load(
            path,
            ModelSamples.Hints(model.Config) with
            {
                Scheme = NamingSchemes.Torchvision,
            }
        );
        Assert.Equal("torchvision", file.Scheme.Name);
        Assert.Contains(
            "patch_embed.proj.weight",
            Assert
                .Throws<BadInputException>(() => ModelFile.Load(path, new ModelHints { Scheme = NamingSchemes.Timm }))
                .Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "augreg",
            Assert.Throws<BadInputException>(() => NamingSchemes.Find("keras")).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Shards_with_an_index_are_one_model()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        using SafeTensorsFile whole = SafeTensorsFile.Open(
            ModelSamples.Write(_folder.File("whole.safetensors"), model, "transformers")
        );
        Directory.CreateDirectory(_folder.File("sharded"));
        string[][] halves = [.. whole.Tensors.Keys.Chunk(whole.Tensors.Count / 2 + 1)];
        for (int i = 0; i < halves.Length; i++)
            SafeTensorsWriter.Write(
                _folder.File($"sharded/model-{i}.safetensors"),
                halves[i].Select(n => (n, whole.Read(n))).ToArray(),
                null,
                overwrite: false
            );
        string index =
            $$"""{"metadata": {}, "weight_map": { {{string.Join(",", halves.SelectMany((h, i) => h.Select(n => $"\"{n}\": \"model-{i}.safetensors\"")))}} } }""";
        string path = _folder.Write("sharded/model.safetensors.index.json", index);
        foreach (string named in (string[])[path, _folder.File("sharded")])
        {
            using ModelFile file = ModelFile.Load(named, ModelSamples.Hints(model.Config));
            Assert.Equal(model.Fingerprint, file.Model.Fingerprint);
            Assert.Contains("2 files", file.Kind, StringComparison.Ordinal);
            file.WriteWith(
                _folder.File("edited.safetensors"),
                new Dictionary<string, Tensor> { ["head.bias"] = model.Tensors["head.bias"] + 1 },
                overwrite: true
            );
        }
        using ModelFile edited = ModelFile.Load(_folder.File("edited.safetensors"));
        Assert.Equal("transformers", edited.Scheme.Name);
        Assert.Equal(0, TinyVit.MaxDifference(model.Tensors["head.bias"] + 1, edited.Model.Tensors["head.bias"]));

        foreach (
            (string bad, string word) in ((string, string)[])
                [
                    (index.Replace("model-0", "../model-0", StringComparison.Ordinal), "beside"),
                    (index.Replace("model-0", "model-9", StringComparison.Ordinal), "model-9"),
                    ("{}", "weight_map"),
                    ("[", "JSON"),
                    ("""{"weight_map":{"a":"model-0.safetensors"}}""", "\"a\""),
                ]
        )
            Assert.Contains(
                word,
                Assert
                    .Throws<BadInputException>(() =>
                        ModelFile.Load(_folder.Write("sharded/model.safetensors.index.json", bad))
                    )
                    .Message,
                StringComparison.Ordinal
            );
    }

    // Computed with torch.nn.functional.interpolate(mode="bicubic", antialias=True, align_corners=False), which timm's
    // resample_abs_pos_embed calls.
    [Theory]
    [InlineData(
        6,
        new double[]
        {
            -0.170966,
            0.884288,
            1.75466,
            0.761787,
            1.63216,
            2.687414,
            0.318499,
            0.858132,
            1.358932,
            1.02342,
            1.524222,
            2.063855,
            0.699866,
            0.869928,
            1.083312,
            1.149327,
            1.362711,
            1.532773,
            0.167642,
            0.995064,
            1.609975,
            0.622664,
            1.237575,
            2.064998,
            0.698723,
            1.156574,
            1.484069,
            0.898284,
            1.225779,
            1.68363,
            1.322282,
            1.264513,
            1.222435,
            1.294012,
            1.251935,
            1.194165,
        }
    )]
    [InlineData(
        3,
        new double[] { 0.571789, 1.219107, 1.866426, 0.736051, 1.1162, 1.496349, 1.106129, 1.219108, 1.332087 }
    )]
    [InlineData(2, new double[] { 0.839756, 1.515615, 1.065202, 1.29017 })]
    public void Positions_are_interpolated_as_PyTorch_does(int grid, double[] expected)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (string variant in (string[])["plain", "registers", "average"])
        {
            VitConfig config = TinyVit.Variants[variant] with { ImageSize = 16 };
            using VitModel random = TinyVit.Of(config);
            int prefix = config.PrefixPositions ? config.PrefixTokens : 0;
            Tensor patches = tensor([
                    .. Enumerable
                        .Range(0, 16)
                        .Select(p => (float)((3 * (p / 4) * (p / 4) + 5 * (p % 4) * (p / 4) + 7 * (p % 4)) % 11 / 4.0)),
                ])
                .view(1, 16, 1)
                .expand(1, 16, 24);
            Dictionary<string, Tensor> tensors = random.Tensors.ToDictionary(
                t => t.Key,
                t => t.Key == VitNames.Positions ? cat([t.Value.narrow(1, 0, prefix), patches], 1) : t.Value
            );
            string path = _folder.File("m.safetensors");
            SafeTensorsWriter.Write(
                path,
                tensors.Select(t => (t.Key, t.Value)),
                new Dictionary<string, string> { ["num_heads"] = "3" },
                overwrite: true
            );
            using ModelFile file = ModelFile.Load(path, new ModelHints { ImageSize = 4 * grid });
            Assert.Equal(
                (4 * grid, 4 * grid, grid),
                (file.Model.Config.ImageSize, file.Preprocessing.ImageSize, file.Model.Config.Grid)
            );
            Tensor positions = file.Model.Tensors[VitNames.Positions];
            Assert.Equal(
                0,
                TinyVit.MaxDifference(
                    random.Tensors[VitNames.Positions].narrow(1, 0, prefix),
                    positions.narrow(1, 0, prefix)
                )
            );
            Tensor wanted = tensor(expected, ScalarType.Float32).view(1, -1, 1).expand(1, grid * grid, 24);
            Assert.InRange(TinyVit.MaxDifference(wanted, positions.narrow(1, prefix, grid * grid)), 0, 5e-6);
            Assert.Equal([2L, 7L], file.Model.Logits(TinyVit.Pixels(file.Model, 2)).shape);
        }
        Assert.Contains(
            "multiple",
            Assert
                .Throws<BadInputException>(() =>
                    ModelFile.Load(_folder.File("m.safetensors"), new ModelHints { ImageSize = 15 })
                )
                .Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_patch_goes_into_a_file_read_at_another_image_size_without_touching_its_positions()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        string path = ModelSamples.Write(_folder.File("m.safetensors"), model);
        string output = _folder.File("e.safetensors");
        using ModelFile file = ModelFile.Load(path, ModelSamples.Hints(model.Config) with { ImageSize = 20 });
        Assert.NotEqual(model.Fingerprint, file.Model.Fingerprint);
        using Patch patch = PatchSamples.Random(file.Model);
        file.WriteWith(output, PatchLedger.Edited(file.Model, [patch]), overwrite: false);
        using ModelFile edited = ModelFile.Load(output, ModelSamples.Hints(model.Config));
        Assert.Equal(
            0,
            TinyVit.MaxDifference(model.Tensors[VitNames.Positions], edited.Model.Tensors[VitNames.Positions])
        );
        Assert.NotEqual(model.Fingerprint, edited.Model.Fingerprint);
    }

    [Fact]
    public void What_a_classification_does_not_need_is_passed_over_and_other_heads_are_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        using SafeTensorsFile plain = SafeTensorsFile.Open(
            ModelSamples.Write(_folder.File("hf.safetensors"), model, "transformers")
        );
        (string, Tensor)[] own = [.. plain.Tensors.Keys.Select(n => (n, plain.Read(n)))];
        string path = _folder.File("more.safetensors");
        SafeTensorsWriter.Write(
            path,
            [.. own, ("vit.pooler.dense.weight", zeros(24, 24)), ("vit.embeddings.mask_token", zeros(1, 1, 24))],
            null,
            overwrite: true
        );
        using (ModelFile file = ModelFile.Load(path, ModelSamples.Hints(model.Config)))
            Assert.Equal(model.Fingerprint, file.Model.Fingerprint);
        SafeTensorsWriter.Write(
            path,
            [.. own, ("distillation_classifier.weight", zeros(7, 24))],
            null,
            overwrite: true
        );
        Assert.Contains(
            "distillation_classifier.weight",
            Assert.Throws<BadInputException>(() => ModelFile.Load(path, ModelSamples.Hints(model.Config))).Message,
            StringComparison.Ordinal
        );
        SafeTensorsWriter.Write(
            path,
            own.Where(o => !o.Item1.Contains("layer.2.attention.attention.key.weight", StringComparison.Ordinal)),
            null,
            overwrite: true
        );
        Assert.Contains(
            "layer.2.attention.attention.query.weight",
            Assert.Throws<BadInputException>(() => ModelFile.Load(path, ModelSamples.Hints(model.Config))).Message,
            StringComparison.Ordinal
        );
    }
}
