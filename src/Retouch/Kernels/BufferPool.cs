namespace Retouch.Kernels;

/// <summary>Memory that lives as long as its engine. Not safe for use from several threads.</summary>
sealed class BufferPool : IDisposable
{
    readonly List<IDisposable> _taken = [];

    /// <summary>Takes memory for <paramref name="count"/> elements.</summary>
    /// <param name="count">At least 0.</param>
    /// <param name="zeros">Whether they are zero; else what they are is left open.</param>
    public AlignedBuffer<E> Take<E>(long count, bool zeros = false)
        where E : unmanaged
    {
        AlignedBuffer<E> buffer = new(count, zeros);
        _taken.Add(buffer);
        return buffer;
    }

    /// <summary>Takes a matrix of zeros, <c>[k,n]</c>.</summary>
    public PackedMatrix<T> TakeMatrix<T>(int k, int n)
        where T : unmanaged, IElement<T>
    {
        PackedMatrix<T> matrix = new(k, n);
        _taken.Add(matrix);
        return matrix;
    }

    /// <summary>Frees all of it.</summary>
    public void Dispose()
    {
        foreach (IDisposable memory in _taken)
            memory.Dispose();
        _taken.Clear();
    }
}
