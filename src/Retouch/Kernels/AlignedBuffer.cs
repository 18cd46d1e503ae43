using System.Runtime.InteropServices;

namespace Retouch.Kernels;

/// <summary>Memory for kernels, aligned to cache lines, freed with the object.</summary>
sealed unsafe class AlignedBuffer<T> : IDisposable
    where T : unmanaged
{
    const nuint Alignment = 64;

    readonly nuint _bytes;
    T* _start;

    /// <summary>Takes memory for <paramref name="count"/> elements.</summary>
    /// <param name="count">At least 0.</param>
    /// <param name="zeros">Whether they are zero; else what they are is left open.</param>
    public AlignedBuffer(long count, bool zeros = false)
    {
        // A row of 16 more: vectors may read, and at the end of a last row write, beyond what is asked for.
        Count = count;
        _bytes = checked((nuint)(count + 16) * (nuint)sizeof(T));
        void* spare = SpareMemory.Take(_bytes);
        _start = (T*)(spare is null ? NativeMemory.AlignedAlloc(_bytes, Alignment) : spare);
        if (zeros)
            NativeMemory.Clear(_start, _bytes);
    }

    ~AlignedBuffer() => Free();

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>The first element.</summary>
    public T* Start => _start;

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    void Free()
    {
        if (_start is not null && !SpareMemory.Keep(_start, _bytes))
            NativeMemory.AlignedFree(_start);
        _start = null;
    }
}
