namespace Retouch.Kernels;

/// <summary>
/// Memory that was freed a moment ago and is taken again as it is: engines come and go with their batches, and the
/// first touch of new pages takes a tenth of the time of a single image.
/// </summary>
static unsafe class SpareMemory
{
    const long Most = 64 << 20; // bytes kept in all

    static readonly Lock s_lock = new();
    static readonly Dictionary<nuint, Stack<nint>> s_free = [];
    static long s_kept;

    /// <summary>Memory of exactly this size, or null where there is none.</summary>
    public static void* Take(nuint bytes)
    {
        lock (s_lock)
        {
            if (!s_free.TryGetValue(bytes, out Stack<nint>? free) || !free.TryPop(out nint start))
                return null;
            s_kept -= (long)bytes;
            return (void*)start;
        }
    }

    /// <summary>Whether the memory is kept; else the caller frees it.</summary>
    public static bool Keep(void* start, nuint bytes)
    {
        lock (s_lock)
        {
            if (s_kept + (long)bytes > Most)
                return false;
            if (!s_free.TryGetValue(bytes, out Stack<nint>? free))
                s_free[bytes] = free = [];
            free.Push((nint)start);
            s_kept += (long)bytes;
            return true;
        }
    }
}
