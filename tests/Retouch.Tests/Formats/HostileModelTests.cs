using System.Globalization;
using System.IO.Compression;
using System.Numerics;
using System.Text;
using Retouch.Cli;
using Retouch.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>
/// Small files that ask for much: refused in a sentence, before memory or time is taken. Counted, not timed.
/// </summary>
public sealed class HostileModelTests : IDisposable
{
    const long Little = 80 << 20;

    readonly TemporaryFolder _folder = new();
    readonly VitModel _model = TinyVit.Of(TinyVit.Variants["plain"]);

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tensors_that_share_their_storage_are_read_each_for_itself(bool legacy)
    {
        // All weights in one storage, as a training that keeps them flat saves them, and one of them twice.
        byte[] numbers = [.. _model.Tensors.Values.SelectMany(t => t.bytes.ToArray())];
        PickleBuilder pickle = new PickleBuilder().Op('}').Op('(');
        BigInteger offset = 0;
        BigInteger total = numbers.Length / 4;
        foreach ((string name, Tensor tensor) in _model.Tensors)
        {
            State(pickle, name, tensor, "0", total, offset, legacy);
            offset += tensor.NumberOfElements;
        }
        byte[] whole = pickle.Op('u').Stop();
        byte[] file = legacy
            ? PickleBuilder.Legacy(whole, [numbers])
            : PickleBuilder.Zip(whole, [numbers], CompressionLevel.Fastest);
        using ModelFile read = ModelFile.Load(_folder.Write("flat.pth", file), ModelSamples.Hints(_model.Config));
        ModelSamples.Same(_model, read.Model);
    }

