using System.IO.Compression;
using System.Text;
using Retouch.Cli;
using Retouch.Formats;

namespace Retouch.Tests.Formats;

/// <summary>NumPy archives that nobody vouches for.</summary>
public sealed class NpzFileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, "Python objects")]
    [InlineData("{'descr': 'O', 'fortran_order': False, 'shape': (1,), }", 8, "Python objects")]
    [InlineData("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, "structured")]
    [InlineData("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4, "big-endian")]
    [InlineData("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, "<c8")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4, "by its shape")]
    [InlineData(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }",
        4,
        "too large"
    )]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4, "too large")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "does not read")]
    [InlineData(
        "{'descr': '<f4', 'fortran_order': __import__('os').system('true'), 'shape': (1,), }",
        4,
        "does not read"
    )]
    public void Arrays_that_are_not_numbers_of_their_size_are_refused(string head, int bytes, string word) =>
        Assert.Contains(word, Refused(Npz(("cls.npy", Npy(head, new byte[bytes])))), StringComparison.Ordinal);

    [Fact]
    public void Damaged_archives_are_refused()
    {
        Assert.Contains("does not begin", Refused(Npz(("cls.npy", new byte[100]))), StringComparison.Ordinal);
        Assert.Contains(
            "out of the archive",
            Refused(Npz(("../cls.npy", Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", new byte[4])))),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "no NumPy array",
            Refused(
                Npz(
                    ("a.npy", Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", new byte[4])),
                    ("run.py", new byte[4])
                )
            ),
            StringComparison.Ordinal
        );
        byte[] long_head = [0x93, .. "NUMPY"u8, 2, 0, 0xff, 0xff, 0xff, 0x7f, .. new byte[20]];
        Assert.Contains("head of", Refused(Npz(("a.npy", long_head))), StringComparison.Ordinal);
        byte[] bomb = Npz(
            (
                "embedding/kernel.npy",
                Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (75000000,), }", new byte[300_000_000])
            )
        );
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("zip bomb", Refused(bomb), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10 << 20);
    }

    [Fact]
    public void Fortran_order_and_deflate_are_read()
    {
        string path = SharedData.Require("golden", "augreg_vit.npz");
        using ModelFile stored = ModelFile.Load(path);
        List<(string, byte[])> entries = [];
        using (ZipArchive zip = ZipFile.OpenRead(path))
        {
            foreach (ZipArchiveEntry entry in zip.Entries)
            {
                using MemoryStream bytes = new();
                using (Stream stream = entry.Open())
                    stream.CopyTo(bytes);
                entries.Add(
                    (entry.FullName, entry.FullName == "head/kernel.npy" ? Turned(bytes.ToArray()) : bytes.ToArray())
                );
            }
        }
        using ModelFile deflated = ModelFile.Load(_folder.Write("deflated.npz", Npz([.. entries])));
        Assert.Equal(stored.Model.Fingerprint, deflated.Model.Fingerprint);
        Assert.Contains(
            "export",
            RemedyText.Of(
                Assert.Throws<BadInputException>(() =>
                    stored.WriteWith(
                        _folder.File("x.safetensors"),
                        new Dictionary<string, TorchSharp.torch.Tensor>(),
                        false
                    )
                )
            ),
            StringComparison.Ordinal
        );
    }

    // NumPy keeps the transposed [32,10] in Fortran's order; the same array in C's.
    static byte[] Turned(byte[] npy)
    {
        Assert.Contains("'fortran_order': True", Encoding.Latin1.GetString(npy), StringComparison.Ordinal);
        int head = npy.Length - 32 * 10 * 4;
        byte[] data = new byte[32 * 10 * 4];
        for (int i = 0; i < 32; i++)
        {
            for (int j = 0; j < 10; j++)
                npy.AsSpan(head + (j * 32 + i) * 4, 4).CopyTo(data.AsSpan((i * 10 + j) * 4));
        }
        return Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (32, 10), }", data);
    }

    string Refused(byte[] archive) =>
        Assert.Throws<BadInputException>(() => ModelFile.Load(_folder.Write("m.npz", archive)).Dispose()).Message;

    static byte[] Npy(string head, byte[] data) =>
        [
            0x93,
            .. "NUMPY"u8,
            1,
            0,
            .. BitConverter.GetBytes((ushort)head.Length),
            .. Encoding.ASCII.GetBytes(head),
            .. data,
        ];

    static byte[] Npz(params (string Name, byte[] Content)[] entries)
    {
        MemoryStream bytes = new();
        using (ZipArchive zip = new(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in entries)
            {
                using Stream entry = zip.CreateEntry(name, CompressionLevel.SmallestSize).Open();
                entry.Write(content);
            }
        }
        return bytes.ToArray();
    }
}
