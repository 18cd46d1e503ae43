using System.Buffers.Binary;

namespace Retouch.Formats;

/// <summary>
/// Walks through the fields of an untrusted Protocol Buffers message, without reading what it passes
/// over: where each field's value begins is what counts. Every length is checked against the message's end.
/// </summary>
sealed class ProtoReader(Stream stream, long start, long end, string path)
{
    const int Varint = 0;
    const int Fixed64 = 1;
    const int Delimited = 2;
    const int Fixed32 = 5;

    long _next = start;

    /// <summary>The field's number, after <see cref="Read"/>.</summary>
    public int Field { get; private set; }

    /// <summary>Its value, where it is a number.</summary>
    public long Number { get; private set; }

    /// <summary>Where the field itself, its number included, begins in the file.</summary>
    public long Start { get; private set; }

    /// <summary>Where the field ends.</summary>
    public long End => _next;

    /// <summary>Where its bytes begin in the file, where it has a length.</summary>
    public long Begin { get; private set; }

    /// <summary>How many they are.</summary>
    public long Length { get; private set; }

    /// <summary>Whether it has a length: a text, bytes, a message or packed numbers.</summary>
    public bool IsDelimited { get; private set; }

    /// <summary>Goes on to the next field; false at the message's end.</summary>
    /// <exception cref="BadInputException">The message is damaged.</exception>
    public bool Read()
    {
        if (_next == end)
            return false;
        stream.Position = Start = _next;
        ulong tag = ReadVarint();
        if (tag >> 3 is 0 or > 536870911)
            throw Damaged();
        (Field, IsDelimited, Length) = ((int)(tag >> 3), false, 0);
        switch ((int)(tag & 7))
        {
            case Varint:
                Number = (long)ReadVarint();
                break;
            case Fixed64:
                Number = BinaryPrimitives.ReadInt64LittleEndian(ReadBytes(8));
                break;
            case Fixed32:
                Number = BinaryPrimitives.ReadInt32LittleEndian(ReadBytes(4));
                break;
            case Delimited:
                ulong length = ReadVarint();
                Begin = _next;
                if (length > (ulong)(end - _next))
                    throw Damaged();
                (IsDelimited, Length) = (true, (long)length);
                _next += Length;
                break;
            default:
                throw Damaged();
        }
        return true;
    }

    /// <summary>The message that the field is.</summary>
    public ProtoReader Message() => new(stream, Begin, Begin + Length, path);

    /// <summary>The text that the field is.</summary>
    public string Text(int most = 4096)
    {
        if (!IsDelimited || Length > most)
            throw Damaged();
        stream.Position = Begin;
        byte[] bytes = new byte[Length];
        stream.ReadExactly(bytes);
        return System.Text.Encoding.UTF8.GetString(bytes);
    }

    /// <summary>The whole numbers that the field is, packed or one.</summary>
    public IEnumerable<long> Numbers(int most = 64)
    {
        if (!IsDelimited)
        {
            yield return Number;
            yield break;
        }
        if (Length > most * 10)
            throw Damaged();
        ProtoReader inner = Message();
        while (inner._next < Begin + Length)
        {
            stream.Position = inner._next;
            yield return (long)inner.ReadVarint();
        }
    }

    ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            int b = _next < end ? stream.ReadByte() : -1;
            if (b < 0)
                throw Damaged();
            _next++;
            value |= (ulong)(b & 0x7f) << Math.Min(shift, 63);
            if (b < 0x80)
                return value;
        }
        throw Damaged();
    }

    byte[] ReadBytes(int count)
    {
        if (count > end - _next)
            throw Damaged();
        byte[] bytes = new byte[count];
        stream.ReadExactly(bytes);
        _next += count;
        return bytes;
    }

    BadInputException Damaged() =>
        BadInput.Damaged(
            path,
            $"{path} is not an ONNX file, or a damaged one: at byte {_next} is no field of a Protocol Buffers message."
        );
}
