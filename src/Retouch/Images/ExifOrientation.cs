using System.Buffers.Binary;

namespace Retouch.Images;

/// <summary>
/// Finds the EXIF orientation in the bytes of a JPEG, PNG or WebP file, by one rule for all: the first EXIF block, its
/// first directory. BMP and GIF have none. Whatever is damaged, missing or out of range counts as upright.
/// </summary>
static class ExifOrientation
{
    /// <summary>The value that says that an image is upright.</summary>
    public const int Upright = 1;

    const int Tag = 0x112;
    const int Short = 3;
    const int Long = 4;
    const int EntryLength = 12;

    /// <summary>EXIF's number of the orientation, from 1 (upright) to 8.</summary>
    public static int Of(ReadOnlySpan<byte> file)
    {
        ReadOnlySpan<byte> block =
            file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8]) ? InJpeg(file)
            : file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']) ? InPng(file)
            : file.StartsWith("RIFF"u8) ? InWebP(file)
            : [];
        return InBlock(block.StartsWith("Exif\0\0"u8) ? block[6..] : block);
    }

    static ReadOnlySpan<byte> InJpeg(ReadOnlySpan<byte> file)
    {
        const int application1 = 0xE1;
        const int scan = 0xDA;
        const int end = 0xD9;
        for (int at = 2; at + 4 <= file.Length && file[at] == 0xFF; )
        {
            int marker = file[at + 1];
            // Any number of fill bytes may stand before a marker.
            if (marker == 0xFF)
            {
                at++;
                continue;
            }
            int length = BinaryPrimitives.ReadUInt16BigEndian(file[(at + 2)..]);
            if (marker is scan or end || length < 2 || at + 2 + length > file.Length)
                return [];
            ReadOnlySpan<byte> segment = file.Slice(at + 4, length - 2);
            if (marker == application1 && segment.StartsWith("Exif\0\0"u8))
                return segment;
            at += 2 + length;
        }
        return [];
    }

    static ReadOnlySpan<byte> InPng(ReadOnlySpan<byte> file)
    {
        for (int at = 8; at + 12 <= file.Length; )
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
            if (length > file.Length - at - 12)
                return [];
            if (file[(at + 4)..].StartsWith("eXIf"u8))
                return file.Slice(at + 8, (int)length);
            at += 12 + (int)length;
        }
        return [];
    }

    static ReadOnlySpan<byte> InWebP(ReadOnlySpan<byte> file)
    {
        const int flagsAt = 20;
        const int hasExif = 8;
        // Only the extended format has EXIF, where its header says so.
        if (file.Length <= flagsAt || !file[8..].StartsWith("WEBPVP8X"u8) || (file[flagsAt] & hasExif) == 0)
            return [];
        for (int at = 12; at + 8 <= file.Length; )
        {
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(file[(at + 4)..]);
            if (length > file.Length - at - 8)
                return [];
            if (file[at..].StartsWith("EXIF"u8))
                return file.Slice(at + 8, (int)length);
            // Padded to an even length.
            at += 8 + (int)(length + (length & 1));
        }
        return [];
    }

    // TIFF: the order of bytes, the place of the first directory, its entries.
    static int InBlock(ReadOnlySpan<byte> tiff)
    {
        bool little = tiff.StartsWith("II*\0"u8);
        if (tiff.Length < 8 || !(little || tiff.StartsWith("MM\0*"u8)))
            return Upright;
        uint directory = Read32(tiff[4..]);
        if (directory > tiff.Length - 2)
            return Upright;
        ReadOnlySpan<byte> entries = tiff[((int)directory + 2)..];
        int count = Read16(tiff[(int)directory..]);
        for (; count > 0 && entries.Length >= EntryLength; count--, entries = entries[EntryLength..])
        {
            if (Read16(entries) != Tag)
                continue;
            uint value = Read16(entries[2..]) switch
            {
                Short => (uint)Read16(entries[8..]),
                Long => Read32(entries[8..]),
                _ => 0,
            };
            return value is >= 1 and <= 8 ? (int)value : Upright;
        }
        return Upright;

        int Read16(ReadOnlySpan<byte> from) =>
            little ? BinaryPrimitives.ReadUInt16LittleEndian(from) : BinaryPrimitives.ReadUInt16BigEndian(from);

        uint Read32(ReadOnlySpan<byte> from) =>
            little ? BinaryPrimitives.ReadUInt32LittleEndian(from) : BinaryPrimitives.ReadUInt32BigEndian(from);
    }
}
