using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>ONNX files in ONNX Runtime: those that Retouch writes, and those of others that it patches.</summary>
public sealed class OnnxTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Variants => [.. TinyVit.Architectures.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Variants))]
    public void ONNX_Runtime_computes_every_architecture_as_Retouch_does(string variant)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Of(TinyVit.Architectures[variant]);
        string path = Export(model);
        foreach (int images in (int[])[1, 3])
        {
            Tensor pixels = TinyVit.Pixels(model, images);
            Assert.InRange(TinyVit.RelativeDifference(OnnxSamples.Run(path, pixels), model.Logits(pixels)), 0, 1e-4);
        }
    }

    [Fact]
    public void The_real_model_edited_and_unedited_gives_its_logits_on_100_photos()
    {
        string[] photos =
        [
            .. Directory
                .EnumerateFiles(
                    SharedData.Require("real", "imagenet-sample", "locality"),
                    "*.jpg",
                    SearchOption.AllDirectories
                )
                .Order(StringComparer.Ordinal)
                .Take(100),
        ];
        Assert.Equal(100, photos.Length);
        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = RealModel.Load();
        using Patch patch = PatchSamples.Of(
            file.Model,
            TinyVit.RandomUnits(EditSpace.Default(file.Model.Config), 0.01, 4)
        );
        using VitModel edited = PatchLedger.Apply(file.Model, [patch]);
        string plain = Export(file.Model, "base.onnx");
        string changed = Export(edited, "edited.onnx");
        string patched = _folder.File("patched.onnx");
        Dictionary<string, Tensor> after = PatchLedger.Edited(file.Model, [patch]);
        OnnxPatcher.Write(
            plain,
            patched,
            after.ToDictionary(a => a.Key, a => file.Model.Tensors[a.Key]),
            after,
            overwrite: false
        );
        bool moved = false;
        foreach (string[] chunk in photos.Chunk(25))
        {
            using DisposeScope each = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            Tensor pixels = ImageLoader.LoadBatch(chunk, file.Preprocessing);
            Tensor own = file.Model.Logits(pixels);
            Tensor ownEdited = edited.Logits(pixels);
            Tensor theirs = OnnxSamples.Run(plain, pixels);
            Tensor theirsEdited = OnnxSamples.Run(changed, pixels);
            foreach ((Tensor expected, Tensor actual) in ((Tensor, Tensor)[])[(own, theirs), (ownEdited, theirsEdited)])
            {
                Assert.InRange(TinyVit.RelativeDifference(actual, expected), 0, 1e-4);
                Assert.Equal(expected.argmax(1).data<long>().ToArray(), actual.argmax(1).data<long>().ToArray());
            }
            Assert.Equal(0, TinyVit.MaxDifference(theirsEdited, OnnxSamples.Run(patched, pixels)));
            moved |= TinyVit.MaxDifference(own, ownEdited) > 0.1;
        }
        Assert.True(moved);
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public void A_patch_goes_into_a_file_with_other_names_types_and_places(bool half, bool floatData, bool outside)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Of(TinyVit.Variants["layerscale"]);
        using Patch patch = PatchSamples.Random(model);
        using VitModel edited = PatchLedger.Apply(model, [patch]);
        Directory.CreateDirectory(_folder.File("served"));
        Directory.CreateDirectory(_folder.File("new"));
        using MemoryStream weights = new();
        byte[] bytes = OnnxSamples.Rewritten(
            File.ReadAllBytes(Export(model)),
            Anonymous(),
            half,
            floatData,
            outside ? weights : null,
            n => n.Contains(".mlp.", StringComparison.Ordinal)
        );
        string served = _folder.Write("served/model.onnx", bytes);
        string output = _folder.File("new/model.onnx");
        if (outside)
            _folder.Write("served/weights.bin", weights.ToArray());
        Dictionary<string, Tensor> after = PatchLedger.Edited(model, [patch]);
        IReadOnlyDictionary<string, string> names = OnnxPatcher.Write(
            served,
            output,
            Before(model, after),
            after,
            overwrite: false
        );
        Assert.All(names.Values, n => Assert.StartsWith("onnx::", n, StringComparison.Ordinal));

        byte[] now = File.ReadAllBytes(output);
        Assert.Equal(bytes.Length, now.Length);
        Assert.Equal(bytes, File.ReadAllBytes(served));
        int differing = bytes.Zip(now).Count(b => b.First != b.Second);
        if (outside)
        {
            Assert.Equal(0, differing);
            Assert.Equal(weights.ToArray(), File.ReadAllBytes(_folder.File("served/weights.bin")));
            differing = weights
                .ToArray()
                .Zip(File.ReadAllBytes(_folder.File("new/weights.bin")))
                .Count(b => b.First != b.Second);
            Assert.Contains(
                "another folder",
                Assert
                    .Throws<BadInputException>(() =>
                        OnnxPatcher.Write(
                            served,
                            _folder.File("served/other.onnx"),
                            Before(model, after),
                            after,
                            overwrite: false
                        )
                    )
                    .Message,
                StringComparison.Ordinal
            );
        }
        Assert.InRange(differing, 1, 4 * (int)patch.Change.Parameters);
        if (!half)
        {
            Tensor pixels = TinyVit.Pixels(model, 2);
            Assert.InRange(TinyVit.RelativeDifference(OnnxSamples.Run(output, pixels), edited.Logits(pixels)), 0, 1e-4);
        }
    }

    [Fact]
    public void A_whole_tensor_patch_finds_fused_and_separate_projections()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        Dictionary<string, Tensor> after = new()
        {
            ["blocks.2.attn.qkv.weight"] = model.Tensors["blocks.2.attn.qkv.weight"] + 0.1,
            ["head.weight"] = model.Tensors["head.weight"] * 2,
        };
        string output = _folder.File("out.onnx");
        string served = Export(model);
        IReadOnlyDictionary<string, string> names = OnnxPatcher.Write(
            served,
            output,
            Before(model, after),
            after,
            overwrite: false
        );
        Assert.Equal("blocks.2.attn.qkv.weight.T", names["blocks.2.attn.qkv.weight"]);
        using VitModel edited = new(
            model.Tensors.ToDictionary(
                t => t.Key,
                t => after.TryGetValue(t.Key, out Tensor? a) ? a.alias() : t.Value.alias()
            ),
            model.Config.Traits
        );
        Tensor pixels = TinyVit.Pixels(model, 2);
        Assert.InRange(TinyVit.RelativeDifference(OnnxSamples.Run(output, pixels), edited.Logits(pixels)), 0, 1e-4);

        // transformers keeps three projections; as initializers alone, since only they are looked at.
        Tensor[] thirds = model.Tensors["blocks.2.attn.qkv.weight"].chunk(3);
        string separate = _folder.Write(
            "separate.onnx",
            Initializers([.. thirds.Select((t, i) => ($"w{i}", i == 1 ? t.t().contiguous() : t.contiguous()))])
        );
        after.Remove("head.weight");
        Assert.Equal(
            "w0, w1, w2",
            OnnxPatcher.Write(separate, output, Before(model, after), after, overwrite: true).Values.Single()
        );
        Assert.Equal(
            Initializers([
                .. after["blocks.2.attn.qkv.weight"]
                    .chunk(3)
                    .Select((t, i) => ($"w{i}", i == 1 ? t.t().contiguous() : t.contiguous())),
            ]),
            File.ReadAllBytes(output)
        );
    }

    [Fact]
    public void A_weight_that_is_not_found_exactly_once_is_named_and_nothing_changes()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        using VitModel other = TinyVit.Create(seed: 5);
        Dictionary<string, Tensor> after = new()
        {
            ["blocks.1.mlp.fc1.weight"] = model.Tensors["blocks.1.mlp.fc1.weight"] + 1,
            ["blocks.1.mlp.fc2.weight"] = model.Tensors["blocks.1.mlp.fc2.weight"] + 1,
        };
        string foreign = Export(other);
        string output = _folder.File("out.onnx");
        Assert.Contains(
            "blocks.1.mlp.fc1.weight",
            Assert
                .Throws<BadInputException>(() =>
                    OnnxPatcher.Write(foreign, output, Before(model, after), after, overwrite: false)
                )
                .Message,
            StringComparison.Ordinal
        );
        Tensor fc1 = model.Tensors["blocks.1.mlp.fc1.weight"];
        string twice = _folder.Write(
            "twice.onnx",
            Initializers([("a", fc1), ("b", fc1.t().contiguous()), ("c", model.Tensors["blocks.1.mlp.fc2.weight"])])
        );
        string message = Assert
            .Throws<BadInputException>(() =>
                OnnxPatcher.Write(twice, output, Before(model, after), after, overwrite: false)
            )
            .Message;
        Assert.Contains("blocks.1.mlp.fc1.weight 2 times", message, StringComparison.Ordinal);
        Assert.Contains("\"a\", \"b\"", message, StringComparison.Ordinal);
        Assert.False(File.Exists(output));
    }

    [Fact]
    public void Values_that_the_stored_type_cannot_hold_are_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        Dictionary<string, Tensor> after = new()
        {
            ["blocks.1.mlp.fc1.weight"] = model.Tensors["blocks.1.mlp.fc1.weight"] + 1e6,
        };
        string served = _folder.Write(
            "half.onnx",
            OnnxSamples.Rewritten(File.ReadAllBytes(Export(model)), n => n, half: true)
        );
        Assert.Contains(
            "F16",
            Assert
                .Throws<BadInputException>(() =>
                    OnnxPatcher.Write(served, _folder.File("out.onnx"), Before(model, after), after, overwrite: false)
                )
                .Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Damaged_files_and_weights_elsewhere_are_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        Dictionary<string, Tensor> after = new() { ["head.weight"] = model.Tensors["head.weight"] + 1 };
        byte[] whole = File.ReadAllBytes(Export(model));
        using MemoryStream weights = new();
        byte[] outside = OnnxSamples.Rewritten(whole, n => n, external: weights);
        foreach (
            (byte[] bytes, string word) in ((byte[], string)[])
                [
                    ([], "graph"),
                    (whole[..1000], "byte"),
                    ([.. whole, 0x3a, 0xff, 0xff, 0xff, 0x7f], "byte"),
                    (outside, "weights.bin"),
                    (Replaced(outside, "weights.bin", "../eights.b"), "not a file beside"),
                    (Replaced(outside, "weights.bin", "/tmp/ghts.b"), "not a file beside"),
                ]
        )
            Assert.Contains(
                word,
                Assert
                    .Throws<BadInputException>(() =>
                        OnnxPatcher.Write(
                            _folder.Write("bad.onnx", bytes),
                            _folder.File("out.onnx"),
                            Before(model, after),
                            after,
                            overwrite: false
                        )
                    )
                    .Message,
                StringComparison.Ordinal
            );
        _folder.Write("weights.bin", weights.ToArray()[..^4]);
        Assert.Contains(
            "does not lie within",
            Assert
                .Throws<BadInputException>(() =>
                    OnnxPatcher.Write(
                        _folder.Write("bad.onnx", outside),
                        _folder.File("out.onnx"),
                        Before(model, after),
                        after,
                        overwrite: false
                    )
                )
                .Message,
            StringComparison.Ordinal
        );
    }

    string Export(VitModel model, string name = "model.onnx")
    {
        OnnxExport.Write(
            model,
            Preprocessing.Inception(model.Config.ImageSize, 1),
            null,
            _folder.File(name),
            overwrite: true
        );
        return _folder.File(name);
    }

    static Dictionary<string, Tensor> Before(VitModel model, Dictionary<string, Tensor> after) =>
        after.ToDictionary(a => a.Key, a => model.Tensors[a.Key]);

    static byte[] Replaced(byte[] bytes, string from, string to) =>
        System.Text.Encoding.Latin1.GetBytes(
            System.Text.Encoding.Latin1.GetString(bytes).Replace(from, to, StringComparison.Ordinal)
        );

    // As PyTorch's exporter calls what it has folded.
    static Func<string, string> Anonymous()
    {
        Dictionary<string, string> names = [];
        return name =>
            name is OnnxExport.Input or OnnxExport.Output ? name
            : names.TryGetValue(name, out string? known) ? known
            : names[name] = $"onnx::MatMul_{1800 + names.Count}";
    }

    /// <summary>A graph of initializers and nothing else.</summary>
    static byte[] Initializers((string Name, Tensor Tensor)[] tensors)
    {
        using MemoryStream graph = new();
        using MemoryStream model = new();
        using (Google.Protobuf.CodedOutputStream output = new(graph, leaveOpen: true))
        {
            foreach ((string name, Tensor tensor) in tensors)
            {
                using MemoryStream bytes = new();
                using (Google.Protobuf.CodedOutputStream inner = new(bytes, leaveOpen: true))
                {
                    foreach (long size in tensor.shape)
                    {
                        inner.WriteTag(1, Google.Protobuf.WireFormat.WireType.Varint);
                        inner.WriteInt64(size);
                    }
                    inner.WriteTag(2, Google.Protobuf.WireFormat.WireType.Varint);
                    inner.WriteInt64(1);
                    inner.WriteTag(8, Google.Protobuf.WireFormat.WireType.LengthDelimited);
                    inner.WriteString(name);
                    inner.WriteTag(9, Google.Protobuf.WireFormat.WireType.LengthDelimited);
                    inner.WriteBytes(Google.Protobuf.ByteString.CopyFrom(tensor.bytes.ToArray()));
                }
                output.WriteTag(5, Google.Protobuf.WireFormat.WireType.LengthDelimited);
                output.WriteBytes(Google.Protobuf.ByteString.CopyFrom(bytes.ToArray()));
            }
        }
        using (Google.Protobuf.CodedOutputStream output = new(model, leaveOpen: true))
        {
            output.WriteTag(7, Google.Protobuf.WireFormat.WireType.LengthDelimited);
            output.WriteBytes(Google.Protobuf.ByteString.CopyFrom(graph.ToArray()));
        }
        return model.ToArray();
    }
}
