using FsCheck;
using FsCheck.Fluent;
using Retouch.Formats;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

public sealed class SafeTensorsWriterTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void tensors_of_every_type_and_shape_come_back_bit_equal() =>
        Prop.ForAll(
                SafeTensorsSamples.TensorLists.ToArbitrary(),
                list =>
                {
                    Tensor[] tensors = [.. list.Select(t => SafeTensorsSamples.RandomBits(t.DType, t.Shape, t.Seed))];
                    SafeTensorsWriter.Write(
                        _folder.File("f"),
                        tensors.Select((t, i) => ($"layer.{i}", t)),
                        null,
                        overwrite: true
                    );

                    using var file = SafeTensorsFile.Open(_folder.File("f"));
                    Assert.Equal(tensors.Length, file.Tensors.Count);
                    Assert.Equal(0, BitConverter.ToInt64(File.ReadAllBytes(_folder.File("f"))) % 8);
                    for (int i = 0; i < tensors.Length; i++)
                    {
                        using Tensor read = file.Read($"layer.{i}");
                        Assert.Equal(tensors[i].dtype, read.dtype);
                        Assert.Equal(tensors[i].shape, read.shape);
                        Assert.Equal(SafeTensorsSamples.Bits(tensors[i]), SafeTensorsSamples.Bits(read));
                        Assert.Equal(0, file.Tensors[$"layer.{i}"].Offset % list[i].DType.Size());
                        tensors[i].Dispose();
                    }
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(200));

    [Fact]
    public void a_tensor_longer_than_a_chunk_comes_back_bit_equal()
    {
        using Tensor large = SafeTensorsSamples.RandomBits(TensorDType.I16, [3, (1 << 22) + 7], 5);
        SafeTensorsWriter.Write(_folder.File("f"), [("x", large)], null, overwrite: false);
        using var file = SafeTensorsFile.Open(_folder.File("f"));
        using Tensor read = file.Read("x");
        Assert.True(large.bytes.SequenceEqual(read.bytes));
    }

    [Fact]
    public void the_bytes_are_those_of_the_reference_implementation()
    {
        byte[] expected =
        [
            .. BitConverter.GetBytes(96L),
            .. """{"__metadata__":{"format":"pt"},"attn.0":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}    """u8,
            .. BitConverter.GetBytes(1f),
            .. BitConverter.GetBytes(-2f),
        ];
        using Tensor attn = tensor(new[] { 1f, -2f }).reshape(1, 2);
        SafeTensorsWriter.Write(
            _folder.File("f"),
            [("attn.0", attn)],
            new Dictionary<string, string> { ["format"] = "pt" },
            overwrite: false
        );
        Assert.Equal(expected, File.ReadAllBytes(_folder.File("f")));

        SafeTensorsWriter.Write(_folder.File("empty"), [], null, overwrite: false);
        Assert.Equal([.. BitConverter.GetBytes(8L), .. "{}      "u8], File.ReadAllBytes(_folder.File("empty")));
    }

    [Fact]
    public void a_real_model_is_written_with_the_same_tensors()
    {
        string path = SharedData.Require("real", "vit_tiny_patch16_224.augreg_in21k_ft_in1k.safetensors");
        using var file = SafeTensorsFile.Open(path);
        var tensors = file.Tensors.Keys.Select(name => (Name: name, Tensor: file.Read(name))).ToArray();
        SafeTensorsWriter.Write(_folder.File("copy"), tensors, file.Metadata, overwrite: false);
        using var copy = SafeTensorsFile.Open(_folder.File("copy"));
        Assert.Equal(file.Tensors.Keys.Order(StringComparer.Ordinal), copy.Tensors.Keys);
        Assert.Equal(file.Metadata, copy.Metadata);
        foreach ((string name, Tensor tensor) in tensors)
        {
            Assert.True(tensor.bytes.SequenceEqual(SafeTensorsSamples.Raw(copy, name)), name);
            tensor.Dispose();
        }
        SafeTensorsWriter.Rewrite(file, _folder.File("same"), new Dictionary<string, Tensor>(), null, overwrite: false);
        Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(File.ReadAllBytes(_folder.File("same"))));
    }

    [Fact]
    public void wide_types_lie_before_narrow_ones_and_names_are_sorted_within()
    {
        using Tensor bytes = ones(3, ScalarType.Byte);
        using Tensor halves = ones(1, ScalarType.Float16);
        using Tensor longs = ones(1, ScalarType.Int64);
        SafeTensorsWriter.Write(
            _folder.File("f"),
            [("b", bytes), ("a", bytes), ("c", halves), ("d", longs), ("C", halves)],
            null,
            overwrite: false
        );
        using var file = SafeTensorsFile.Open(_folder.File("f"));
        Assert.Equal(["d", "C", "c", "a", "b"], file.Tensors.Keys);
        Assert.Equal([0L, 8, 10, 12, 15], file.Tensors.Values.Select(e => e.Offset));
    }

    [Fact]
    public void views_are_written_in_row_major_order()
    {
        using Tensor source = arange(24, ScalarType.Float32).reshape(4, 6).requires_grad_();
        using Tensor view = source.t().narrow(0, 1, 3);
        using Tensor column = source.select(1, 2);
        SafeTensorsWriter.Write(_folder.File("f"), [("view", view), ("column", column)], null, overwrite: false);
        using var file = SafeTensorsFile.Open(_folder.File("f"));
        using Tensor read = file.Read("view");
        using Tensor readColumn = file.Read("column");
        Assert.Equal([2, 8, 14, 20], readColumn.data<float>().ToArray());
        Assert.Equal([1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21], read.data<float>().ToArray());
    }

    [Fact]
    public void metadata_and_names_survive_every_character()
    {
        using Tensor x = ones(1);
        var metadata = new Dictionary<string, string>
        {
            ["quote \""] = "line\nbreak \\ é 𝄞 \u0001 </script>",
            [""] = "",
        };
        SafeTensorsWriter.Write(_folder.File("f"), [("naïve \"x\"\t𝄞", x)], metadata, overwrite: false);
        using var file = SafeTensorsFile.Open(_folder.File("f"));
        Assert.Equal(metadata, file.Metadata);
        Assert.Equal("naïve \"x\"\t𝄞", Assert.Single(file.Tensors).Key);
    }

    [Fact]
    public void names_must_be_unique_and_unreserved_and_types_storable()
    {
        using Tensor x = ones(1);
        using Tensor complex = ones(1, ScalarType.ComplexFloat32);
        Assert.Throws<ArgumentException>(() =>
            SafeTensorsWriter.Write(_folder.File("f"), [("x", x), ("x", x)], null, false)
        );
        Assert.Throws<ArgumentException>(() =>
            SafeTensorsWriter.Write(_folder.File("f"), [("__metadata__", x)], null, false)
        );
        Assert.Throws<ArgumentException>(() =>
            SafeTensorsWriter.Write(_folder.File("f"), [("x", complex)], null, false)
        );
        Assert.Empty(_folder.Names());
    }

    [Fact]
    public void rewriting_changes_the_bytes_of_the_replaced_tensor_alone()
    {
        byte[] before = SafeTensorsSamples.Small();
        using var source = SafeTensorsFile.Open(_folder.Write("source", before));
        // The replacement is of another float type and another layout than the stored tensor.
        using Tensor changed = tensor(new[] { 1.0, 2, 3, 4, 5, 6 }).reshape(3, 2).t();
        SafeTensorsWriter.Rewrite(
            source,
            _folder.File("target"),
            new Dictionary<string, Tensor> { ["a"] = changed },
            null,
            overwrite: false
        );

        byte[] after = File.ReadAllBytes(_folder.File("target"));
        int data = before.Length - 25;
        Assert.Equal(before[..data], after[..data]);
        Assert.Equal(new float[] { 1, 3, 5, 2, 4, 6 }.SelectMany(BitConverter.GetBytes), after[data..(data + 24)]);
        Assert.Equal(before[(data + 24)..], after[(data + 24)..]);
        Assert.Equal(before, File.ReadAllBytes(_folder.File("source")));
    }

    [Fact]
    public void rewriting_a_file_whose_header_is_not_in_data_order_keeps_every_byte()
    {
        byte[] before = SafeTensorsSamples.File(
            """{ "late":{"shape":[2],"dtype":"I16","data_offsets":[4,8],"note":[1,{}]}, "early":{"dtype":"F32","shape":[],"data_offsets":[0,4]} }""",
            8
        );
        using var source = SafeTensorsFile.Open(_folder.Write("source", before));
        SafeTensorsWriter.Rewrite(
            source,
            _folder.File("same"),
            new Dictionary<string, Tensor>(),
            null,
            overwrite: false
        );
        Assert.Equal(before, File.ReadAllBytes(_folder.File("same")));

        SafeTensorsWriter.Rewrite(
            source,
            _folder.File("more"),
            new Dictionary<string, Tensor>(),
            new Dictionary<string, string?> { ["by"] = "test" },
            overwrite: false
        );
        using var more = SafeTensorsFile.Open(_folder.File("more"));
        Assert.Equal(["late", "early"], more.Tensors.Keys);
        Assert.Equal("test", more.Metadata["by"]);
        Assert.Equal(before[^8..], File.ReadAllBytes(_folder.File("more"))[^8..]);
    }

    [Fact]
    public void rewriting_adds_to_metadata_and_keeps_the_rest()
    {
        using var source = SafeTensorsFile.Open(_folder.Write("source", SafeTensorsSamples.Small()));
        SafeTensorsWriter.Rewrite(
            source,
            _folder.File("target"),
            new Dictionary<string, Tensor>(),
            new Dictionary<string, string?> { ["patch"] = "1", ["format"] = "np" },
            overwrite: false
        );
        using var target = SafeTensorsFile.Open(_folder.File("target"));
        Assert.Equal(new Dictionary<string, string> { ["format"] = "np", ["patch"] = "1" }, target.Metadata);
        foreach (string name in source.Tensors.Keys)
            Assert.Equal(SafeTensorsSamples.Raw(source, name), SafeTensorsSamples.Raw(target, name));
    }

    [Fact]
    public void rewriting_onto_the_source_itself_works()
    {
        string path = _folder.Write("source", SafeTensorsSamples.Small());
        using Tensor zero = zeros(2, 3);
        using (var source = SafeTensorsFile.Open(path))
            SafeTensorsWriter.Rewrite(
                source,
                path,
                new Dictionary<string, Tensor> { ["a"] = zero },
                null,
                overwrite: true
            );
        using var again = SafeTensorsFile.Open(path);
        Assert.Equal(new byte[24], SafeTensorsSamples.Raw(again, "a"));
        Assert.Equal([24], SafeTensorsSamples.Raw(again, "b"));
    }

    [Fact]
    public void a_replacement_that_does_not_belong_is_refused_and_nothing_written()
    {
        using var source = SafeTensorsFile.Open(_folder.Write("source", SafeTensorsSamples.Small()));
        using Tensor wrongShape = zeros(3, 2);
        using Tensor scalar = zeros([]);
        Assert.Contains("no tensor \"z\" to replace", Refusal(source, "z", scalar));
        Assert.Contains("shape [2, 3], but its replacement has [3, 2]", Refusal(source, "a", wrongShape));
        Assert.Contains("stored as BOOL, which cannot hold F32", Refusal(source, "b", scalar));
        Assert.Equal(["source"], _folder.Names());
    }

    [Fact]
    public void a_value_too_large_for_the_stored_type_is_refused_but_an_infinity_is_kept()
    {
        using Tensor half = ones(2, ScalarType.Float16);
        SafeTensorsWriter.Write(_folder.File("source"), [("x", half)], null, overwrite: false);
        using var source = SafeTensorsFile.Open(_folder.File("source"));
        using Tensor large = tensor(new[] { 1f, 1e6f });
        using Tensor infinite = tensor(new[] { 1f, float.PositiveInfinity });
        Assert.Contains("too large for F16", Refusal(source, "x", large));
        Assert.Equal(["source"], _folder.Names());
        SafeTensorsWriter.Rewrite(
            source,
            _folder.File("target"),
            new Dictionary<string, Tensor> { ["x"] = infinite },
            null,
            overwrite: false
        );
        using var target = SafeTensorsFile.Open(_folder.File("target"));
        using Tensor read = target.ReadFloat("x");
        Assert.Equal([1f, float.PositiveInfinity], read.data<float>().ToArray());
    }

    string Refusal(SafeTensorsFile source, string name, Tensor replacement) =>
        Assert
            .Throws<BadInputException>(() =>
                SafeTensorsWriter.Rewrite(
                    source,
                    _folder.File("target"),
                    new Dictionary<string, Tensor> { [name] = replacement },
                    null,
                    overwrite: false
                )
            )
            .Message;
}
