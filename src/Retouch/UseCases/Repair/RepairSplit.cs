namespace Retouch.UseCases;

/// <summary>
/// Which labelled images a repair corrects, which it keeps right, and which of both it never sees, by their places.
/// </summary>
/// <param name="Failing">To be corrected.</param>
/// <param name="HeldOut">Failing images that are measured only: a share of every group.</param>
/// <param name="Near">Right images that are to stay so.</param>
/// <param name="NearHeldOut">Right images that are measured only.</param>
sealed record RepairSplit(
    IReadOnlyList<int> Failing,
    IReadOnlyList<int> HeldOut,
    IReadOnlyList<int> Near,
    IReadOnlyList<int> NearHeldOut
)
{
    public static RepairSplit Of(
        IReadOnlyList<RepairCandidate> images,
        IReadOnlyList<int> said,
        double holdout,
        int seed
    )
    {
        int[] all = [.. Enumerable.Range(0, images.Count)];
        (int[] failing, int[] held) = Divide(
            all.Where(i => !images[i].IsNear && !images[i].Accepted.Contains(said[i])),
            i => images[i].Group(said[i]),
            1
        );
        (int[] near, int[] nearHeld) = Divide(
            all.Where(i => images[i].Accepted.Contains(said[i])),
            i => $"{images[i].Source}/{images[i].Class}",
            2
        );
        return new RepairSplit(failing, held, near, nearHeld);

        // Every so many-th, group by group in a seeded order: a share of each group, and of the small ones together.
        (int[] Kept, int[] Held) Divide(IEnumerable<int> places, Func<int, string> group, long purpose)
        {
            List<int> kept = [];
            List<int> held = [];
            double due = 0;
            int number = 0;
            foreach (IGrouping<string, int> same in places.GroupBy(group).OrderBy(g => g.Key, StringComparer.Ordinal))
            {
                int[] order = [.. same.OrderBy(i => images[i].Sha256, StringComparer.Ordinal)];
                StableRandom.For(seed, purpose, number++).Shuffle(order);
                foreach (int place in order)
                {
                    due += holdout;
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
}
