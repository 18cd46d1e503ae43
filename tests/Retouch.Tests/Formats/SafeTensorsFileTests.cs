using System.IO.Compression;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Retouch.Formats;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

public sealed class SafeTensorsFileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void a_valid_file_is_read_as_it_is_written()
    {
        using var file = SafeTensorsFile.Open(_folder.Write("small.safetensors", SafeTensorsSamples.Small()));

        Assert.Equal("pt", Assert.Single(file.Metadata).Value);
        Assert.Equal(["a", "b", "c"], file.Tensors.Keys);
        using Tensor a = file.Read("a");
        using Tensor b = file.Read("b");
        using Tensor c = file.Read("c");
        Assert.Equal([2L, 3L], a.shape);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (byte)i), SafeTensorsSamples.Bits(a));
        Assert.Empty(b.shape);
        Assert.Equal(ScalarType.Bool, b.dtype);
        Assert.Equal([0L, 4L], c.shape);
        Assert.Equal([24], SafeTensorsSamples.Raw(file, "b"));
    }

    [Fact]
    public void what_is_read_is_a_copy_that_outlives_the_file()
    {
        string path = _folder.Write("small.safetensors", SafeTensorsSamples.Small());
        Tensor first;
        using (var file = SafeTensorsFile.Open(path))
        {
            first = file.Read("a");
            first.zero_();
            using Tensor second = file.Read("a");
            Assert.NotEqual(SafeTensorsSamples.Bits(first), SafeTensorsSamples.Bits(second));
        }
        using (first)
            Assert.Equal(0, first.sum().item<float>());
        Assert.Equal(SafeTensorsSamples.Small(), File.ReadAllBytes(path));
    }

    [Fact]
    public void a_closed_file_refuses_to_read_instead_of_reading_unmapped_memory()
    {
        var file = SafeTensorsFile.Open(_folder.Write("small.safetensors", SafeTensorsSamples.Small()));
        Stream raw = file.OpenRaw("a");
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Read("a"));
        Assert.Throws<ObjectDisposedException>(() => raw.ReadByte());
    }

    [Theory]
    [InlineData(nameof(TensorDType.F64))]
    [InlineData(nameof(TensorDType.F32))]
    [InlineData(nameof(TensorDType.F16))]
    [InlineData(nameof(TensorDType.BF16))]
    public void every_float_type_is_read_as_float32(string dtype)
    {
        using Tensor values = tensor(new[] { -1.5f, 0f, 0.25f, 3f });
        using Tensor stored = values.to(Enum.Parse<TensorDType>(dtype).ToScalarType());
        SafeTensorsWriter.Write(_folder.File("f"), [("x", stored)], null, overwrite: false);
        using var file = SafeTensorsFile.Open(_folder.File("f"));
        using Tensor read = file.ReadFloat("x");
        Assert.Equal(values.data<float>().ToArray(), read.data<float>().ToArray());
    }

    [Fact]
    public void integers_are_no_floats_and_unknown_names_are_said()
    {
        using var file = SafeTensorsFile.Open(_folder.Write("small.safetensors", SafeTensorsSamples.Small()));
        Assert.Contains("BOOL", Assert.Throws<BadInputException>(() => file.ReadFloat("b")).Message);
        Assert.Contains(
            "no tensor \"head.bias\"",
            Assert.Throws<BadInputException>(() => file.Read("head.bias")).Message
        );
    }

    [Fact]
    public void every_golden_file_is_read_whole()
    {
        string[] paths = Directory.GetFiles(SharedData.Require("golden"), "*.safetensors", SearchOption.AllDirectories);
        Assert.NotEmpty(paths);
        foreach (string path in paths)
        {
            using var file = SafeTensorsFile.Open(path);
            long total = 0;
            foreach (TensorEntry entry in file.Tensors.Values)
            {
                using Tensor tensor = file.Read(entry.Name);
                Assert.Equal(entry.Shape, tensor.shape);
                Assert.Equal(SafeTensorsSamples.Raw(file, entry.Name), SafeTensorsSamples.Bits(tensor));
                total += entry.Length;
            }
            Assert.Equal(new FileInfo(path).Length, total + 8 + BitConverter.ToInt64(File.ReadAllBytes(path)));
        }
    }

    [Theory]
    [InlineData("""[1,2]""", 0, "its header is not a JSON object")]
    [InlineData("""{"a":""", 0, "not valid JSON")]
    [InlineData("""{} x""", 0, "not valid JSON")]
    [InlineData("""{"\ud800":{}}""", 0, "not valid JSON")]
    [InlineData("""{"a":3}""", 0, "entry of tensor \"a\" is not a JSON object")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "lacks its dtype, shape or data_offsets")]
    [InlineData("""{"a":{"dtype":3,"shape":[1],"data_offsets":[0,4]}}""", 4, "dtype of tensor \"a\" is not a string")]
    [InlineData(
        """{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}""",
        4,
        "as \"F8_E4M3\", which Retouch does not read; convert it to one of F64, F32"
    )]
    [InlineData("""{"a":{"dtype":"1","shape":[1],"data_offsets":[0,4]}}""", 4, "as \"1\", which Retouch does not read")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "two fields dtype")]
    [InlineData("""{"a":{"dtype":"F32","shape":4,"data_offsets":[0,4]}}""", 4, "shape of tensor \"a\" is not a list")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "negative number -1")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "whole 64-bit number")]
    [InlineData("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "whole 64-bit number")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}""",
        4,
        "whole 64-bit number"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}""",
        0,
        "too large for any file"
    )]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""",
        0,
        "too large for any file"
    )]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[0,9223372036854775807,9223372036854775807],"data_offsets":[0,0]}}""",
        0,
        "too large for any file"
    )]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", 4, "not two numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", 4, "negative number -4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "before its begin")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""",
        4,
        "takes 8 bytes by its shape [2] and dtype F32, but 4 bytes"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""",
        4,
        "ends at byte 8, but the file has only 4 bytes"
    )]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[1],"data_offsets":[9223372036854775806,9223372036854775807]}}""",
        4,
        "but the file has only 4 bytes"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""",
        6,
        "tensors \"a\" and \"b\" overlap"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[6,10]}}""",
        10,
        "2 bytes before the data of tensor \"b\" belong to no tensor"
    )]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[0],"data_offsets":[3,3]}}""",
        4,
        "3 bytes before the data of tensor \"a\""
    )]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 9, "5 bytes after the last tensor")]
    [InlineData("""{}""", 1, "1 bytes after the last tensor")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""",
        8,
        "tensor \"a\" is listed twice"
    )]
    [InlineData("""{"__metadata__":3}""", 0, "__metadata__ is not a JSON object")]
    [InlineData("""{"__metadata__":{"k":3}}""", 0, "metadata value \"k\" is not a string")]
    [InlineData("""{"__metadata__":{"k":"1","k":"2"}}""", 0, "metadata key \"k\" is listed twice")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", 0, "__metadata__ is listed twice")]
    public void a_damaged_header_is_refused_for_its_own_reason(string header, int dataLength, string reason) =>
        AssertRefused(SafeTensorsSamples.File(header, dataLength), reason);

    [Fact]
    public void deep_nesting_is_refused_or_skipped_but_never_overflows_the_stack()
    {
        string deep = new string('[', 1_000_000);
        AssertRefused(SafeTensorsSamples.File("""{"a":{"note":""" + deep, 0), "not valid JSON");
        AssertRefused(
            SafeTensorsSamples.File(string.Concat(Enumerable.Repeat("""{"a":""", 500_000)), 0),
            "not valid JSON"
        );
    }

    [Fact]
    public void a_header_that_is_not_utf8_is_refused() =>
        AssertRefused(
            SafeTensorsSamples.File([(byte)'{', (byte)'"', 0xC3, 0x28, (byte)'"', (byte)'}'], 0),
            "not UTF-8"
        );

    [Fact]
    public void a_shape_of_too_many_axes_is_refused() =>
        AssertRefused(
            SafeTensorsSamples.File(
                $$$"""{"a":{"dtype":"U8","shape":[{{{string.Join(',', Enumerable.Repeat(1, 65))}}}],"data_offsets":[0,1]}}""",
                1
            ),
            "more than 64 numbers"
        );

    [Fact]
    public void a_file_without_a_whole_header_is_refused()
    {
        AssertRefused([], "is empty (0 bytes)");
        AssertRefused([1, 2, 3, 4, 5, 6, 7], "it has only 7 bytes");
        AssertRefused([.. BitConverter.GetBytes(0L)], "its header is not a JSON object");
        AssertRefused(
            [.. BitConverter.GetBytes(3L), (byte)'{', (byte)'}'],
            "a header of 3 bytes, and the file has only 10 bytes"
        );
        AssertRefused(
            [.. BitConverter.GetBytes(100_000_001L), (byte)'{', (byte)'}'],
            "100000001 bytes, and 100000000 are allowed"
        );
        AssertRefused(
            [.. BitConverter.GetBytes(ulong.MaxValue), (byte)'{', (byte)'}'],
            "18446744073709551615 bytes, and 100000000 are allowed"
        );
    }

    [Fact]
    public void another_kind_of_file_is_called_by_its_name()
    {
        AssertRefused(Encoding.UTF8.GetBytes("Lines of text, café included.\n"), "it looks like a text file");
        AssertRefused(
            Encoding.UTF8.GetBytes("version https://git-lfs.github.com/spec/v1\noid sha256:00"),
            "Git LFS pointer"
        );
        AssertRefused(Encoding.UTF8.GetBytes("<!DOCTYPE html><html></html>"), "a web page");
        AssertRefused([0x80, 2, (byte)'}', (byte)'q', 0, (byte)'.', 0, 0, 0, 0], "a Python pickle");
        AssertRefused([0x89, .. "HDF\r\n\x1a\n"u8, 0, 0], "an HDF5 file");
        AssertRefused([0x93, .. "NUMPY"u8, 1, 0, 0, 0], "a NumPy .npy array");
        AssertRefused(Zip("archive/data.pkl"), "a PyTorch checkpoint");
        AssertRefused(Zip("arr_0.npy"), "a NumPy .npz archive");
        AssertRefused(Zip("readme.md"), "a zip archive");
    }

    [Fact]
    public void a_path_that_is_no_file_is_refused()
    {
        Assert.Contains("There is no file", Refusal(_folder.File("absent.safetensors")));
        Assert.Contains("is a directory", Refusal(_folder.Root));
        Assert.Contains("empty or not a file name", Refusal(""));
    }

    [Fact]
    public void names_in_messages_cannot_steer_a_terminal_or_fill_it()
    {
        string header = """{"\u001b[2J""" + new string('x', 5000) + "\":3}";
        string message = Refusal(_folder.Write("f", SafeTensorsSamples.File(header, 0)));
        Assert.DoesNotContain('\u001b', message);
        Assert.True(message.Length < 400);
    }

    [Fact]
    public void no_mutation_of_a_file_does_worse_than_a_refusal()
    {
        byte[] valid = SafeTensorsSamples.Small();
        const long slack = 4 << 20;
        int refused = 0;
        int read = 0;
        var mutations =
            from edits in Gen.Zip(
                    Gen.Choose(0, valid.Length - 1),
                    Gen.Elements<byte>([.. "0123456789[]{},:\"-.eF"u8, 0, 0xFF, 0x80])
                )
                .ArrayOf()
            from length in Gen.OneOf(Gen.Constant(valid.Length), Gen.Choose(0, valid.Length + 9))
            select (edits, length);
        Prop.ForAll(
                mutations.ToArbitrary(),
                mutation =>
                {
                    byte[] bytes = [.. valid];
                    foreach ((int at, byte value) in mutation.edits)
                        bytes[at] = value;
                    Array.Resize(ref bytes, mutation.length);
                    string path = _folder.Write("mutant", bytes);
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    try
                    {
                        using var file = SafeTensorsFile.Open(path);
                        foreach (string name in file.Tensors.Keys)
                            file.Read(name).Dispose();
                        read++;
                    }
                    catch (BadInputException)
                    {
                        refused++;
                    }
                    return GC.GetAllocatedBytesForCurrentThread() - before < bytes.Length + slack;
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
        // Both ends must be met, or the property has tested nothing.
        Assert.True(refused > 100 && read > 10, $"{refused} refused, {read} read");
    }

    static byte[] Zip(string entryName)
    {
        using var memory = new MemoryStream();
        using (var archive = new ZipArchive(memory, ZipArchiveMode.Create, leaveOpen: true))
        using (Stream entry = archive.CreateEntry(entryName).Open())
            entry.Write("content"u8);
        return memory.ToArray();
    }

    void AssertRefused(byte[] bytes, string reason)
    {
        string path = _folder.Write("hostile.safetensors", bytes);
        string message = Refusal(path);
        Assert.Contains(reason, message);
        Assert.Contains(path, message);
    }

    static string Refusal(string path) =>
        Assert.Throws<BadInputException>(() => SafeTensorsFile.Open(path).Dispose()).Message;
}
