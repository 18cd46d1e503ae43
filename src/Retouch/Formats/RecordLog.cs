using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using Microsoft.Win32.SafeHandles;

namespace Retouch.Formats;

/// <summary>
/// Records of one length by 32-byte keys that are hashes, in a file that only grows. A record is written at once and
/// carries a checksum: what a killed process or a full disk left half is passed over, and what was written before it
/// stays. Memory holds 8 to 22 bytes a record, whatever its length. Safe for several threads; one process may have it
/// open, which whoever opens it sees to.
/// </summary>
sealed class RecordLog : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyLength = 32;

    const int CheckLength = sizeof(uint);
    const int HeaderLength = 32;
    const int Version = 1;
    const int Chunk = 1 << 20;

    static ReadOnlySpan<byte> Magic => "retouch-records\0"u8;

    readonly Lock _gate = new();
    readonly SafeFileHandle _file;
    readonly string _path;
    readonly int _payload;
    ulong[] _slots = new ulong[1 << 10];
    long _rows;
    bool _isDirty;

    /// <summary>Opens a log, or makes one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="payload">Bytes of a record beside its key.</param>
    /// <exception cref="BadInputException">It is another file, or cannot be read or written.</exception>
    public RecordLog(string path, int payload)
    {
        (_path, _payload) = (path, payload);
        try
        {
            _file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Inaccessible(e);
        }
        try
        {
            Load();
        }
        catch (IOException e)
        {
            _file.Dispose();
            throw Inaccessible(e);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    int RecordLength => KeyLength + _payload + CheckLength;

    /// <summary>The number of records.</summary>
    public int Count { get; private set; }

    /// <summary>What is kept under a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="payload">Gets what is kept.</param>
    /// <returns>Whether there is such a record.</returns>
    /// <exception cref="BadInputException">The file cannot be read.</exception>
    public bool TryGet(ReadOnlySpan<byte> key, Span<byte> payload)
    {
        byte[] record = ArrayPool<byte>.Shared.Rent(RecordLength);
        try
        {
            lock (_gate)
            {
                if (Find(key, record) < 0)
                    return false;
            }
            record.AsSpan(KeyLength, _payload).CopyTo(payload);
            return true;
        }
        catch (IOException e)
        {
            throw Inaccessible(e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(record);
        }
    }

    /// <summary>Keeps a record, unless there is one of its key.</summary>
    /// <exception cref="BadInputException">The file cannot be written; what was there before still is.</exception>
    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> payload)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(RecordLength);
        try
        {
            Span<byte> record = rented.AsSpan(0, RecordLength);
            lock (_gate)
            {
                if (Find(key, rented) >= 0)
                    return;
                key.CopyTo(record);
                payload.CopyTo(record[KeyLength..]);
                BinaryPrimitives.WriteUInt32LittleEndian(record[^CheckLength..], Check(record[..^CheckLength]));
                RandomAccess.Write(_file, record, PlaceOf(_rows));
                Insert(key, _rows++);
                _isDirty = true;
            }
        }
        catch (IOException e)
        {
            throw Inaccessible(e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Brings to the disk what is not there yet, so that a machine that fails now loses nothing.</summary>
    /// <exception cref="BadInputException">It cannot be written.</exception>
    public void Flush()
    {
        try
        {
            lock (_gate)
            {
                if (_isDirty)
                    RandomAccess.FlushToDisk(_file);
                _isDirty = false;
            }
        }
        catch (IOException e)
        {
            throw Inaccessible(e);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    void Load()
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header[Magic.Length..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(header[(Magic.Length + sizeof(int))..], _payload);
        long length = RandomAccess.GetLength(_file);
        if (length < HeaderLength)
        {
            RandomAccess.SetLength(_file, 0);
            RandomAccess.Write(_file, header, 0);
            return;
        }
        Span<byte> there = stackalloc byte[HeaderLength];
        RandomAccess.Read(_file, there, 0);
        if (!there.SequenceEqual(header))
            throw BadInput.Mismatch(
                _path,
                $"{_path} is not a file of this kind and version of records; it was changed, or another program's.",
                Remedy.TakeAway
            );
        _rows = (length - HeaderLength) / RecordLength;
        byte[] part = new byte[Math.Max(1, Chunk / RecordLength) * RecordLength];
        for (long row = 0; row < _rows; )
        {
            int read = ReadAll(part, PlaceOf(row));
            for (int at = 0; at + RecordLength <= read && row < _rows; at += RecordLength, row++)
            {
                ReadOnlySpan<byte> record = part.AsSpan(at, RecordLength);
                // Torn by a machine that failed: as if it had never been.
                if (BinaryPrimitives.ReadUInt32LittleEndian(record[^CheckLength..]) == Check(record[..^CheckLength]))
                    Insert(record[..KeyLength], row);
            }
            if (read < RecordLength)
                throw new IOException("the file became shorter while it was read");
        }
        // What a killed process began to write.
        if (PlaceOf(_rows) != length)
            RandomAccess.SetLength(_file, PlaceOf(_rows));
    }

    // The row of a key, whose record the buffer gets; -1 where there is none.
    long Find(ReadOnlySpan<byte> key, byte[] record)
    {
        uint tag = Tag(key);
        for (int slot = Slot(tag); _slots[slot] != 0; slot = (slot + 1) & (_slots.Length - 1))
        {
            if ((uint)(_slots[slot] >> 32) != tag)
                continue;
            long row = (uint)_slots[slot] - 1L;
            if (
                ReadAll(record.AsSpan(0, RecordLength), PlaceOf(row)) == RecordLength
                && key.SequenceEqual(record.AsSpan(0, KeyLength))
            )
                return row;
        }
        return -1;
    }

    void Insert(ReadOnlySpan<byte> key, long row)
    {
        if (row >= uint.MaxValue - 1)
            throw BadInput.TooLarge(_path, $"{_path} holds as many records as it can; name another folder.");
        if (4L * (Count + 1) > 3L * _slots.Length)
        {
            ulong[] old = _slots;
            _slots = new ulong[2 * old.Length];
            foreach (ulong slot in old)
                if (slot != 0)
                    Put(slot);
        }
        Put(((ulong)Tag(key) << 32) | (uint)(row + 1));
        Count++;
    }

    void Put(ulong entry)
    {
        int slot = Slot((uint)(entry >> 32));
        while (_slots[slot] != 0)
            slot = (slot + 1) & (_slots.Length - 1);
        _slots[slot] = entry;
    }

    int ReadAll(Span<byte> into, long from)
    {
        int all = 0;
        for (int read; all < into.Length && (read = RandomAccess.Read(_file, into[all..], from + all)) > 0; )
            all += read;
        return all;
    }

    int Slot(uint tag) => (int)(tag & (uint)(_slots.Length - 1));

    long PlaceOf(long row) => HeaderLength + row * RecordLength;

    // Keys are hashes, so that any part of them is as good as another.
    static uint Tag(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt32LittleEndian(key);

    static uint Check(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte rest in bytes)
            crc = BitOperations.Crc32C(crc, rest);
        // Of zeros, which a failing machine leaves, it is not zero.
        return ~crc;
    }

    BadInputException Inaccessible(Exception cause) =>
        BadInput.Inaccessible(_path, $"{_path} cannot be read or written: {SystemMessage.Of(cause)}.", cause: cause);
}
