namespace Retouch;

/// <summary>Random numbers that depend on a seed and on what they are for, never on what was drawn before.</summary>
static class StableRandom
{
    /// <summary>A generator of its own for each combination of numbers.</summary>
    public static Random For(int seed, long purpose, long index)
    {
        ulong state = Mix(Mix(Mix((uint)seed) ^ (ulong)purpose) ^ (ulong)index);
        return new Random((int)(state >> 33));
    }

    // The finalizer of SplitMix64 (Steele, Lea, Flood, 2014).
    static ulong Mix(ulong z)
    {
        z += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
