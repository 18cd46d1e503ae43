namespace Retouch.Benchmarks;

/// <summary>Which images are held out: a seeded share of every group, and of the small ones together.</summary>
static class HeldOut
{
    /// <summary>The purpose of random numbers for failing images.</summary>
    public const long Failing = 1;

    /// <summary>The purpose of random numbers for right ones.</summary>
    public const long Right = 2;

    /// <summary>Divides images.</summary>
    /// <param name="places">Their places.</param>
    /// <param name="group">The group of each.</param>
    /// <param name="sha256">Its hash, so that the order of files does not matter.</param>
    /// <param name="share">What is held out, in [0,1).</param>
    /// <param name="seed">The seed.</param>
    /// <param name="purpose">What the random numbers are for.</param>
    /// <returns>The places of those that are kept and of those that are held out, rising.</returns>
    public static (int[] Kept, int[] Held) Divide(
        IEnumerable<int> places,
        Func<int, string> group,
        Func<int, string> sha256,
        double share,
        int seed,
        long purpose
    )
    {
        List<int> kept = [];
        List<int> held = [];
        double due = 0;
        int number = 0;
        // Every so many-th, group by group in a seeded order.
        foreach (IGrouping<string, int> same in places.GroupBy(group).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            int[] order = [.. same.OrderBy(sha256, StringComparer.Ordinal)];
            StableRandom.For(seed, purpose, number++).Shuffle(order);
            foreach (int place in order)
            {
                due += share;
                if (due >= 1)
                {
                    due--;
                    held.Add(place);
                }
                else
                    kept.Add(place);
            }
        }
        return ([.. kept.Order()], [.. held.Order()]);
    }
}
