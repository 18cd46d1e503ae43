using System.Collections;

namespace Retouch.Data;

/// <summary>A list whose elements are made when they are asked for. Immutable as far as they are.</summary>
/// <param name="count">How many there are.</param>
/// <param name="get">Makes one by its place.</param>
sealed class ListView<T>(int count, Func<int, T> get) : IReadOnlyList<T>
{
    /// <summary>How many there are.</summary>
    public int Count => count;

    /// <summary>One of them.</summary>
    /// <param name="index">Its place.</param>
    public T this[int index] => get(index);

    /// <summary>Goes through them.</summary>
    public IEnumerator<T> GetEnumerator()
    {
        for (int i = 0; i < count; i++)
            yield return get(i);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
