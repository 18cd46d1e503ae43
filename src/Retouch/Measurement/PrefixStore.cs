using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Measurement;

/// <summary>
/// Prefixes of many images, kept for many edits: in memory as far as a budget goes, the rest in a temporary file
/// that nobody else can open by name and that goes with this object, or with the process. Owns what is added.
/// Reading is safe from several threads.
/// </summary>
public sealed class PrefixStore : IDisposable
{
    /// <summary>Images of a state of a large set: enough for full batches, few enough to read back at once.</summary>
    internal const int Together = 128;

    readonly long _budget;
    readonly List<Entry> _entries = [];
    FileStream? _file;
    long _inMemory;
    long _onDisk;

    /// <summary>Creates an empty store.</summary>
    /// <param name="budget">
    /// How many bytes may stay in memory, at least 0, or null for a quarter of what the process may use.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The budget is negative.</exception>
    public PrefixStore(long? budget = null)
    {
        if (budget is long bytes)
            ArgumentOutOfRangeException.ThrowIfNegative(bytes, nameof(budget));
        _budget = budget ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;
    }

    /// <summary>A store of one state, in memory.</summary>
    internal static PrefixStore Of(PrefixState state)
    {
        PrefixStore store = new(long.MaxValue);
        store.Add(state);
        return store;
    }

    /// <summary>The number of states.</summary>
    public int Count => _entries.Count;

    /// <summary>The number of images of all states.</summary>
    public int Images => _entries.Sum(e => (int)e.Shape[0]);

    /// <summary>Bytes of the states that lie on disk.</summary>
    public long BytesOnDisk => _onDisk;

    /// <summary>Adds a state, which belongs to the store from then on.</summary>
    /// <returns>Its number.</returns>
    /// <exception cref="BadInputException">It does not fit into memory and cannot be written to the disk.</exception>
    public int Add(PrefixState state)
    {
        long bytes = 2 * state.Residual.NumberOfElements * state.Residual.ElementSize;
        if (_inMemory + bytes <= _budget)
        {
            _inMemory += bytes;
            _entries.Add(new Entry(state.Space, state.Residual.shape, state.Residual.device, state, 0));
            return _entries.Count - 1;
        }
        using (state)
        using (NewDisposeScope())
        {
            try
            {
                _file ??= Nameless();
                long offset = _onDisk;
                foreach (Tensor tensor in (Tensor[])[state.Residual, state.Output])
                {
                    ReadOnlySpan<byte> contents = tensor.cpu().contiguous().bytes;
                    RandomAccess.Write(_file.SafeFileHandle, contents, _onDisk);
                    _onDisk += contents.Length;
                }
                _entries.Add(new Entry(state.Space, state.Residual.shape, state.Residual.device, null, offset));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw BadInput.TooLarge(
                    Path.GetTempPath(),
                    $"The images' prefixes need more than the {_budget >> 20} MiB of memory that they may use, and "
                        + $"{Path.GetTempPath()} cannot take the rest: {SystemMessage.Of(e)}.",
                    Remedy.AnyOf(Remedy.FreeSpace, Remedy.Larger(Parameter.Memory)),
                    e
                );
            }
        }
        return _entries.Count - 1;
    }

    /// <summary>Adds states as one, and disposes them.</summary>
    internal int Add(List<PrefixState> states)
    {
        try
        {
            return Add(PrefixState.Concat(states));
        }
        finally
        {
            states.ForEach(s => s.Dispose());
            states.Clear();
        }
    }

    /// <summary>One of the states; the caller disposes it, which leaves the store as it is.</summary>
    /// <param name="index">Its number.</param>
    public PrefixState Open(int index)
    {
        Entry entry = _entries[index];
        using DisposeScope scope = NewDisposeScope();
        return entry.State is PrefixState state
            ? new PrefixState(entry.Space, state.Residual.alias(), state.Output.alias())
            : new PrefixState(entry.Space, Read(entry, 0), Read(entry, 1));
    }

    /// <summary>Frees the states and deletes the file.</summary>
    public void Dispose()
    {
        foreach (Entry entry in _entries)
            entry.State?.Dispose();
        _file?.Dispose();
    }

    static FileStream Nameless()
    {
        string path = Path.Combine(Path.GetTempPath(), $"retouch-{Guid.NewGuid():N}.prefixes");
        FileStreamOptions options = new()
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = 0,
        };
        if (OperatingSystem.IsWindows())
        {
            options.Options = FileOptions.DeleteOnClose;
            return new FileStream(path, options);
        }
        options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        FileStream file = new(path, options);
        // Here a file lives on without a name, and a killed process leaves nothing behind.
        File.Delete(path);
        return file;
    }

    Tensor Read(Entry entry, int which)
    {
        Tensor tensor = empty(entry.Shape, ScalarType.Float32);
        Span<byte> contents = tensor.bytes;
        long offset = entry.Offset + (long)which * contents.Length;
        for (int done = 0; done < contents.Length; )
        {
            int read = RandomAccess.Read(_file!.SafeFileHandle, contents[done..], offset + done);
            if (read == 0)
                throw new IOException(
                    "The temporary file of the images' prefixes is shorter than what was written to it."
                );
            done += read;
        }
        return tensor.to(entry.Device);
    }

    sealed record Entry(EditSpace Space, long[] Shape, Device Device, PrefixState? State, long Offset);
}
