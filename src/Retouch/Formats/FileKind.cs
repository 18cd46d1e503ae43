using System.Buffers.Binary;
using System.Text.Unicode;

namespace Retouch.Formats;

/// <summary>Recognises what a file is by its first bytes, so that a wrong file is called by its name.</summary>
static class FileKind
{
    /// <summary>How many leading bytes <see cref="Describe"/> can make use of.</summary>
    public const int HeadLength = 512;

    /// <summary>
    /// A noun phrase such as "a pickle (a .pth or .bin file of PyTorch)", or null if nothing is recognised.
    /// </summary>
    public static string? Describe(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("PK\x03\x04"u8))
            return DescribeZip(head);
        if (head is [0x80, >= 2 and <= 5, ..])
            return "a Python pickle (an old .pth or .bin file of PyTorch)";
        if (head is [0x89, (byte)'H', (byte)'D', (byte)'F', ..])
            return "an HDF5 file (Keras weights, perhaps)";
        if (head is [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..])
            return "a NumPy .npy array";
        if (head.StartsWith("GGUF"u8))
            return "a GGUF file";
        if (head is [0x1f, 0x8b, ..])
            return "a gzip archive";
        if (head.StartsWith("version https://git-lfs"u8))
            return "a Git LFS pointer, not the file itself (run `git lfs pull`)";
        if (head.StartsWith("<!DOCTYPE"u8) || head.StartsWith("<html"u8))
            return "a web page (a download that went wrong, perhaps)";
        return IsText(head) ? "a text file" : null;
    }

    static string DescribeZip(ReadOnlySpan<byte> head)
    {
        const int nameLengthAt = 26;
        const int nameAt = 30;
        if (head.Length < nameAt)
            return "a zip archive";
        int length = BinaryPrimitives.ReadUInt16LittleEndian(head[nameLengthAt..]);
        ReadOnlySpan<byte> name = head.Slice(nameAt, Math.Min(length, head.Length - nameAt));
        return name.EndsWith(".npy"u8) ? "a NumPy .npz archive"
            : name.EndsWith("/data.pkl"u8) ? "a PyTorch checkpoint (.pth, .pt or .bin)"
            : "a zip archive";
    }

    static bool IsText(ReadOnlySpan<byte> head)
    {
        if (head.ContainsAnyInRange((byte)0, (byte)8) || head.IsEmpty)
            return false;
        // The cut at HeadLength may fall within a character of at most four bytes.
        for (int cut = 0; cut < 4 && cut < head.Length; cut++)
            if (Utf8.IsValid(head[..^cut]))
                return true;
        return false;
    }
}
