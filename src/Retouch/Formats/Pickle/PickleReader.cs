using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Retouch.Formats;

/// <summary>
/// Reads a Python pickle as data. A pickle is a program for a small stack machine; this one knows the
/// instructions that build numbers, texts, lists, dictionaries and PyTorch's tensors, and none that would
/// call anything. Whatever else it meets, it refuses by name. Memory and work are bounded by <see cref="MostSteps"/>
/// and by a multiple of what was read: values that are remembered and used again and again count each time.
/// </summary>
sealed class PickleReader
{
    // A model with its optimizer takes some 30 steps a tensor.
    const int MostSteps = 4_000_000;
    const int MostText = 16 << 20;

    // Bytes of memory or of work for each that was read, and beside them.
    const int Growth = 64;
    const long Allowance = 64 << 20;

    // An object with its place on the stack, roughly.
    const long ObjectBytes = 48;

    static readonly object Mark = new();

    readonly Stream _stream;
    readonly string _path;
    readonly long _start;
    readonly long _end;
    readonly ReadingTime _time;
    readonly Stack<object?> _stack = new();
    readonly Dictionary<uint, object?> _memo = [];

    long _taken;

    PickleReader(Stream stream, string path, long end)
    {
        (_stream, _path, _start, _end) = (stream, path, stream.Position, end);
        _time = new ReadingTime(path, end);
    }

    /// <summary>Reads one pickle and leaves the stream after its end.</summary>
    /// <param name="stream">The bytes; it must know its position.</param>
    /// <param name="path">The file, for messages.</param>
    /// <returns>
    /// Null, bool, <see cref="BigInteger"/>, double, string, byte[], list, dictionary, or a type of this folder.
    /// </returns>
    /// <exception cref="BadInputException">
    /// It is damaged, or holds an instruction or a class that is not read.
    /// </exception>
    public static object? Read(Stream stream, string path)
    {
        try
        {
            return new PickleReader(stream, path, stream.Length).Run();
        }
        catch (Exception e) when (e is EndOfStreamException or DecoderFallbackException)
        {
            throw BadInput.Damaged(
                path,
                $"{path} is a damaged PyTorch file: its pickle ends early or holds broken text.",
                cause: e
            );
        }
    }

    object? Run()
    {
        for (int step = 0; step < MostSteps; step++)
        {
            int code = ReadByte();
            if (code == '.')
                return Pop();
            Charge(ObjectBytes);
            if (step % (1 << 16) == 0)
                _time.Check();
            Step(code);
        }
        throw Damaged($"its pickle has more than {MostSteps} steps");
    }

