using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;
using System.Text;

namespace Retouch.Tests.Formats;

/// <summary>Writes pickles and PyTorch files as Python does, and as no Python would.</summary>
sealed class PickleBuilder
{
    readonly List<byte> _bytes = [];

    public PickleBuilder() => Op(0x80, 2);

    public PickleBuilder Op(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleBuilder Op(char code) => Op((byte)code);

    public PickleBuilder Op(char code, byte operand) => Op((byte)code, operand);

    public PickleBuilder Text(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
        return Op('X').Op(length).Op(utf8);
    }

    public PickleBuilder Int(BigInteger value)
    {
        byte[] bytes = value.ToByteArray();
        return Op(0x8a, (byte)bytes.Length).Op(bytes);
    }

    public PickleBuilder Global(string module, string name) =>
        Op('c').Op(Encoding.ASCII.GetBytes($"{module}\n{name}\n"));

    public PickleBuilder Ints(params BigInteger[] values)
    {
        Op('(');
        foreach (BigInteger value in values)
            Int(value);
        return Op('t');
    }

    /// <summary>A tensor in the storage <paramref name="key"/>.</summary>
    public PickleBuilder Tensor(
        string key,
        BigInteger count,
        BigInteger offset,
        BigInteger[] shape,
        BigInteger[] strides,
        string storage = "FloatStorage",
        bool legacy = false
    )
    {
        Global("torch._utils", "_rebuild_tensor_v2")
            .Op('(')
            .Op('(')
            .Text("storage")
            .Global("torch", storage)
            .Text(key)
            .Text("cpu")
            .Int(count);
        if (legacy)
            Op('N');
        return Op('t')
            .Op('Q')
            .Int(offset)
            .Ints(shape)
            .Ints(strides)
            .Op(0x89)
            .Global("collections", "OrderedDict")
            .Op(')')
            .Op('R')
            .Op('t')
            .Op('R');
    }

    public byte[] Stop() => [.. Op('.')._bytes];

    /// <summary>
    /// A dictionary of float tensors, each in its own storage "0", "1", …, some of them transposed views.
    /// </summary>
    public static byte[] StateDictionary(
        IReadOnlyList<(string Name, long[] Shape)> tensors,
        bool legacy = false,
        Action<PickleBuilder>? more = null
    )
    {
        PickleBuilder pickle = new PickleBuilder().Global("collections", "OrderedDict").Op(')').Op('R').Op('(');
        for (int i = 0; i < tensors.Count; i++)
        {
            BigInteger[] shape = [.. tensors[i].Shape.Select(s => (BigInteger)s)];
            BigInteger[] strides =
            [
                .. shape.Select((_, a) => shape[(a + 1)..].Aggregate(BigInteger.One, (p, s) => p * s)),
            ];
            pickle
                .Text(tensors[i].Name)
                .Tensor($"{i}", shape.Aggregate(BigInteger.One, (p, s) => p * s), 0, shape, strides, legacy: legacy);
        }
        more?.Invoke(pickle);
        return pickle.Op('u').Stop();
    }

    /// <summary>A file of torch.save since 1.6.</summary>
    public static byte[] Zip(
        byte[] pickle,
        IEnumerable<byte[]> storages,
        CompressionLevel compression = CompressionLevel.NoCompression
    )
    {
        MemoryStream bytes = new();
        using (ZipArchive zip = new(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("archive/data.pkl", pickle);
            int i = 0;
            foreach (byte[] storage in storages)
                Add($"archive/data/{i++}", storage);
            Add("archive/version", "3\n"u8.ToArray());

            void Add(string name, byte[] content)
            {
                using Stream entry = zip.CreateEntry(name, compression).Open();
                entry.Write(content);
            }
        }
        return bytes.ToArray();
    }

    /// <summary>A file of torch.save before 1.6.</summary>
    public static byte[] Legacy(byte[] pickle, IReadOnlyList<byte[]> storages)
    {
        PickleBuilder keys = new PickleBuilder().Op(']').Op('(');
        for (int i = 0; i < storages.Count; i++)
            keys.Text($"{i}");
        return
        [
            .. new PickleBuilder().Int(BigInteger.Parse("119547037146038801333356")).Stop(),
            .. new PickleBuilder().Int(1001).Stop(),
            .. new PickleBuilder().Op('}').Op('(').Text("little_endian").Op(0x88).Op('u').Stop(),
            .. pickle,
            .. keys.Op('e').Stop(),
            .. storages.SelectMany(s => (byte[])[.. BitConverter.GetBytes((long)s.Length / 4), .. s]),
        ];
    }
}
