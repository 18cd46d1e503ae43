using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Retouch.Formats;

/// <summary>What the head of a NumPy .npy array says of it.</summary>
/// <param name="DType">The type of its numbers.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="FortranOrder">Whether the first axis runs fastest in the data.</param>
/// <param name="Length">Bytes of the head.</param>
/// <param name="DataLength">Bytes of the data.</param>
sealed partial record NpyHeader(
    TensorDType DType,
    IReadOnlyList<long> Shape,
    bool FortranOrder,
    int Length,
    long DataLength
)
{
    const int MostText = 1 << 16;
    const int MostAxes = 32;

    /// <summary>Reads and checks the head, which must be NumPy's own dictionary of three entries.</summary>
    /// <param name="stream">The array's file from its begin.</param>
    /// <param name="what">The array, for messages.</param>
    /// <exception cref="BadInputException">The head is not NumPy's, or the type is not read.</exception>
    public static NpyHeader Read(Stream stream, string what)
    {
        byte[] head = new byte[8];
        stream.ReadExactly(head);
        if (head[0] != 0x93 || !head.AsSpan(1).StartsWith("NUMPY"u8))
            throw BadInput.Mismatch(what, $"{what} does not begin as a NumPy array.");
        int version = head[6];
        if (version is < 1 or > 3)
            throw BadInput.Unsupported(
                what,
                $"{what} is of NumPy's format version {version}, which Retouch does not read."
            );
        byte[] size = new byte[version == 1 ? 2 : 4];
        stream.ReadExactly(size);
        uint length =
            version == 1
                ? BinaryPrimitives.ReadUInt16LittleEndian(size)
                : BinaryPrimitives.ReadUInt32LittleEndian(size);
        if (length > MostText)
            throw BadInput.TooLarge(what, $"{what} announces a head of {length} bytes, and {MostText} are allowed.");
        byte[] text = new byte[length];
        stream.ReadExactly(text);
        return Parse(Encoding.Latin1.GetString(text), head.Length + size.Length + text.Length, what);
    }

    static NpyHeader Parse(string text, int length, string what)
    {
        if (ObjectArray().IsMatch(text))
            throw BadInput.Unsupported(
                what,
                $"{what} holds Python objects, which only a program could unpack; save it as an array of numbers."
            );
        Match match = Head().Match(text);
        if (!match.Success)
            throw BadInput.Unsupported(
                what,
                $"{what} has a head that Retouch does not read (a structured type, perhaps): "
                    + $"{UserText.Quote(text.Trim())}."
            );
        string descr = match.Groups["descr"].Value;
        TensorDType dtype = descr switch
        {
            "<f4" => TensorDType.F32,
            "<f2" => TensorDType.F16,
            "<f8" => TensorDType.F64,
            // NumPy has no bfloat16 of its own and writes it as two bytes of anything.
            "|V2" or "<V2" => TensorDType.BF16,
            "<i8" => TensorDType.I64,
            "<i4" => TensorDType.I32,
            "<i2" => TensorDType.I16,
            "|i1" => TensorDType.I8,
            "|u1" => TensorDType.U8,
            "|b1" => TensorDType.BOOL,
            _ => throw BadInput.Unsupported(
                what,
                $"{what} is of type {UserText.Quote(descr)}{(descr.StartsWith('>') ? ", which is big-endian" : "")}; "
                    + "Retouch reads little-endian numbers of 8 to 64 bits."
            ),
        };
        string[] sizes = match
            .Groups["shape"]
            .Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (sizes.Length > MostAxes)
            throw BadInput.TooLarge(what, $"{what} has {sizes.Length} axes, and {MostAxes} are allowed.");
        long[] shape = new long[sizes.Length];
        UInt128 bytes = (uint)dtype.Size();
        for (int i = 0; i < sizes.Length; i++)
        {
            if (!long.TryParse(sizes[i], NumberStyles.None, CultureInfo.InvariantCulture, out shape[i]))
                throw BadInput.TooLarge(what, $"{what} has the size {UserText.Quote(sizes[i])}, which is too large.");
            bytes *= (ulong)Math.Max(shape[i], 1);
            if (bytes > long.MaxValue)
                throw BadInput.TooLarge(
                    what,
                    $"{what} has the shape {UserText.Shape(shape)}, which is too large for any file."
                );
        }
        return new NpyHeader(
            dtype,
            shape,
            match.Groups["order"].Value == "True",
            length,
            shape.Contains(0) ? 0 : (long)bytes
        );
    }

    [GeneratedRegex(
        """^\s*\{\s*'descr':\s*'(?<descr>[^']{1,16})',\s*'fortran_order':\s*(?<order>True|False),\s*'shape':\s*\((?<shape>[0-9, ]*)\),?\s*\}\s*$""",
        RegexOptions.CultureInvariant | RegexOptions.NonBacktracking
    )]
    private static partial Regex Head();

    [GeneratedRegex("""'descr':\s*'[|<>=]?O""", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex ObjectArray();
}