    void Step(int code)
    {
        switch (code)
        {
            case 0x80:
                ReadByte();
                break; // PROTO
            case 0x95:
                ReadExactly(8);
                break; // FRAME
            case '(':
                _stack.Push(Mark);
                break;
            case '0':
                Pop();
                break;
            case '1':
                PopToMark();
                break;
            case '2':
                _stack.Push(Peek());
                break;
            case 'N':
                _stack.Push(null);
                break;
            case 0x88:
                _stack.Push(true);
                break;
            case 0x89:
                _stack.Push(false);
                break;
            case 'I':
                _stack.Push(
                    ReadLine() switch
                    {
                        "00" => false,
                        "01" => true,
                        string text => Integer(text),
                    }
                );
                break;
            case 'L':
                _stack.Push(Integer(ReadLine().TrimEnd('L')));
                break;
            case 'J':
                _stack.Push((BigInteger)BinaryPrimitives.ReadInt32LittleEndian(ReadExactly(4)));
                break;
            case 'K':
                _stack.Push((BigInteger)ReadByte());
                break;
            case 'M':
                _stack.Push((BigInteger)BinaryPrimitives.ReadUInt16LittleEndian(ReadExactly(2)));
                break;
            case 0x8a:
                _stack.Push(new BigInteger(ReadExactly(ReadByte())));
                break; // LONG1
            case 'G':
                _stack.Push(BinaryPrimitives.ReadDoubleBigEndian(ReadExactly(8)));
                break;
            case 'F':
                _stack.Push(
                    double.TryParse(ReadLine(), NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                        ? number
                        : throw Damaged("its pickle holds a number that is none")
                );
                break;
            case 'X':
                _stack.Push(Text(ReadExactly(Length32())));
                break;
            case 0x8c:
                _stack.Push(Text(ReadExactly(ReadByte())));
                break; // SHORT_BINUNICODE
            case 0x8d:
                _stack.Push(Text(ReadExactly(Length64())));
                break; // BINUNICODE8
            case 'V':
                _stack.Push(ReadLine());
                break;
            case 'T':
                _stack.Push(Encoding.Latin1.GetString(ReadExactly(Length32())));
                break;
            case 'U':
                _stack.Push(Encoding.Latin1.GetString(ReadExactly(ReadByte())));
                break;
            case 'B':
                _stack.Push(ReadExactly(Length32()));
                break;
            case 'C':
                _stack.Push(ReadExactly(ReadByte()));
                break;
            case 0x8e:
                _stack.Push(ReadExactly(Length64()));
                break; // BINBYTES8
            case ']':
                _stack.Push(new List<object?>());
                break;
            case 'l':
                _stack.Push(PopToMark());
                break;
            case 'a':
                Append([Pop()]);
                break;
            case 'e':
                Append(PopToMark());
                break;
            case ')':
                _stack.Push(new PickleTuple([]));
                break;
            case 't':
                _stack.Push(new PickleTuple(PopToMark()));
                break;
            case 0x85:
                PushTuple(1);
                break;
            case 0x86:
                PushTuple(2);
                break;
            case 0x87:
                PushTuple(3);
                break;
            case '}':
                _stack.Push(new Dictionary<object, object?>());
                break;
            case 'd':
                PushDictionary(PopToMark());
                break;
            case 's':
                (object? value, object? key) = (Pop(), Pop());
                SetItems([key, value]);
                break;
            case 'u':
                SetItems(PopToMark());
                break;
            case 0x8f:
                _stack.Push(new PickleInert());
                break; // EMPTY_SET
            case 0x90:
                PopToMark();
                break; // ADDITEMS
            case 0x91:
                PopToMark();
                _stack.Push(new PickleInert());
                break; // FROZENSET
            case 'c':
                PushGlobal(ReadLine(), ReadLine());
                break;
            case 0x93:
                (object? name, object? module) = (Pop(), Pop());
                PushGlobal(module as string, name as string);
                break;
            case 'R' or 0x81:
                (object? arguments, object? callee) = (Pop(), Pop());
                _stack.Push(PickleCalls.Call(callee, arguments as PickleTuple, _path, Charge));
                break;
            case 'b':
                Pop();
                if (Peek() is not (PickleInert or Dictionary<object, object?>))
                    throw Damaged("its pickle sets the state of something that has none");
                break;
            case 'q':
                _memo[(uint)ReadByte()] = Peek();
                break;
            case 'r':
                _memo[BinaryPrimitives.ReadUInt32LittleEndian(ReadExactly(4))] = Peek();
                break;
            case 0x94:
                _memo[(uint)_memo.Count] = Peek();
                break; // MEMOIZE
            case 'p':
                _memo[Index()] = Peek();
                break;
            case 'h':
                _stack.Push(Remembered((uint)ReadByte()));
                break;
            case 'j':
                _stack.Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(ReadExactly(4))));
                break;
            case 'g':
                _stack.Push(Remembered(Index()));
                break;
            case 'Q':
                _stack.Push(PickleCalls.Storage(Pop() as PickleTuple, _path));
                break;
            default:
                throw BadInput.Unsupported(
                    _path,
                    $"{_path} holds the pickle instruction {PickleCalls.Instruction(code)}, which Retouch does not "
                        + "carry out; nothing of the file was run. Save its state_dict() as "
                        + "safetensors, or with torch.save."
                );
        }
    }

    void PushTuple(int count)
    {
        object?[] items = new object?[count];
        for (int i = count - 1; i >= 0; i--)
            items[i] = Pop();
        _stack.Push(new PickleTuple(items));
    }

    void PushGlobal(string? module, string? name) => _stack.Push(PickleCalls.Global($"{module}.{name}", _path));

    void PushDictionary(List<object?> items)
    {
        _stack.Push(new Dictionary<object, object?>());
        SetItems(items);
    }

    void Append(List<object?> items)
    {
        if (Peek() is List<object?> list)
            list.AddRange(items);
        else if (Peek() is not PickleInert)
            throw Damaged("its pickle appends to something that is no list");
    }

    void SetItems(List<object?> items)
    {
        if (Peek() is PickleInert)
            return;
        if (Peek() is not Dictionary<object, object?> dictionary || items.Count % 2 != 0)
            throw Damaged("its pickle puts an item into something that is no dictionary");
        for (int i = 0; i < items.Count; i += 2)
        {
            // A key is walked through to find its place, the same one as often as it is used.
            Charge(PickleCalls.ItemBytes + (items[i] is string text ? text.Length : 0));
            // Keys of another kind cannot name a tensor.
            dictionary[items[i] is string or BigInteger ? items[i]! : new PickleInert()] = items[i + 1];
        }
    }

    void Charge(long bytes)
    {
        _taken += bytes;
        if (_taken > ReadingBudget.Times * (Allowance + (double)Growth * (_stream.Position - _start)))
            throw Damaged(
                $"its pickle makes much out of little: more than {ReadingBudget.Size(_taken)} out of "
                    + $"{ReadingBudget.Size(_stream.Position - _start)}"
            );
    }

    object? Peek() =>
        _stack.TryPeek(out object? top) && !ReferenceEquals(top, Mark)
            ? top
            : throw Damaged("its pickle takes more from its stack than there is");

    object? Pop()
    {
        object? top = Peek();
        _stack.Pop();
        return top;
    }

    List<object?> PopToMark()
    {
        List<object?> items = [];
        while (_stack.TryPop(out object? item))
        {
            if (ReferenceEquals(item, Mark))
            {
                items.Reverse();
                return items;
            }
            items.Add(item);
        }
        throw Damaged("its pickle takes more from its stack than there is");
    }

    object? Remembered(uint index) =>
        _memo.TryGetValue(index, out object? value) ? value : throw Damaged("its pickle recalls what it never stored");

    uint Index() =>
        uint.TryParse(ReadLine(), NumberStyles.None, CultureInfo.InvariantCulture, out uint index)
            ? index
            : throw Damaged("its pickle recalls by something that is no number");

    BigInteger Integer(string text) =>
        text.Length <= 40
        && BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger value)
            ? value
            : throw Damaged("its pickle holds a number that is none");

    long Length32() => BinaryPrimitives.ReadUInt32LittleEndian(ReadExactly(4));

    long Length64() => BinaryPrimitives.ReadInt64LittleEndian(ReadExactly(8));

    int ReadByte() => _stream.ReadByte() is >= 0 and int value ? value : throw new EndOfStreamException();

    byte[] ReadExactly(long count)
    {
        if (count < 0 || count > MostText || count > _end - _stream.Position)
            throw Damaged(
                $"its pickle announces {count} bytes where "
                    + $"{Math.Min(MostText, _end - _stream.Position)} are left or allowed"
            );
        byte[] bytes = new byte[count];
        _stream.ReadExactly(bytes);
        return bytes;
    }

    string ReadLine()
    {
        StringBuilder line = new();
        for (int c = ReadByte(); c != '\n'; c = ReadByte())
        {
            if (line.Length >= 1000)
                throw Damaged("its pickle holds a line of more than 1000 bytes");
            line.Append((char)c);
        }
        return line.ToString();
    }

    static string Text(byte[] utf8) => Strict.GetString(utf8);

    static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    BadInputException Damaged(string why) => BadInput.Damaged(_path, $"{_path} is a damaged PyTorch file: {why}.");
}
