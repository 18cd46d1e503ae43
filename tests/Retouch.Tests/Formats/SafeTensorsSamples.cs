using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Retouch.Formats;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>Files and tensors to test with, made without the code under test.</summary>
static class SafeTensorsSamples
{
    public static byte[] File(string header, int dataLength) => File(Encoding.UTF8.GetBytes(header), dataLength);

    public static byte[] File(byte[] header, int dataLength) =>
        [
            .. BitConverter.GetBytes((long)header.Length),
            .. header,
            .. Enumerable.Range(0, dataLength).Select(i => (byte)i),
        ];

    public static byte[] Small() =>
        File(
            """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BOOL","shape":[],"data_offsets":[24,25]},"c":{"dtype":"I16","shape":[0,4],"data_offsets":[25,25]}}  """,
            dataLength: 25
        );

    public static Gen<(TensorDType DType, long[] Shape, int Seed)[]> TensorLists { get; } =
        (
            from dtype in Gen.Elements(Enum.GetValues<TensorDType>())
            from rank in Gen.Choose(0, 4)
            from shape in Gen.ArrayOf(Gen.Choose(0, 5).Select(size => (long)size), rank)
            from seed in Gen.Choose(0, int.MaxValue)
            select (dtype, shape, seed)
        ).ArrayOf();

    /// <summary>A tensor of random bits, NaNs with payloads included.</summary>
    public static Tensor RandomBits(TensorDType dtype, long[] shape, int seed)
    {
        Tensor tensor = empty(shape, dtype.ToScalarType());
        if (tensor.NumberOfElements > 0)
            new Random(seed).NextBytes(tensor.bytes);
        if (dtype == TensorDType.BOOL && tensor.NumberOfElements > 0)
            foreach (ref byte value in tensor.bytes)
                value &= 1;
        return tensor;
    }

    public static byte[] Bits(Tensor tensor) => tensor.NumberOfElements == 0 ? [] : tensor.bytes.ToArray();

    public static byte[] Raw(SafeTensorsFile file, string name)
    {
        using Stream raw = file.OpenRaw(name);
        var bytes = new byte[raw.Length];
        raw.ReadExactly(bytes);
        return bytes;
    }
}