    [Fact]
    public void A_transposed_part_of_a_shared_storage_is_read_in_its_own_order()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor head = _model.Tensors["head.weight"];
        byte[] numbers = [.. new byte[8], .. head.t().contiguous().bytes, .. new byte[4]];
        PickleBuilder pickle = new PickleBuilder().Op('}').Op('(');
        pickle.Text("first").Tensor("0", numbers.Length / 4, 0, [1], [1]);
        pickle.Text("head").Tensor("0", numbers.Length / 4, 2, [head.shape[0], head.shape[1]], [1, head.shape[0]]);
        using ITensorSource source = TensorSource.Open(
            _folder.Write("t.pth", PickleBuilder.Zip(pickle.Op('u').Stop(), [numbers]))
        );
        Tensor read = source.ReadFloat("head");
        Assert.True(read.is_contiguous());
        Assert.True(read.Equals(head));
    }

    [Fact]
    public void Twenty_kilobytes_whose_tensors_all_name_one_storage_are_no_model_of_gigabytes()
    {
        // Two blocks 4096 wide, whose 400 million weights are one storage of 67 million zeros.
        const int width = 4096;
        const int hidden = 16384;
        string path = Shared(width, hidden, depth: 2);
        Assert.InRange(new FileInfo(path).Length, 1, 400 << 10);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Refused(path);
        Assert.Contains("weights would take 1.5 GiB of memory", message, StringComparison.Ordinal);
        Assert.Contains("--reading-budget 6", message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Little);
    }

    [Fact]
    public void A_larger_budget_lets_the_same_file_be_read()
    {
        string path = Shared(width: 1024, hidden: 8192, depth: 4);
        Assert.Contains("--reading-budget 2", Refused(path), StringComparison.Ordinal);
        ReadingBudget.Times = 2;
        try
        {
            using ModelFile file = ModelFile.Load(path);
            Assert.Equal(1024, file.Model.Config.Width);
        }
        finally
        {
            ReadingBudget.Times = 1;
        }
        foreach (double times in (double[])[0, 0.99, 1001, double.NaN, -1])
            Assert.Throws<BadInputException>(() => ReadingBudget.Times = times);
    }

    [Fact]
    public void A_shape_of_huge_remembered_numbers_is_neither_computed_nor_printed()
    {
        BigInteger huge = BigInteger.Pow(2, 254 * 8) - 1;
        PickleBuilder pickle = Rebuild(p =>
        {
            p.Op('(').Int(huge).Op('q', 9);
            for (int i = 0; i < 3000; i++)
                p.Op('h', 9);
            p.Op('t').Op('q', 8);
        });
        Assert.InRange(RefusedQuietly("shape.pth", pickle).Length, 1, 400);
        // Few, but each of them larger than any tensor.
        Assert.InRange(RefusedQuietly("few.pth", Rebuild(p => p.Ints(huge, huge).Op('q', 8))).Length, 1, 400);
        // Many small ones.
        Assert.InRange(
            RefusedQuietly(
                "many.pth",
                Rebuild(p => p.Ints([.. Enumerable.Repeat(BigInteger.One, 5000)]).Op('q', 8))
            ).Length,
            1,
            400
        );

        // A tensor of float numbers, whose shape is remembered and taken for its strides, too.
        static PickleBuilder Rebuild(Action<PickleBuilder> shape)
        {
            PickleBuilder p = new PickleBuilder()
                .Op('}')
                .Op('(')
                .Text("x")
                .Global("torch._utils", "_rebuild_tensor_v2")
                .Op('(');
            p.Op('(')
                .Text("storage")
                .Global("torch", "FloatStorage")
                .Text("0")
                .Text("cpu")
                .Int(4)
                .Op('t')
                .Op('Q')
                .Int(0);
            shape(p);
            return p.Op('h', 8).Op(0x89).Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R').Op('u');
        }
    }

    [Theory]
    [InlineData("OrderedDict")]
    [InlineData("a long key")]
    public void Little_that_is_used_again_and_again_counts_each_time(string what)
    {
        PickleBuilder pickle = new PickleBuilder().Op(']').Op('q', 0);
        if (what == "OrderedDict")
        {
            // A list of 60 000 pairs, made into a dictionary 30 000 times.
            pickle.Op('(').Text("k").Op('q', 1).Op('N').Op(0x86).Op('q', 2);
            for (int i = 0; i < 60_000; i++)
                pickle.Op('h', 2);
            pickle.Op('e').Op(0x85).Op('q', 3).Global("collections", "OrderedDict").Op('q', 4);
            for (int i = 0; i < 30_000; i++)
                pickle.Op('h', 4).Op('h', 3).Op('R').Op('0');
        }
        else
        {
            // A key of a million letters, found its place for a million times.
            pickle.Text(new string('k', 1_000_000)).Op('q', 1).Op('}');
            for (int i = 0; i < 100_000; i++)
                pickle.Op('h', 1).Op('N').Op('s');
        }
        Assert.Contains("makes much out of little", RefusedQuietly("again.pth", pickle), StringComparison.Ordinal);
        byte[] whole = pickle.Stop();
        string legacy = Refused(_folder.Write("old.pth", PickleBuilder.Legacy(whole, [])));
        Assert.Contains("makes much out of little", legacy, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_kept_under_a_long_key_costs_no_name_for_each_item()
    {
        PickleBuilder pickle = new PickleBuilder().Op('}').Op('(').Text(new string('k', 1_000_000)).Op(']').Op('(');
        for (int i = 0; i < 200_000; i++)
            pickle.Op('K', 1);
        Assert.Contains("no tensor", RefusedQuietly("long.pth", pickle.Op('e').Op('u')), StringComparison.Ordinal);

        PickleBuilder named = new PickleBuilder()
            .Op('}')
            .Op('(')
            .Text(new string('k', 1_000_000))
            .Tensor("0", 1, 0, [1], [1]);
        Assert.Contains(
            "longer than 500 characters: \"kkk",
            RefusedQuietly("named.pth", named.Op('u'), [new byte[4]]),
            StringComparison.Ordinal
        );

        PickleBuilder stored = new PickleBuilder()
            .Op('}')
            .Op('(')
            .Text("x")
            .Tensor(new string('0', 1_000_000), 1, 0, [1], [1]);
        Assert.Contains(
            "a storage in it",
            RefusedQuietly("stored.pth", stored.Op('u'), [new byte[4]]),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Real_pickles_stay_far_below_the_budget()
    {
        (string, long[])[] tensors =
        [
            .. Enumerable.Range(0, 20_000).Select(i => ($"blocks.{i}.mlp.fc1.weight", (long[])[1])),
        ];
        byte[] file = PickleBuilder.Zip(
            PickleBuilder.StateDictionary(tensors),
            Enumerable.Range(0, 20_000).Select(_ => new byte[4])
        );
        using ITensorSource source = TensorSource.Open(_folder.Write("many.pth", file));
        Assert.Equal(20_000, source.Tensors.Count);
    }

    [Fact]
    public void Reading_that_takes_too_long_is_given_up_with_the_time()
    {
        string path = _folder.Write(
            "slow.pth",
            PickleBuilder.Zip(
                PickleBuilder.StateDictionary([.. _model.Tensors.Select(t => (t.Key, t.Value.shape))]),
                _model.Tensors.Values.Select(t => t.bytes.ToArray())
            )
        );
        Assert.Contains("more than the 60 s", Slowly(TimeSpan.FromSeconds(31)), StringComparison.Ordinal);
        Assert.Null(Slowly(TimeSpan.FromSeconds(0.1)));
        Assert.Equal(60 + 1024, ReadingBudget.Time(1L << 30).TotalSeconds);

        string? Slowly(TimeSpan step)
        {
            TimeProvider before = ReadingBudget.Clock;
            ReadingBudget.Clock = new Slow(step);
            try
            {
                ModelFile.Load(path, ModelSamples.Hints(_model.Config)).Dispose();
                return null;
            }
            catch (BadInputException e)
            {
                return e.Message;
            }
            finally
            {
                ReadingBudget.Clock = before;
            }
        }
    }

    [Fact]
    public void An_ONNX_tensor_of_a_million_axes_is_named_in_a_line()
    {
        static byte[] Field(int field, byte[] content)
        {
            List<byte> bytes = [(byte)(field << 3 | 2)];
            uint length = (uint)content.Length;
            for (; length >= 0x80; length >>= 7)
                bytes.Add((byte)(length | 0x80));
            return [.. bytes, (byte)length, .. content];
        }

        // dims (1), data_type (2) and name (8) of an initializer (5) of the graph (7).
        byte[] dims = [.. Enumerable.Repeat((byte[])[0x08, 0x01], 300_000).SelectMany(d => d)];
        byte[] model = Field(7, Field(5, [.. dims, 0x10, 0x01, .. Field(8, "w"u8.ToArray())]));
        string message = Assert.Throws<BadInputException>(() => OnnxFile.Open(_folder.Write("m.onnx", model))).Message;
        Assert.Contains("300000 axes", message, StringComparison.Ordinal);
        Assert.InRange(message.Length, 1, 400);
    }

    [Fact]
    public void An_index_of_many_files_and_tensors_is_read_in_one_walk()
    {
        // With a walk through all tensors for each of a thousand files this would be 200 million comparisons.
        StringBuilder map = new();
        for (int i = 0; i < 200_000; i++)
            map.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ",")}\"t{i}\":\"part{i % 1000}.safetensors\"");
        string message = Refused(_folder.Write("m.safetensors.index.json", "{\"weight_map\":{" + map + "}}"));
        Assert.Contains("part0.safetensors", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\u001b[31mred\u001b[0m")]
    [InlineData("a\u202Egnp.exe")] // turns what follows around
    [InlineData("line\u2028break")]
    [InlineData("zero\u200Bwidth")]
    public void A_quoted_text_cannot_steer_a_terminal(string text)
    {
        string quoted = UserText.Quote(text);
        Assert.DoesNotContain(
            quoted,
            c =>
                char.IsControl(c)
                || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator
        );
        Assert.Contains("\uFFFD", quoted, StringComparison.Ordinal);
        Assert.InRange(UserText.Quote(string.Concat(Enumerable.Repeat(text, 1000))).Length, 1, 110);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_image_size_that_no_tensor_shows_is_refused_where_no_pass_could_take_it(bool asked)
    {
        VitConfig config = TinyVit.Wide(TinyVit.Architectures["dinov3"], 480) with { PatchSize = 1, ImageSize = 4 };
        using VitModel model = TinyVit.Of(config);
        string path = _folder.File("rope.safetensors");
        ModelFile.Create(
            path,
            model.Tensors,
            config.Traits with
            {
                ImageSize = asked ? 4 : 4096,
            },
            Retouch.Images.Preprocessing.Inception(asked ? 4 : 4096, 1),
            new Dictionary<string, string>(),
            half: false,
            overwrite: true
        );
        BadInputException refused = Assert.Throws<BadInputException>(() =>
            ModelFile.Load(path, new ModelHints { ImageSize = asked ? 4096 : null }).Dispose()
        );
        Assert.Contains("An image size of 4096", refused.Message, StringComparison.Ordinal);
        Assert.Contains("memory", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\n  \"model_type\": \"vit\",\n  \"hidden_size\": 24,,\n}", "line 3, column 21")]
    [InlineData("\uFEFF{\"model_type\": x}", "line 1, column 16")]
    [InlineData("{\"hübsch\": x}", "line 1, column 12")] // characters, not bytes
    public void A_malformed_config_is_named_with_line_and_column(string text, string place)
    {
        string model = ModelSamples.Write(_folder.File("m.safetensors"), _model);
        _folder.Write("config.json", text);
        Assert.Contains(place, Refused(model), StringComparison.Ordinal);
    }

    [Fact]
    public void A_config_in_UTF16_as_Windows_editors_write_it_is_read()
    {
        string model = ModelSamples.Write(_folder.File("m.safetensors"), _model);
        string text =
            """{"model_type": "vit", "hidden_size": 24, "num_attention_heads": 3, "hidden_act": "gelu_new"}""";
        foreach (Encoding encoding in (Encoding[])[Encoding.Unicode, Encoding.BigEndianUnicode, Encoding.UTF8])
        {
            _folder.Write("config.json", [.. encoding.GetPreamble(), .. encoding.GetBytes(text)]);
            using ModelFile file = ModelFile.Load(model);
            Assert.Equal(VitActivation.GeluTanh, file.Model.Config.Activation);
        }
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64)]
    public void A_model_with_a_NaN_in_a_narrow_type_is_named(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        string path = _folder.File("nan.safetensors");
        SafeTensorsWriter.Write(
            path,
            _model.Tensors.Select(t =>
            {
                Tensor value = t.Value.to(type).clone();
                if (t.Key == "blocks.0.norm1.bias")
                    value[2] = double.NaN;
                return (t.Key, value);
            }),
            null,
            overwrite: true
        );
        string message = Assert
            .Throws<BadInputException>(() => ModelFile.Load(path, ModelSamples.Hints(_model.Config)))
            .Message;
        Assert.Contains("blocks.0.norm1.bias", message, StringComparison.Ordinal);
        Assert.Contains("NaN", message, StringComparison.Ordinal);
    }

    /// <summary>A model whose weights all are parts of one storage of zeros.</summary>
    string Shared(int width, int hidden, int depth)
    {
        List<(string Name, long[] Shape)> shapes =
        [
            ("cls_token", [1, 1, width]),
            ("pos_embed", [1, 5, width]),
            ("patch_embed.proj.weight", [width, 3, 2, 2]),
            ("patch_embed.proj.bias", [width]),
            ("norm.weight", [width]),
            ("norm.bias", [width]),
            ("head.weight", [3, width]),
            ("head.bias", [3]),
        ];
        for (int i = 0; i < depth; i++)
        {
            string b = $"blocks.{i}.";
            shapes.AddRange([
                (b + "norm1.weight", [width]),
                (b + "norm1.bias", [width]),
                (b + "norm2.weight", [width]),
                (b + "norm2.bias", [width]),
                (b + "attn.qkv.weight", [3 * width, width]),
                (b + "attn.qkv.bias", [3 * width]),
                (b + "attn.proj.weight", [width, width]),
                (b + "attn.proj.bias", [width]),
                (b + "mlp.fc1.weight", [hidden, width]),
                (b + "mlp.fc1.bias", [hidden]),
                (b + "mlp.fc2.weight", [width, hidden]),
                (b + "mlp.fc2.bias", [width]),
            ]);
        }
        long count = shapes.Max(s => s.Shape.Aggregate(1L, (product, size) => product * size));
        PickleBuilder pickle = new PickleBuilder().Op('}').Op('(');
        foreach ((string name, long[] shape) in shapes)
        {
            BigInteger[] sizes = [.. shape.Select(s => (BigInteger)s)];
            pickle
                .Text(name)
                .Tensor(
                    "0",
                    count,
                    0,
                    sizes,
                    [.. sizes.Select((_, a) => sizes[(a + 1)..].Aggregate(BigInteger.One, (p, s) => p * s))]
                );
        }
        return _folder.Write(
            "shared.pth",
            PickleBuilder.Zip(pickle.Op('u').Stop(), [new byte[4 * count]], CompressionLevel.SmallestSize)
        );
    }

    static void State(
        PickleBuilder pickle,
        string name,
        Tensor tensor,
        string key,
        BigInteger count,
        BigInteger offset,
        bool legacy
    )
    {
        BigInteger[] sizes = [.. tensor.shape.Select(s => (BigInteger)s)];
        pickle
            .Text(name)
            .Tensor(
                key,
                count,
                offset,
                sizes,
                [.. sizes.Select((_, a) => sizes[(a + 1)..].Aggregate(BigInteger.One, (p, s) => p * s))],
                legacy: legacy
            );
    }

    string RefusedQuietly(string name, PickleBuilder pickle, byte[][]? storages = null)
    {
        string path = _folder.Write(name, PickleBuilder.Zip(pickle.Stop(), storages ?? []));
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Refused(path);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * Little);
        return message;
    }

    static string Refused(string path)
    {
        string message = RemedyText.Of(Assert.Throws<BadInputException>(() => ModelFile.Load(path).Dispose()));
        Assert.InRange(message.Length, 1, 2000);
        return message;
    }

    /// <summary>A clock that goes on by a step each time somebody looks at it.</summary>
    sealed class Slow(TimeSpan step) : TimeProvider
    {
        long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now += step.Ticks;
    }
}
