using System.Text;
using System.Text.Unicode;

namespace Retouch.Formats;

/// <summary>Reads the label files that are in use; <see cref="LabelSet.Load"/> lists them.</summary>
static class LabelFile
{
    // Ten times the names of ImageNet-21k.
    const long MaxLength = 16 << 20;

    public static Label[] Read(string path)
    {
        string text = ReadText(path);
        bool json =
            text.AsSpan().TrimStart() is ['[' or '{', ..]
            || Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase);
        return Checked(json ? LabelJson.Read(text, path) : LabelText.Read(text, path), path);
    }

    static Label[] Checked(LabelListing listing, string source) =>
        listing.Labels.Count > 0
            ? Ordered(listing.WithWordNetIds(source), source)
            : throw BadInput.Missing(source, $"{source} holds no labels.");

    /// <summary>Labels from JSON that is somewhere else than in a file of its own.</summary>
    public static Label[] ReadJson(string text, string source) => Checked(LabelJson.Read(text, source), source);

    static string ReadText(string path)
    {
        using FileStream stream = InputFile.Open(path);
        if (stream.Length > MaxLength)
            throw BadInput.TooLarge(
                path,
                $"{path} has {stream.Length} bytes, too many for a file of class names; is it another file?"
            );
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        // What Windows calls "Unicode".
        if (bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
            return (bytes[0] == 0xFF ? Encoding.Unicode : Encoding.BigEndianUnicode)
                .GetString(bytes)
                .TrimStart('\uFEFF');
        int zero = bytes.AsSpan().IndexOf((byte)0);
        int bad = zero >= 0 || Utf8.IsValid(bytes) ? zero : FirstInvalid(bytes);
        if (bad >= 0)
        {
            string kind = FileKind.Describe(bytes) is string known
                ? $"it looks like {known}"
                : $"line {LineAt(bytes, bad)} is no such text";
            throw BadInput.Mismatch(path, $"{path} is not a file of class names in UTF-8 text; {kind}.");
        }
        return Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF');
    }

    static int FirstInvalid(ReadOnlySpan<byte> bytes)
    {
        char[] characters = new char[bytes.Length];
        Utf8.ToUtf16(bytes, characters, out int read, out _, replaceInvalidSequences: false);
        return read;
    }

    /// <summary>The line, from 1 on, of a place in a file.</summary>
    public static int LineAt(ReadOnlySpan<byte> bytes, int at) => bytes[..at].Count((byte)'\n') + 1;

    static Label[] Ordered(LabelListing listing, string path)
    {
        (Label Label, int Position)[] ordered =
        [
            .. listing.Labels.Select((l, position) => (l, position)).OrderBy(l => l.l.Index),
        ];
        for (int i = 0; i < ordered.Length; i++)
        {
            int index = ordered[i].Label.Index;
            string where = $"(line {listing.LineOf(ordered[i].Position)})";
            if (i > 0 && index == ordered[i - 1].Label.Index)
                throw BadInput.Ambiguous(path, $"{path} names class {index} twice {where}.");
            if (index < 0)
                throw BadInput.OutOfRange(path, $"{path} has the negative class number {index} {where}.");
            if (index != i)
            {
                throw BadInput.OutOfRange(
                    path,
                    $"{path} names no class {i}; the numbers must run from 0 to {ordered.Length - 1} without a gap, "
                        + $"but {(i == 0 ? "the first" : $"after {i - 1}")} comes {index} {where}."
                );
            }
        }
        return [.. ordered.Select(l => l.Label)];
    }
}
