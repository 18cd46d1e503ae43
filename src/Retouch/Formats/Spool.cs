using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;

namespace Retouch.Formats;

/// <summary>
/// A list of byte strings that only grows and takes next to no memory: beyond a few megabytes it lies in a file that
/// nobody sees and that goes with the process, however that ends. Fast where it is read in order. Safe for several
/// threads.
/// </summary>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "Lists that lie in one are values, which nobody disposes; the file goes with the last of them."
)]
sealed class Spool
{
    const int Together = 64;
    const int InMemory = 4 << 20;

    readonly Lock _gate = new();
    readonly List<long> _starts = [];
    readonly MemoryStream _tail = new();
    readonly byte[][] _block = new byte[Together][];
    SafeFileHandle? _file;
    long _written;
    int _blockNumber = -1;
    int _blockCount;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds one.</summary>
    /// <exception cref="BadInputException">The disk is full.</exception>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (Count % Together == 0)
            {
                if (_tail.Length >= InMemory)
                    Write();
                _starts.Add(_written + _tail.Length);
            }
            Span<byte> length = stackalloc byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            _tail.Write(length);
            _tail.Write(bytes);
            Count++;
        }
    }

    /// <summary>One of them.</summary>
    /// <param name="place">Its place.</param>
    /// <exception cref="BadInputException">The file cannot be read.</exception>
    public byte[] this[int place]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(place);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(place, Count);
            lock (_gate)
            {
                // The last block grows.
                if (place / Together != _blockNumber || place % Together >= _blockCount)
                    Load(place / Together);
                return _block[place % Together];
            }
        }
    }

    void Load(int number)
    {
        long start = _starts[number];
        long end = number + 1 < _starts.Count ? _starts[number + 1] : _written + _tail.Length;
        ReadOnlySpan<byte> bytes;
        if (start >= _written)
            bytes = _tail.GetBuffer().AsSpan((int)(start - _written), (int)(end - start));
        else
        {
            byte[] read = new byte[end - start];
            try
            {
                for (int all = 0; all < read.Length; )
                {
                    int some = RandomAccess.Read(_file!, read.AsSpan(all), start + all);
                    all += some > 0 ? some : throw new IOException("the temporary file is shorter than it was");
                }
            }
            catch (IOException e)
            {
                throw Failed(e);
            }
            bytes = read;
        }
        _blockCount = 0;
        while (bytes.Length > 0)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(bytes);
            _block[_blockCount++] = bytes.Slice(sizeof(int), length).ToArray();
            bytes = bytes[(sizeof(int) + length)..];
        }
        _blockNumber = number;
    }

    void Write()
    {
        try
        {
            if (_file is null)
            {
                string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
                bool goes = OperatingSystem.IsWindows();
                _file = File.OpenHandle(
                    path,
                    FileMode.CreateNew,
                    FileAccess.ReadWrite,
                    FileShare.Delete,
                    goes ? FileOptions.DeleteOnClose : FileOptions.None
                );
                // Where an open file may be without a name, a killed process leaves none.
                if (!goes)
                    File.Delete(path);
            }
            RandomAccess.Write(_file, _tail.GetBuffer().AsSpan(0, (int)_tail.Length), _written);
            _written += _tail.Length;
            _tail.SetLength(0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(e);
        }
    }

    static BadInputException Failed(Exception cause) =>
        BadInput.Inaccessible(
            Path.GetTempPath(),
            $"A temporary file in {Path.GetTempPath()} cannot be used: {SystemMessage.Of(cause)}.",
            cause: cause
        );
}
