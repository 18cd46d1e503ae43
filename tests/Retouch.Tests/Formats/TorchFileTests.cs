using System.IO.Compression;
using System.Numerics;
using Retouch.Cli;
using Retouch.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>PyTorch's two formats: read as data, whatever they would do.</summary>
public sealed class TorchFileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly VitModel _model = TinyVit.Create();

    public static TheoryData<bool> Formats => [false, true];

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_state_dictionary_is_the_model(bool legacy)
    {
        using ModelFile file = Load(Write(legacy));
        Assert.Equal(_model.Fingerprint, file.Model.Fingerprint);
        Assert.StartsWith("PyTorch", file.Kind, StringComparison.Ordinal);
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> changed = new() { ["head.bias"] = _model.Tensors["head.bias"] + 1 };
        Assert.Contains(
            ".safetensors",
            RemedyText.Of(
                Assert.Throws<BadInputException>(() => file.WriteWith(_folder.File("edited.pth"), changed, false))
            ),
            StringComparison.Ordinal
        );
        file.WriteWith(_folder.File("edited.safetensors"), changed, false);
        using ModelFile edited = ModelFile.Load(_folder.File("edited.safetensors"));
        Assert.Equal(0, TinyVit.MaxDifference(changed["head.bias"], edited.Model.Tensors["head.bias"]));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_training_scripts_arguments_beside_the_weights_are_passed_over(bool legacy)
    {
        static void More(PickleBuilder p) =>
            p.Text("args")
                .Global("argparse", "Namespace")
                .Op(')')
                .Op(0x81)
                .Op('}')
                .Op('(')
                .Text("lr")
                .Op('G')
                .Op(new byte[8])
                .Op('u')
                .Op('b')
                .Text("best")
                .Global("numpy.core.multiarray", "scalar")
                .Op('(')
                .Global("numpy", "dtype")
                .Op('(')
                .Text("f8")
                .Op('t')
                .Op('R')
                .Op('U')
                .Op(2)
                .Op("ab"u8.ToArray())
                .Op('t')
                .Op('R')
                .Text("epoch")
                .Op('K')
                .Op(3);
        using ModelFile file = Load(Write(legacy, More));
        Assert.Equal(_model.Fingerprint, file.Model.Fingerprint);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Random_states_and_enumerations_beside_the_weights_are_passed_over(bool legacy)
    {
        // As Python writes them: numpy.random.get_state(), members of enumerations before and since Python 3.11, one
        // within a class, a PCG64 generator, a Decimal, a Counter.
        static PickleBuilder Array(PickleBuilder p, string module) =>
            p.Global(module, "_reconstruct")
                .Op('(')
                .Global("numpy", "ndarray")
                .Ints(0)
                .Global("_codecs", "encode")
                .Op('(')
                .Text("b")
                .Text("latin1")
                .Op('t')
                .Op('R')
                .Op('t')
                .Op('R')
                .Op('(')
                .Op('K')
                .Op(1)
                .Ints(624)
                .Global("numpy", "dtype")
                .Op('(')
                .Text("u4")
                .Op(0x89)
                .Op(0x88)
                .Op('t')
                .Op('R')
                .Op(0x89)
                .Global("_codecs", "encode")
                .Op('(')
                .Text("....")
                .Text("latin1")
                .Op('t')
                .Op('R')
                .Op('t')
                .Op('b');
        static void More(PickleBuilder p)
        {
            foreach (string module in (string[])["numpy.core.multiarray", "numpy._core.multiarray"])
                Array(p.Text(module).Op('(').Text("MT19937"), module)
                    .Op('M')
                    .Op(0x70, 2)
                    .Op('K')
                    .Op(0)
                    .Op('G')
                    .Op(new byte[8])
                    .Op('t');
            p.Text("mode")
                .Global("__main__", "Mode")
                .Text("train")
                .Op(0x85)
                .Op('R')
                .Text("strategy")
                .Global("transformers.trainer_utils", "IntervalStrategy")
                .Text("epoch")
                .Op(0x85)
                .Op('R')
                .Text("resampling")
                .Global("PIL.Image", "Resampling")
                .Op('K')
                .Op(3)
                .Op(0x85)
                .Op('R')
                .Text("kernel")
                .Global("torchvision.transforms.functional", "InterpolationMode")
                .Text("bicubic")
                .Op(0x85)
                .Op('R')
                .Text("by name")
                .Global("builtins", "getattr")
                .Global("config", "Mode")
                .Text("TRAIN")
                .Op(0x86)
                .Op('R')
                .Text("inner")
                .Global("__builtin__", "getattr")
                .Global("config", "Config")
                .Text("Mode")
                .Op(0x86)
                .Op('R')
                .Text("train")
                .Op(0x85)
                .Op('R')
                .Text("generator")
                .Global("numpy.random._pickle", "__generator_ctor")
                .Text("PCG64")
                .Op(0x85)
                .Op('R')
                .Op('}')
                .Op('b')
                .Text("decimal")
                .Global("decimal", "Decimal")
                .Text("0.1")
                .Op(0x85)
                .Op('R')
                .Text("counter")
                .Global("collections", "Counter")
                .Op('}')
                .Op(0x85)
                .Op('R');
        }
        using ModelFile file = Load(Write(legacy, More));
        Assert.Equal(_model.Fingerprint, file.Model.Fingerprint);
    }

    [Fact]
    public void What_only_looks_like_an_enumeration_is_refused_by_name()
    {
        // A module of a user's own, made empty and then filled; a class called with more than a value; getattr of a
        // function.
        Assert.Contains(
            "\"__main__.Net\"",
            Refused(Write(false, p => p.Text("x").Global("__main__", "Net").Op(')').Op(0x81).Op('}').Op('b'))),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "\"runner.Runner\"",
            Refused(Write(false, p => p.Text("x").Global("runner", "Runner").Text("a").Text("b").Op(0x86).Op('R'))),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "\"os.system\"",
            Refused(
                Write(
                    false,
                    p => p.Text("x").Global("builtins", "getattr").Global("os", "system").Text("x").Op(0x86).Op('R')
                )
            ),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "\"builtins.getattr\"",
            Refused(
                Write(false, p => p.Text("x").Global("builtins", "getattr").Text("os").Text("system").Op(0x86).Op('R'))
            ),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "\"subprocess.Popen\"",
            Refused(Write(false, p => p.Text("x").Global("subprocess", "Popen").Text("ls").Op(0x85).Op('R'))),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(false, "os", "system")]
    [InlineData(true, "os", "system")]
    [InlineData(false, "builtins", "eval")]
    [InlineData(false, "torch.nn.modules.linear", "Linear")]
    [InlineData(true, "subprocess", "Popen")]
    public void A_pickle_that_would_run_code_is_refused_by_what_it_asks_for_and_runs_none(
        bool legacy,
        string module,
        string name
    )
    {
        string witness = _folder.File("witness");
        string path = Write(
            legacy,
            p => p.Text("x").Global(module, name).Op('(').Text($"touch {witness}").Op('t').Op('R')
        );
        Assert.Contains($"\"{module}.{name}\"", Refused(path), StringComparison.Ordinal);
        Assert.False(File.Exists(witness));
    }

    [Theory]
    [InlineData('i', "INST")]
    [InlineData('o', "OBJ")]
    [InlineData(0x82, "EXT1")]
    [InlineData(0x92, "NEWOBJ_EX")]
    [InlineData(0xff, "0xff")]
    public void Instructions_that_are_not_read_are_refused_by_name(int code, string name) =>
        Assert.Contains(name, Refused(Write(false, p => p.Text("x").Op((byte)code))), StringComparison.Ordinal);

    [Theory]
    [InlineData(8, 0, new long[] { 3, 3 }, new long[] { 3, 1 })] // more numbers than the storage
    [InlineData(8, 1, new long[] { 8 }, new long[] { 1 })] // after its end
    [InlineData(8, -1, new long[] { 4 }, new long[] { 1 })]
    [InlineData(8, 0, new long[] { -2, -4 }, new long[] { 4, 1 })]
    [InlineData(8, 0, new long[] { 4 }, new long[] { -1 })]
    [InlineData(8, 0, new long[] { 4, 1000000 }, new long[] { 1, 0 })] // a small file as a large tensor
    [InlineData(8, 0, new long[] { long.MaxValue, long.MaxValue }, new long[] { long.MaxValue, 1 })]
    [InlineData(8, 0, new long[] { 2, 2 }, new long[] { long.MaxValue, 1 })]
    public void Tensors_beyond_their_storage_are_refused(long count, long offset, long[] shape, long[] strides)
    {
        byte[] pickle = new PickleBuilder()
            .Op('}')
            .Op('(')
            .Text("patch_embed.proj.weight")
            .Tensor("0", count, offset, [.. shape.Select(s => (BigInteger)s)], [.. strides.Select(s => (BigInteger)s)])
            .Op('u')
            .Stop();
        Assert.Contains(
            "storage",
            Refused(_folder.Write("m.pth", PickleBuilder.Zip(pickle, [new byte[32]]))),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Views_and_shared_storages_are_read_where_they_lie()
    {
        // A transposed view of 2×3 at an offset of 2, as PyTorch keeps one.
        BigInteger[] shape = [3, 2];
        BigInteger[] strides = [1, 3];
        byte[] pickle = new PickleBuilder()
            .Op('}')
            .Op('(')
            .Text("patch_embed.proj.weight")
            .Tensor("0", 8, 2, shape, strides)
            .Op('u')
            .Stop();
        string path = _folder.Write("m.pth", PickleBuilder.Zip(pickle, [SafeTensorsFloats(0, 1, 2, 3, 4, 5, 6, 7)]));
        // No model, but the message shows that the shape was understood.
        Assert.Contains("[3, 2]", Refused(path), StringComparison.Ordinal);

        List<(string, long[])> tensors = [.. _model.Tensors.Select(t => (t.Key, t.Value.shape))];
        int at = tensors.FindIndex(t => t.Item1 == "head.weight");
        PickleBuilder turned = new PickleBuilder().Op('}').Op('(');
        for (int i = 0; i < tensors.Count; i++)
        {
            BigInteger[] sizes = [.. tensors[i].Item2.Select(s => (BigInteger)s)];
            BigInteger[] steps =
            [
                .. sizes.Select((_, a) => sizes[(a + 1)..].Aggregate(BigInteger.One, (p, s) => p * s)),
            ];
            turned
                .Text(tensors[i].Item1)
                .Tensor($"{i}", sizes.Aggregate(BigInteger.One, (p, s) => p * s), 0, sizes, i == at ? [1, 7] : steps);
        }
        using DisposeScope scope = NewDisposeScope();
        string model = _folder.Write(
            "t.pth",
            PickleBuilder.Zip(
                turned.Op('u').Stop(),
                _model.Tensors.Select((t, i) => Bytes(i == at ? t.Value.t().contiguous() : t.Value))
            )
        );
        using ModelFile file = Load(model);
        Assert.Equal(_model.Fingerprint, file.Model.Fingerprint);
    }

    [Fact]
    public void Containers_within_themselves_and_doubling_ones_end()
    {
        // A dictionary that holds itself.
        byte[] self = new PickleBuilder().Op('}').Op('q', 0).Op('(').Text("self").Op('h', 0).Op('u').Stop();
        Assert.Contains(
            "no tensor",
            Refused(_folder.Write("self.pth", PickleBuilder.Zip(self, []))),
            StringComparison.Ordinal
        );
        // Thirty lists, each twice the one before: a billion items in 150 bytes.
        PickleBuilder laughs = new PickleBuilder().Op(']').Op('q', 0);
        for (byte i = 1; i <= 30; i++)
            laughs.Op('0').Op(']').Op('q', i).Op('(').Op('h', (byte)(i - 1)).Op('h', (byte)(i - 1)).Op('e');
        Assert.Contains(
            "no tensor",
            Refused(_folder.Write("laughs.pth", PickleBuilder.Zip(laughs.Stop(), []))),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_file_cut_anywhere_is_refused(bool legacy)
    {
        byte[] whole = File.ReadAllBytes(Write(legacy));
        Random random = new(3);
        foreach (
            int length in Enumerable.Range(0, 60).Select(_ => random.Next(1, whole.Length)).Append(whole.Length - 1)
        )
            Refused(_folder.Write("cut.pth", whole[..length]));
    }

    [Fact]
    public void Archives_that_lie_are_refused()
    {
        byte[] pickle = PickleBuilder.StateDictionary([("patch_embed.proj.weight", [4, 3, 1, 1])]);
        byte[] bomb = PickleBuilder.Zip(pickle, [new byte[300_000_000]], CompressionLevel.SmallestSize);
        Assert.InRange(bomb.Length, 1, 1 << 20);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("zip bomb", Refused(_folder.Write("bomb.pth", bomb)), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10 << 20);

        foreach (string name in (string[])["../evil", "a/../../evil", "/etc/evil", "..\\evil", "C:\\evil"])
        {
            MemoryStream bytes = new();
            using (ZipArchive zip = new(bytes, ZipArchiveMode.Create, leaveOpen: true))
                zip.CreateEntry(name);
            Assert.Contains(
                "out of the archive",
                Refused(_folder.Write("m.pth", bytes.ToArray())),
                StringComparison.Ordinal
            );
        }
        MemoryStream script = new();
        using (ZipArchive zip = new(script, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (string name in (string[])["m/data.pkl", "m/code/model.py", "m/constants.pkl"])
                zip.CreateEntry(name);
        }
        Assert.Contains("TorchScript", Refused(_folder.Write("script.pt", script.ToArray())), StringComparison.Ordinal);
        Assert.Contains(
            "neither",
            Refused(
                _folder.Write(
                    "empty.pt",
                    Convert.FromHexString("504b0506") is byte[] end ? [.. end, .. new byte[18]] : []
                )
            ),
            StringComparison.Ordinal
        );
    }

    ModelFile Load(string path) => ModelFile.Load(path, ModelSamples.Hints(_model.Config));

    string Refused(string path)
    {
        string message = Assert.Throws<BadInputException>(() => Load(path).Dispose()).Message;
        Assert.Contains(Path.GetFileName(path), message, StringComparison.Ordinal);
        return message;
    }

    string Write(bool legacy, Action<PickleBuilder>? more = null)
    {
        byte[] pickle = PickleBuilder.StateDictionary(
            [.. _model.Tensors.Select(t => (t.Key, t.Value.shape))],
            legacy,
            more
        );
        byte[][] storages = [.. _model.Tensors.Select(t => Bytes(t.Value))];
        return _folder.Write(
            "model.pth",
            legacy ? PickleBuilder.Legacy(pickle, storages) : PickleBuilder.Zip(pickle, storages)
        );
    }

    static byte[] Bytes(Tensor tensor) => tensor.bytes.ToArray();

    static byte[] SafeTensorsFloats(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];
}
