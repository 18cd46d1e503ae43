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
    /// <summary>Divides them.</summary>
    /// <param name="images">The images.</param>
    /// <param name="said">What the model says of each.</param>
    /// <param name="promised">Images that earlier patches promise, which are in none of the four.</param>
    /// <param name="holdout">The share that is held out.</param>
    /// <param name="seed">The seed.</param>
    public static RepairSplit Of(
        IReadOnlyList<RepairCandidate> images,
        IReadOnlyList<int> said,
        IReadOnlySet<int> promised,
        double holdout,
        int seed
    )
    {
        int[] all = [.. Enumerable.Range(0, images.Count).Where(i => !promised.Contains(i))];
        (int[] failing, int[] held) = Divide(
            all.Where(i => !images[i].IsNear && !images[i].Accepted.Contains(said[i])),
            i => images[i].Group(said[i]),
            Benchmarks.HeldOut.Failing
        );
        (int[] near, int[] nearHeld) = Divide(
            all.Where(i => images[i].Accepted.Contains(said[i])),
            i => $"{images[i].Source}/{images[i].Class}",
            Benchmarks.HeldOut.Right
        );
        return new RepairSplit(failing, held, near, nearHeld);

        (int[] Kept, int[] Held) Divide(IEnumerable<int> places, Func<int, string> group, long purpose) =>
            Benchmarks.HeldOut.Divide(places, group, i => images[i].Sha256, holdout, seed, purpose);
    }
}
