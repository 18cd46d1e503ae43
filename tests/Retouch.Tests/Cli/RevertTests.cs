using Retouch.Formats;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Cli;

/// <summary>Patches are taken out of the files that they were put into, to the bit, or refused.</summary>
public sealed class RevertTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void What_is_left_is_the_model_with_the_others_to_the_bit(ScalarType type)
    {
        string model = _bench.WriteModel("base.safetensors", 0, type);
        string[] patches = [.. Enumerable.Range(1, 3).Select(i => Random(model, $"p{i}", i))];
        string whole = Applied(model, "whole", patches);
        foreach (string removed in patches)
        {
            string[] others = [.. patches.Where(p => p != removed)];
            Revert(whole, "without", removed);
            Assert.Equal(Bytes(Applied(model, "with", others)), Bytes(_bench.Path("without")));
        }
        // One after the other, in whatever order, until nothing is left.
        Revert(whole, "r1", patches[1]);
        Revert(_bench.Path("r1"), "r2", patches[2]);
        Assert.Equal(Bytes(Applied(model, "first", patches[0])), Bytes(_bench.Path("r2")));
        Revert(_bench.Path("r2"), "r3", patches[0]);
        Revert(whole, "all at once", patches);
        foreach (string none in (string[])["r3", "all at once"])
        {
            Assert.DoesNotContain(AppliedPatches.Key, Metadata(_bench.Path(none)).Keys);
            using ModelFile before = ModelFile.Load(model);
            using ModelFile after = ModelFile.Load(_bench.Path(none));
            Assert.Equal(before.Model.Fingerprint, after.Model.Fingerprint);
            Assert.Equal(File.ReadAllBytes(model)[^4096..], File.ReadAllBytes(_bench.Path(none))[^4096..]);
        }
    }

    [Fact]
    public void The_base_gives_the_same_and_is_needed_where_the_file_keeps_too_little()
    {
        string[] patches = [Random(_bench.Model, "p1", 1), Random(_bench.Model, "p2", 2)];
        string whole = Applied(_bench.Model, "whole", patches);
        Revert(whole, "alone", patches[0]);
        string[] revert =
        [
            "revert",
            "--model",
            whole,
            "--patch",
            patches[0],
            "--out",
            _bench.Path("by base"),
            "--base",
        ];
        Ran.Retouch([.. revert, _bench.Model]).Good();
        Assert.Equal(Bytes(_bench.Path("alone")), Bytes(_bench.Path("by base")));
        _bench.Refuses([.. revert, _bench.WriteModel("other", 5), "--overwrite"], "were made for the model");

        // Doubles keep more than is read of them.
        string wide = _bench.WriteModel("wide.safetensors", 0, ScalarType.Float64);
        string edited = Applied(wide, "edited", patches);
        string[] without = ["revert", "--model", edited, "--patch", patches[0], "--out", _bench.Path("narrow")];
        _bench.Refuses(without, "cannot be found from it alone", "--base");
        Ran.Retouch([.. without, "--base", wide]).Good();
        Assert.Equal(Bytes(Applied(wide, "one", patches[1])), Bytes(_bench.Path("narrow")));
    }

    [Fact]
    public void What_was_not_built_so_is_refused_and_why()
    {
        string a = Random(_bench.Model, "a", 1);
        string b = Random(_bench.Model, "b", 2);
        string edited = Applied(_bench.Model, "edited", a);
        _bench.Refuses(Reverts(_bench.Model, a), "does not say that patches are in it");
        _bench.Refuses(Reverts(edited, b), b, "is not in", "in it are: masked-fine-tuning to tench");
        _bench.Refuses(Reverts(edited, a, a), "twice");

        // Weights that someone changed afterwards.
        byte[] bytes = File.ReadAllBytes(edited);
        bytes[^1] ^= 1;
        _bench.Refuses(Reverts(_bench.Write("touched.safetensors", bytes), a), "are not those that its metadata name");
        // What is kept of the lost bits, forged: never a wrong model.
        string forged = Retold("forged.safetensors", edited, text => With(text, "undo", "AQEBAQ=="));
        _bench.Refuses(Reverts(forged, a), "cannot be found from it alone", "--base");
        foreach (string nonsense in (string[])["*", "/w==", "////////////", ""])
            _bench.Refuses(
                Reverts(Retold("forged.safetensors", edited, text => With(text, "undo", nonsense)), a),
                "cannot be found from it alone"
            );
        foreach (
            string text in (string[])["", "{}", "[]", "[null]", "[{}]", new string('[', 100_000), "[{\"base\":\"x\"}]"]
        )
            _bench.Refuses(Reverts(Retold("forged.safetensors", edited, _ => text), a), "is damaged");

        // Of several the files of those that stay are needed, wherever they lie.
        string both = Applied(_bench.Model, "both", a, b);
        Directory.CreateDirectory(_bench.Path("away"));
        File.Move(b, _bench.Path("away/renamed"));
        _bench.Refuses(Reverts(both, a), "which stays and whose file is needed", "--with");
        Ran.Retouch([.. Reverts(both, a), "--with", _bench.Path("away/renamed")]).Good();
        File.Move(_bench.Path("away/renamed"), _bench.Path("beside"));
        Ran.Retouch([.. Reverts(both, a), "--overwrite"]).Good();
        Assert.Equal(Bytes(Applied(_bench.Model, "b alone", _bench.Path("beside"))), Bytes(_bench.Path("out")));

        string[] Reverts(string model, params string[] removed) =>
            ["revert", "--model", model, "--out", _bench.Path("out"), "--patch", .. removed];
    }

    [Fact]
    public void A_patch_of_images_of_several_classes_says_so()
    {
        string several = Save("several", Of(2, 44));
        string edited = Applied(_bench.Model, "edited", several);
        AppliedPatch patch = AppliedPatches.Of(edited)[0].Patches[0];
        Assert.Equal("44 images to 2 classes", patch.Mends);
        Assert.Contains(
            $"{patch.Method}, 44 images to 2 classes",
            Ran.Retouch("ledger", "list", "--model", edited).Good().Out,
            StringComparison.Ordinal
        );
        _bench.Refuses(
            ["revert", "--model", edited, "--out", _bench.Path("out"), "--patch", Random(_bench.Model, "b", 5)],
            $"in it are: {patch.Method}, 44 images to 2 classes, SHA-256 {patch.Sha256[..12]}…"
        );
        // Of one class a file says what it always said.
        string one = Applied(_bench.Model, "one", Save("single", Of(1, 3)));
        Assert.DoesNotContain("classes", Metadata(one)[AppliedPatches.Key], StringComparison.Ordinal);
        Assert.Equal("3 images to class 0", AppliedPatches.Of(one)[0].Patches[0].Mends);

        Patch Of(int classes, int images)
        {
            using ModelFile file = ModelFile.Load(_bench.Model);
            using Patch made = PatchSamples.Random(file.Model, classes);
            return new Patch(
                new WeightDelta(made.Delta.Units, [.. made.Delta.Rows.Select(r => r.clone())]),
                made.Provenance with
                {
                    Label = 0,
                    LabelName = null,
                    Images =
                    [
                        .. Enumerable
                            .Range(0, images)
                            .Select(i => new PatchImage($"{i}.png", new string('0', 64))
                            {
                                Label = i % classes is > 0 and int label ? label : null,
                            }),
                    ],
                }
            );
        }
    }

    [Fact]
    public void Patches_on_patches_go_in_their_turn()
    {
        string a = Random(_bench.Model, "a", 1);
        string lower = Applied(_bench.Model, "lower", a);
        string b = Random(lower, "b", 2);
        string upper = Applied(lower, "upper", b);
        Assert.Equal(
            2,
            Ran.Retouch("ledger", "list", "--model", upper, "--json")
                .Good()
                .Objects[0]
                .GetProperty("edits")
                .GetArrayLength()
        );
        _bench.Refuses(["revert", "--model", upper, "--patch", a, "--out", _bench.Path("r")], "go first");
        Revert(upper, "r", b);
        Assert.Equal(Bytes(lower), Bytes(_bench.Path("r")));
        Revert(_bench.Path("r"), "r0", a);
        using ModelFile before = ModelFile.Load(_bench.Model);
        using ModelFile after = ModelFile.Load(_bench.Path("r0"));
        Assert.Equal(before.Model.Fingerprint, after.Model.Fingerprint);
    }

    [Fact]
    public void Changes_of_every_size_and_kind_come_off_again()
    {
        using ModelFile file = ModelFile.Load(_bench.Model);
        // Values that dwarf the weights, that vanish beside them, and a key that takes a unit over.
        string[] patches =
        [
            Save("large", Scaled(file.Model, 1, 1e4f)),
            Save("small", Scaled(file.Model, 2, 1e-9f)),
            Save("gate", PatchSamples.Rewriting(file.Model, 3, 5, 3)),
        ];
        string whole = Applied(_bench.Model, "whole", patches);
        foreach (string removed in patches)
        {
            Revert(whole, "without", removed);
            Assert.Equal(
                Bytes(Applied(_bench.Model, "with", [.. patches.Where(p => p != removed)])),
                Bytes(_bench.Path("without"))
            );
        }
    }

    [Fact]
    public void An_exported_file_can_go_back_too()
    {
        string a = Random(_bench.Model, "a", 1);
        string b = Random(_bench.Model, "b", 2);
        Export("both.safetensors", a, b);
        Export("one.safetensors", b);
        Revert(_bench.Path("both.safetensors"), "back.safetensors", a);
        Assert.Equal(Bytes(_bench.Path("one.safetensors")), Bytes(_bench.Path("back.safetensors")));

        void Export(string name, params string[] patches) =>
            Ran.Retouch([
                    "export",
                    "--format",
                    "timm",
                    "--model",
                    _bench.Model,
                    "--out",
                    _bench.Path(name),
                    "--patch",
                    .. patches,
                ])
                .Good();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_served_file_exchanges_patches_by_what_it_says_of_them(bool foreign)
    {
        string served = _bench.Path("served.onnx");
        Ran.Retouch("export", "--format", "onnx", "--model", _bench.Model, "--out", served).Good();
        if (foreign)
        {
            // Without a word of ours.
            using Google.Protobuf.CodedInputStream input = new(File.ReadAllBytes(served));
            using MemoryStream kept = new();
            using (Google.Protobuf.CodedOutputStream output = new(kept, leaveOpen: true))
            {
                for (uint tag; (tag = input.ReadTag()) != 0; )
                {
                    Google.Protobuf.ByteString? bytes = (tag & 7) == 2 ? input.ReadBytes() : null;
                    long number = bytes is null ? input.ReadInt64() : 0;
                    if (tag >> 3 == 14)
                        continue;
                    output.WriteTag(tag);
                    if (bytes is null)
                        output.WriteInt64(number);
                    else
                        output.WriteBytes(bytes);
                }
            }
            _bench.Write("served.onnx", kept.ToArray());
        }
        string[] patches = [.. Enumerable.Range(1, 3).Select(i => Random(_bench.Model, $"p{i}", i))];
        Onnx(served, "both", [], patches[0], patches[1]);
        Onnx(_bench.Path("both.onnx"), "exchanged", [patches[0]], patches[2]);
        Onnx(served, "direct", [], patches[2], patches[1]);
        Assert.Equal(Bytes(_bench.Path("direct.onnx")), Bytes(_bench.Path("exchanged.onnx")));
        // A further one on top is the same as all at once.
        Onnx(_bench.Path("direct.onnx"), "three", [], patches[0]);
        Onnx(served, "at once", [], [patches[1], patches[0], patches[2]]);
        Assert.Equal(Bytes(_bench.Path("at once.onnx")), Bytes(_bench.Path("three.onnx")));
        // It says which model it is now, and after all are out, that it is the old one.
        using (ModelFile file = ModelFile.Load(Applied(_bench.Model, "applied", patches[1], patches[2])))
            Says("exchanged.onnx", file.Model.Fingerprint);
        Onnx(_bench.Path("exchanged.onnx"), "none", [patches[1], patches[2]]);
        using (ModelFile file = ModelFile.Load(_bench.Model))
            Says("none.onnx", file.Model.Fingerprint);
        Assert.Empty(AppliedPatches.Of(_bench.Path("none.onnx")));
        Onnx(_bench.Path("none.onnx"), "again", [], patches[1], patches[2]);
        Assert.Equal(Weights("direct.onnx"), Weights("again.onnx"));

        string[] refused = ["apply", "--model", _bench.Model, "--out", _bench.Path("x.onnx"), "--onnx"];
        _bench.Refuses([.. refused, _bench.Path("both.onnx"), "--patch", patches[0]], patches[0], "already");
        _bench.Refuses([.. refused, _bench.Path("both.onnx"), "--remove", patches[2]], patches[2], "is not in");
        _bench.Refuses([.. refused, served, "--remove", patches[0]], "does not say that patches are in it");
        _bench.Refuses([.. refused, _bench.Path("both.onnx")], "--patch", "required");
        _bench.Refuses(["apply", "--model", _bench.Model, "--out", _bench.Path("x"), "--remove", patches[0]], "--onnx");
        _bench.Refuses(
            Workbench.With(
                [.. refused, _bench.Path("both.onnx"), "--remove", patches[0]],
                "--model",
                _bench.WriteModel("o", 7)
            ),
            "for the model"
        );

        void Onnx(string from, string to, string[] removed, params string[] added) =>
            Ran.Retouch([
                    "apply",
                    "--model",
                    _bench.Model,
                    "--onnx",
                    from,
                    "--out",
                    _bench.Path(to + ".onnx"),
                    .. removed.Length > 0 ? (string[])["--remove", .. removed] : [],
                    .. added.Length > 0 ? (string[])["--patch", .. added] : [],
                ])
                .Good();

        void Says(string name, string fingerprint)
        {
            IReadOnlyDictionary<string, string> says = OnnxPatcher.Properties(
                _bench.Path(name),
                OnnxExport.FingerprintKey
            );
            Assert.Equal(foreign ? null : fingerprint, says.GetValueOrDefault(OnnxExport.FingerprintKey));
        }

        byte[] Weights(string name)
        {
            using OnnxFile file = OnnxFile.Open(_bench.Path(name));
            return
            [
                .. file.Tensors.SelectMany(t =>
                {
                    byte[] bytes = new byte[t.Length];
                    using Stream stream = file.FileOf(t).Range(t.Offset, t.Length);
                    stream.ReadExactly(bytes);
                    return bytes;
                }),
            ];
        }
    }

    static byte[] Bytes(string path) => File.ReadAllBytes(path);

    static IReadOnlyDictionary<string, string> Metadata(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        return new Dictionary<string, string>(file.Metadata);
    }

    static string With(string text, string property, string value)
    {
        System.Text.Json.Nodes.JsonNode layers = System.Text.Json.Nodes.JsonNode.Parse(text)!;
        layers[0]![property] = value;
        return layers.ToJsonString();
    }

    // The same tensors with other words about the patches in them.
    string Retold(string name, string path, Func<string, string> change)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        SafeTensorsWriter.Rewrite(
            file,
            _bench.Path(name),
            new Dictionary<string, Tensor>(),
            new Dictionary<string, string?> { [AppliedPatches.Key] = change(file.Metadata[AppliedPatches.Key]) },
            overwrite: true
        );
        return _bench.Path(name);
    }

    string Random(string model, string name, int seed)
    {
        using ModelFile file = ModelFile.Load(model);
        return Save(name, PatchSamples.Random(file.Model, seed));
    }

    static Patch Scaled(VitModel model, int seed, float factor)
    {
        using DisposeScope scope = NewDisposeScope();
        using Patch patch = PatchSamples.Random(model, seed);
        return new Patch(
            new WeightDelta(patch.Delta.Units, [.. patch.Delta.Rows.Select(r => r * factor)]),
            patch.Provenance
        );
    }

    string Save(string name, Patch patch)
    {
        using (patch)
            PatchFile.Save(patch, _bench.Path(name), overwrite: true);
        return _bench.Path(name);
    }

    string Applied(string model, string name, params string[] patches)
    {
        Ran.Retouch(["apply", "--model", model, "--out", _bench.Path(name), "--overwrite", "--patch", .. patches])
            .Good();
        return _bench.Path(name);
    }

    void Revert(string model, string name, params string[] removed) =>
        Ran.Retouch(["revert", "--model", model, "--out", _bench.Path(name), "--overwrite", "--patch", .. removed])
            .Good();
}
