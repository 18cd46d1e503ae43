using System.Text.Json;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Formats;
using Retouch.Tests.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Cli;

/// <summary>What <c>apply</c> refuses, measures and takes along.</summary>
public sealed class ApplyTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Patches_that_cancel_each_other_are_refused_unless_forced()
    {
        string a = Save("a", Rewriting(1));
        string b = Save("b", Rewriting(2));
        string renamed = Save("a2", Rewriting(1, method: "other"));
        string p = _bench.MakePatch("p");
        string[] export =
        [
            "export",
            "--format",
            "onnx",
            "--model",
            _bench.Model,
            "--out",
            _bench.Path("m.onnx"),
            "--patch",
        ];
        _bench.Refuses(Apply("m", a, b), a, b, "rewrite unit 5 of block 3", "--force");
        _bench.Refuses(Apply("m", p, p), p, "the same patch", "--force");
        _bench.Refuses(Apply("m", a, renamed), "the same patch", "--force");
        _bench.Refuses([.. export, a, b], "rewrite unit 5 of block 3", "--force");
        Assert.Contains("rewrite unit 5 of block 3", Ran.Retouch("log", a, b).Good().Err, StringComparison.Ordinal);

        Ran forced = Ran.Retouch([.. Apply("m", a, b), "--force"]).Good();
        Assert.Contains("rewrite unit 5 of block 3", forced.Err, StringComparison.Ordinal);
        Assert.Contains("2 patches", forced.Out, StringComparison.Ordinal);
        Ran.Retouch([.. export, a, b, "--force"]).Good();
    }

    [Fact]
    public void What_patches_do_together_is_measured_on_their_own_images_and_the_exit_code_says_it()
    {
        string p = _bench.MakePatch("p", "--labels", _bench.Labels);
        string against = Save("against", Negative(p));
        Ran alone = Ran.Retouch(Apply("alone", p)).Good();
        Assert.Contains($"right  {_bench.Image}", alone.Out, StringComparison.Ordinal);
        Assert.Contains("1 of 1", alone.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("--heads", alone.Out, StringComparison.Ordinal);

        string[] before = _bench.Contents();
        Ran together = Ran.Retouch(Apply("m", p, against));
        Assert.Equal(1, together.Code);
        Assert.Contains($"WRONG  {_bench.Image}", together.Out, StringComparison.Ordinal);
        Assert.Contains("nothing was written", together.Out, StringComparison.Ordinal);
        Assert.Contains($"most images of {p} are wrong", together.Out, StringComparison.Ordinal);
        Assert.Contains("the same --heads, --norm-epsilon … as then", together.Out, StringComparison.Ordinal);
        Assert.Contains("measured together, 0 of 1", together.Err, StringComparison.Ordinal);
        Assert.Equal(before, _bench.Contents());

        // An export of them is no better; JSON keeps its stream to itself.
        Ran export = Ran.Retouch(
            "export",
            "--format",
            "timm",
            "--model",
            _bench.Model,
            "--out",
            _bench.Path("m.safetensors"),
            "--patch",
            p,
            against,
            "--json"
        );
        Assert.Equal((1, ""), (export.Code, export.Out));
        Assert.Contains("WRONG", export.Err, StringComparison.Ordinal);
        Assert.Equal(before, _bench.Contents());

        Ran forced = Ran.Retouch([.. Apply("m", p, against), "--force"]);
        Assert.Equal(1, forced.Code);
        Assert.True(File.Exists(_bench.Path("m")));
        Ran unasked = Ran.Retouch([.. Apply("m2", p, against), "--verify", "false"]).Good();
        Assert.Contains("what they do together was not", unasked.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_many_right_images_some_are_named_and_of_wrong_ones_all()
    {
        string many;
        string against;
        using (Patch one = PatchFile.Load(_bench.MakePatch("p", "--labels", _bench.Labels)))
        {
            many = Save("many", Of(one, 25));
            against = Save("against", Negative(many));
        }
        string right = Ran.Retouch(Apply("m", many)).Good().Out;
        Assert.Equal(20, right.Split($"  right  {_bench.Image}").Length - 1);
        Assert.Contains("and 5 more are right", right, StringComparison.Ordinal);
        Assert.Contains("25 of 25", right, StringComparison.Ordinal);
        string wrong = Ran.Retouch([.. Apply("m2", many, against), "--force"]).Out;
        Assert.Equal(25, wrong.Split($"  WRONG  {_bench.Image}").Length - 1);
        File.Delete(_bench.Image);
        string missing = Ran.Retouch(Apply("m3", many)).Good().Err;
        Assert.Equal(20, missing.Split("note: image.png").Length - 1);
        Assert.Contains("and 5 more were not asked", missing, StringComparison.Ordinal);

        static Patch Of(Patch patch, int images) =>
            new(
                new WeightDelta(patch.Delta.Units, [.. patch.Delta.Rows.Select(r => r.clone())]),
                patch.Provenance with
                {
                    Images = [.. Enumerable.Repeat(patch.Provenance.Images[0], images)],
                }
            );
    }

    [Fact]
    public void What_is_no_patch_is_told_what_writes_them() =>
        _bench.Refuses(
            Apply("m", _bench.Model),
            "is a safetensors file but not a patch",
            "'retouch edit --out' and 'retouch repair --out'"
        );

    [Fact]
    public void Images_that_moved_are_found_beside_the_patch_or_by_their_contents()
    {
        Directory.CreateDirectory(_bench.Path("work/photos"));
        string image = _bench.WriteImage("work/photos/image.png", 1);
        string patch = _bench.Path("work/p");
        Ran.Retouch(Workbench.With(_bench.Edit(patch), "--image", image)).Good();
        using (Patch read = PatchFile.Load(patch))
            Assert.Equal("photos/image.png", read.Provenance.Images[0].Path);

        // Both together to another place.
        Directory.Move(_bench.Path("work"), _bench.Path("moved"));
        patch = _bench.Path("moved/p");
        Assert.Contains("1 of 1", Ran.Retouch(Apply("m1", patch)).Good().Out, StringComparison.Ordinal);

        // Another image under the name is none of the patch's.
        File.Delete(_bench.Image);
        File.Move(_bench.Path("moved/photos/image.png"), _bench.Path("locality/renamed.png"));
        _bench.WriteImage("moved/photos/image.png", 99);
        Ran changed = Ran.Retouch(Apply("m2", patch)).Good();
        Assert.Contains("is another image now", changed.Err, StringComparison.Ordinal);
        Assert.DoesNotContain("right", changed.Out, StringComparison.Ordinal);
        Ran needed = Ran.Retouch([.. Apply("m3", patch), "--verify"]);
        Assert.Equal(2, needed.Code);
        Assert.Contains("--images", needed.Err, StringComparison.Ordinal);
        Assert.Contains(
            "renamed.png",
            Ran.Retouch([.. Apply("m4", patch), "--verify", "--images", _bench.Locality]).Good().Out,
            StringComparison.Ordinal
        );

        File.Delete(_bench.Path("moved/photos/image.png"));
        Assert.Contains("image.png of", Ran.Retouch(Apply("m5", patch)).Good().Err, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("heads")]
    [InlineData("preprocessing")]
    [InlineData("transformers")]
    [InlineData("hints")]
    public void The_result_carries_what_lay_beside_the_model(string what)
    {
        Directory.CreateDirectory(_bench.Path("base"));
        Directory.CreateDirectory(_bench.Path("elsewhere"));
        string model = _bench.WriteModel("base/model.safetensors", 0, heads: "2");
        string result = _bench.Path("elsewhere/edited.safetensors");
        string patch = _bench.Path("p");
        using (SafeTensorsFile plain = SafeTensorsFile.Open(_bench.Model))
        {
            using DisposeScope scope = NewDisposeScope();
            SafeTensorsWriter.Write(model, plain.Tensors.Keys.Select(n => (n, plain.Read(n))), null, overwrite: true);
        }
        string[] names = ["ant", "bee", "cow", "dog", "elk", "fox", "gnu"];
        string pretrained =
            """{"input_size":[3,12,12],"interpolation":"bilinear","crop_pct":0.75,"mean":[0.1,0.2,0.3],"std":[0.4,0.5,0.6]}""";
        (string config, string[] hints) = what switch
        {
            "heads" => (
                """{"architecture":"vit_tiny_patch16_224","num_features":24,"model_args":{"num_heads":6}}""",
                (string[])[]
            ),
            "preprocessing" => (
                $$"""{"architecture":"vit_tiny_patch16_224","num_features":24,"model_args":{"num_heads":3},"label_names":{{JsonSerializer.Serialize(names)}},"pretrained_cfg":{{pretrained}}}""",
                []
            ),
            "transformers" => (
                $$"""{"model_type":"vit","hidden_size":24,"num_attention_heads":3,"layer_norm_eps":0.01,"hidden_act":"gelu_new","id2label":{{JsonSerializer.Serialize(names.Index().ToDictionary(n => n.Index, n => n.Item))}}}""",
                []
            ),
            _ => ("", ["--heads", "6", "--norm-epsilon", "0.05"]),
        };
        if (config.Length > 0)
            _bench.Write("base/config.json", config);
        JsonElement edit = Ran.Retouch([
            "edit",
            "--model",
            model,
            "--image",
            _bench.Image,
            "--label",
            "4",
            "--locator",
            "gradient",
            "--keep",
            "0.2",
            "--lr",
            "0.001",
            "--steps",
            "2",
            "--force",
            "--out",
            patch,
            "--json",
            .. hints,
        ]).Objects[0];
        Ran applied = Ran.Retouch(["apply", "--model", model, "--patch", patch, "--out", result, "--force", .. hints]);
        Assert.True(File.Exists(result), applied.Err);

        JsonElement shown = edit.GetProperty("after");
        JsonElement now = Ran.Retouch("predict", "--model", result, "--top", "3", "--json", _bench.Image)
            .Good()
            .Objects[0]
            .GetProperty("predictions");
        foreach ((JsonElement e, JsonElement n) in shown.EnumerateArray().Zip(now.EnumerateArray()))
        {
            Assert.Equal(e.GetProperty("name").GetString(), n.GetProperty("name").GetString());
            Assert.Equal(e.GetProperty("probability").GetDouble(), n.GetProperty("probability").GetDouble(), 1e-5);
        }
        using ModelFile before = ModelFile.Load(
            model,
            what == "hints"
                ? new ModelHints
                {
                    Traits = new VitTraits { Heads = 6, NormEpsilon = 0.05 },
                }
                : null
        );
        using ModelFile after = ModelFile.Load(result);
        Assert.Equal(before.Model.Config, after.Model.Config);
        Assert.Equal(before.Preprocessing, after.Preprocessing);
        Assert.Equal(before.Labels is null, after.Labels is null);
        if (what is "preprocessing" or "transformers")
            Assert.Equal("gnu", after.Labels![6].Name);

        // A whole file's export says the class names, too.
        Ran.Retouch([
                "export",
                "--format",
                "timm",
                "--model",
                model,
                "--out",
                _bench.Path("elsewhere/plain.safetensors"),
                .. hints,
            ])
            .Good();
        using ModelFile exported = ModelFile.Load(_bench.Path("elsewhere/plain.safetensors"));
        Assert.Equal(
            (before.Model.Config, before.Preprocessing, before.Labels?[0].Name),
            (exported.Model.Config, exported.Preprocessing, exported.Labels?[0].Name)
        );
    }

    [Fact]
    public void A_result_in_a_folder_with_another_models_config_keeps_its_own_preprocessing()
    {
        Directory.CreateDirectory(_bench.Path("elsewhere"));
        _bench.Write(
            "elsewhere/config.json",
            """{"architecture":"vit_tiny_patch16_224","num_features":24,"model_args":{"num_heads":6},"pretrained_cfg":{"input_size":[3,12,12],"interpolation":"bilinear","crop_pct":0.5,"mean":[0,0,0],"std":[1,1,1]}}"""
        );
        string patch = _bench.MakePatch("p");
        string result = _bench.Path("elsewhere/edited.safetensors");
        Ran ran = Ran.Retouch("apply", "--model", _bench.Model, "--patch", patch, "--out", result).Good();
        Assert.Contains("is not this model's", ran.Err, StringComparison.Ordinal);
        using ModelFile before = ModelFile.Load(_bench.Model);
        using ModelFile after = ModelFile.Load(result);
        Assert.Equal((before.Model.Config, before.Preprocessing), (after.Model.Config, after.Preprocessing));
    }

    [Fact]
    public void What_is_read_is_never_replaced_unasked_by_whatever_path()
    {
        Assert.SkipUnless(!OperatingSystem.IsWindows(), "links need rights on Windows");
        string patch = _bench.MakePatch("p");
        string original = _bench.Model;
        Directory.CreateDirectory(_bench.Path("sub"));
        using TemporaryFolder links = new();
        string link = links.File("link");
        string fileLink = links.File("file.safetensors");
        Directory.CreateSymbolicLink(link, _bench.Root);
        File.CreateSymbolicLink(fileLink, original);
        string onnx = _bench.Path("live.onnx");
        Ran.Retouch("export", "--format", "onnx", "--model", original, "--out", onnx).Good();
        string folder = _bench.Path("folder");
        Directory.CreateDirectory(folder);
        File.Copy(original, Path.Combine(folder, "model.safetensors"));

        foreach (
            string path in (string[])
                [
                    original,
                    _bench.Path("sub/../model.safetensors"),
                    Path.Combine(link, "model.safetensors"),
                    fileLink,
                    Path.GetRelativePath(Environment.CurrentDirectory, original),
                ]
        )
        {
            byte[] before = File.ReadAllBytes(original);
            Ran refused = Ran.Retouch("apply", "--model", original, "--patch", patch, "--out", path, "--overwrite");
            Assert.Equal((2, ""), (refused.Code, refused.Out));
            Assert.Contains("itself, which would be lost", refused.Err, StringComparison.Ordinal);
            Assert.Contains("--replace-original", refused.Err, StringComparison.Ordinal);
            Assert.Equal(before, File.ReadAllBytes(original));
        }
        _bench.Refuses(
            ["apply", "--model", fileLink, "--patch", patch, "--out", original, "--overwrite"],
            "itself",
            "--replace-original"
        );
        _bench.Refuses(
            [
                "apply",
                "--model",
                folder,
                "--patch",
                patch,
                "--out",
                Path.Combine(folder, "model.safetensors"),
                "--overwrite",
            ],
            "itself",
            "--replace-original"
        );
        string[] served = ["apply", "--model", original, "--patch", patch, "--onnx", onnx, "--overwrite", "--out"];
        _bench.Refuses([.. served, onnx], "--onnx", "--replace-original");
        _bench.Refuses([.. served, Path.Combine(link, "live.onnx")], "--onnx", "--replace-original");
        // Never the patch, the model in the place of an ONNX file, or what other verbs read.
        _bench.Refuses(
            ["apply", "--model", original, "--patch", patch, "--out", patch, "--overwrite", "--replace-original"],
            "--patch",
            "lost"
        );
        _bench.Refuses(
            [
                "edit",
                "--model",
                original,
                "--image",
                _bench.Image,
                "--label",
                "1",
                "--locator",
                "all",
                "--out",
                original,
                "--overwrite",
            ],
            "--model",
            "lost"
        );
        _bench.Refuses(
            [
                "export",
                "--format",
                "timm",
                "--model",
                original,
                "--out",
                Path.Combine(link, "model.safetensors"),
                "--overwrite",
            ],
            "--model",
            "lost"
        );
        _bench.Refuses(
            ["export", "--format", "timm", "--model", folder, "--out", folder, "--overwrite"],
            "folder that the model lies in"
        );
        _bench.Refuses(
            [
                "mine",
                "--model",
                original,
                "--images",
                _bench.Locality,
                "--labels",
                _bench.Labels,
                "--out",
                _bench.Labels,
                "--overwrite",
            ],
            "--labels",
            "lost"
        );

        // --replace-original is for the original alone.
        string other = _bench.Write("other.safetensors", "kept");
        _bench.Refuses(
            ["apply", "--model", original, "--patch", patch, "--out", other, "--replace-original"],
            "exists",
            "--overwrite"
        );
        Ran replaced = Ran.Retouch(
                "apply",
                "--model",
                original,
                "--patch",
                patch,
                "--onnx",
                onnx,
                "--out",
                onnx,
                "--replace-original"
            )
            .Good();
        Assert.Contains("no copy of the original was kept", replaced.Out, StringComparison.Ordinal);
        replaced = Ran.Retouch(
                "apply",
                "--model",
                original,
                "--patch",
                patch,
                "--out",
                Path.Combine(link, "model.safetensors"),
                "--replace-original"
            )
            .Good();
        Assert.Contains("was replaced", replaced.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("apply", "m.pth", "PyTorch")]
    [InlineData("apply", "m.BIN", "PyTorch")]
    [InlineData("apply", "m.npz", "NumPy")]
    [InlineData("apply", "m.onnx", "ONNX")]
    [InlineData("apply", "m.patch", "a patch")]
    [InlineData("onnx", "m.safetensors", "safetensors")]
    [InlineData("timm", "m.pt", "PyTorch")]
    [InlineData("timm", "m.onnx", "ONNX")]
    [InlineData("export-onnx", "m.safetensors", "safetensors")]
    [InlineData("edit", "m.pth", "PyTorch")]
    [InlineData("edit", "m.json", "JSON")]
    [InlineData("prepare", "m.pt", "PyTorch")]
    [InlineData("pretrain", "m.pth", "PyTorch")]
    [InlineData("train-locator", "m.ckpt", "PyTorch")]
    [InlineData("mine", "m.html", "web page")]
    public void A_name_that_says_something_else_than_the_content_is_refused(string verb, string name, string said)
    {
        string patch = Save("p.patch", Rewriting(1));
        string output = _bench.Path(name);
        string[] args = verb switch
        {
            "apply" => ["apply", "--model", _bench.Model, "--patch", patch],
            "onnx" => ["apply", "--model", _bench.Model, "--patch", patch, "--onnx", _bench.Labels],
            "timm" => ["export", "--format", "timm", "--model", _bench.Model],
            "export-onnx" => ["export", "--format", "onnx", "--model", _bench.Model],
            "edit" => ["edit", "--model", _bench.Model, "--image", _bench.Image, "--label", "1"],
            "prepare" => ["prepare", "--model", _bench.Model, "--images", _bench.Locality, "--method", "kfac"],
            "pretrain" => ["pretrain", "--images", _bench.Locality],
            "train-locator" => ["train-locator", "--model", _bench.Model, "--images", _bench.Locality],
            _ => ["mine", "--model", _bench.Model, "--images", _bench.Locality],
        };
        _bench.Refuses([.. args, "--out", output], output, said, "ends in");
    }

    [Fact]
    public void The_patch_of_a_half_precision_twin_is_called_so_from_the_command_line()
    {
        string half = _bench.WriteModel("half.safetensors", 0, ScalarType.Float16);
        string full = _bench.MakePatch("p");
        string ofHalf = _bench.Path("q");
        Ran.Retouch(Workbench.With(_bench.Edit(ofHalf), "--model", half)).Good();
        _bench.Refuses(
            ["apply", "--model", half, "--patch", full, "--out", _bench.Path("m")],
            full,
            "float16",
            "half-precision twin"
        );
        _bench.Refuses(
            ["apply", "--model", _bench.Model, "--patch", ofHalf, "--out", _bench.Path("m")],
            ofHalf,
            "float16",
            "half-precision twin"
        );
        _bench.Refuses(
            ["export", "--format", "onnx", "--model", half, "--patch", full, "--out", _bench.Path("m.onnx")],
            "half-precision twin"
        );
        Assert.Contains(
            "1 of 1",
            Ran.Retouch("apply", "--model", half, "--patch", ofHalf, "--out", _bench.Path("m")).Good().Out,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void The_order_of_patches_changes_neither_file_nor_whom_a_later_patch_fits()
    {
        string second = _bench.WriteImage("second.png", 2);
        string a = _bench.MakePatch("a");
        string b = _bench.Path("b");
        string pq = _bench.Path("pq.safetensors");
        string qp = _bench.Path("qp.safetensors");
        Ran.Retouch(
                "edit",
                "--model",
                _bench.Model,
                "--image",
                second,
                "--label",
                _bench.WrongLabel(second),
                "--locator",
                "all",
                "--lr",
                Workbench.Rate,
                "--out",
                b
            )
            .Good();
        Ran.Retouch("apply", "--model", _bench.Model, "--patch", a, b, "--out", pq, "--verify", "false").Good();
        Ran.Retouch("apply", "--model", _bench.Model, "--patch", b, a, "--out", qp, "--verify", "false").Good();
        Assert.Equal(File.ReadAllBytes(pq), File.ReadAllBytes(qp));
        string later = _bench.Path("later");
        string third = _bench.WriteImage("third.png", 3);
        Ran.Retouch([
            "edit",
            "--model",
            pq,
            "--image",
            third,
            "--label",
            "2",
            "--locator",
            "all",
            "--lr",
            Workbench.Rate,
            "--force",
            "--out",
            later,
        ]);
        Ran.Retouch("apply", "--model", qp, "--patch", later, "--out", _bench.Path("m"), "--verify", "false").Good();
    }

    string[] Apply(string output, params string[] patches) =>
        ["apply", "--model", _bench.Model, "--out", _bench.Path(output), "--patch", .. patches];

    Patch Rewriting(int seed, string method = "gate")
    {
        using ModelFile file = ModelFile.Load(_bench.Model);
        Patch patch = PatchSamples.Rewriting(file.Model, 3, 5, seed);
        return patch.With(patch.Provenance with { Method = method });
    }

    static Patch Negative(string path)
    {
        using DisposeScope scope = NewDisposeScope();
        using Patch patch = PatchFile.Load(path);
        return new Patch(
            new WeightDelta(patch.Delta.Units, [.. patch.Delta.Rows.Select(r => r.neg())]),
            patch.Provenance with
            {
                Images = [],
            }
        );
    }

    string Save(string name, Patch patch)
    {
        using (patch)
            PatchFile.Save(patch, _bench.Path(name), overwrite: true);
        return _bench.Path(name);
    }
}
