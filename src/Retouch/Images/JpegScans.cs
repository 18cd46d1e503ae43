using System.Buffers.Binary;

namespace Retouch.Images;

/// <summary>
/// Counts the scans of a JPEG. A progressive one is drawn scan by scan, each over all pixels and in as little as ten
/// bytes: a file of a megabyte could keep a decoder busy for hours.
/// </summary>
static class JpegScans
{
    /// <summary>The most that are decoded; encoders make about ten, or some hundred of one for each bit.</summary>
    public const int Most = 200;

    const byte Marker = 0xFF;
    const byte StartOfScan = 0xDA;
    const byte EndOfImage = 0xD9;

    /// <summary>Whether the bytes are a JPEG of more scans.</summary>
    public static bool AreTooMany(ReadOnlySpan<byte> data)
    {
        if (!data.StartsWith((ReadOnlySpan<byte>)[Marker, 0xD8]))
            return false;
        int scans = 0;
        for (int at = 2; at + 3 < data.Length; )
        {
            // Within a scan's data every FF is followed by 00 or is a restart marker.
            int next = data[at..].IndexOf(Marker);
            if (next < 0 || at + next + 3 >= data.Length)
                return false;
            at += next + 1;
            byte code = data[at];
            if (code is 0 or Marker or 1 or (>= 0xD0 and <= 0xD8))
            {
                at += code == Marker ? 0 : 1;
                continue;
            }
            if (code == EndOfImage)
                return false;
            if (code == StartOfScan && ++scans > Most)
                return true;
            // Of the other markers the length says where they end: a preview in them is no scan of this picture.
            at += 1 + Math.Max((int)BinaryPrimitives.ReadUInt16BigEndian(data[(at + 1)..]), 2);
        }
        return false;
    }
}
