using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Measurement;

/// <summary>
/// Directions grouped by spherical k-means (Dhillon and Modha, 2001) from k-means++ starts (Arthur and Vassilvitskii,
/// 2007). Immutable; owns its tensor.
/// </summary>
/// <remarks>
/// How many groups there are is found out as by prediction strength (Tibshirani and Walther, 2005): the rows are
/// halved, both halves are grouped, and one half is also put to the centres of the other. What the two groupings of it
/// say of each other, the mutual information in bits, less what they would by chance, is no accident. More groups say
/// more, until they split what belongs together: it is the smallest number of groups that says <see cref="Nearly"/> of
/// the most that any number says, and one group where that is less than <see cref="Least"/>.
/// </remarks>
public sealed class Clusters : IDisposable
{
    /// <summary>Of the most bits that a number of groups says, the share that is enough.</summary>
    public const double Nearly = 0.9;

    /// <summary>The fewest bits of which groups are made.</summary>
    public const double Least = 0.5;

    const int Starts = 4;
    const int StartsOfHalves = 2;
    const int Halvings = 3;
    const int MostRounds = 50;

    // Centres are found on so many rows at most; the others go to the nearest.
    const int MostRows = 10_000;

    const int Shuffles = 5;

    // So many groups, and then half as many again.
    static readonly int[] s_counts = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];

    Clusters(Tensor centres, double bits) => (Centres, Bits) = (centres, bits);

    /// <summary>The centres, <c>[K,D]</c>, each of length 1.</summary>
    public Tensor Centres { get; }

    /// <summary>How many bits of a row's group are no accident; at most log₂ K, and 0 of one group.</summary>
    public double Bits { get; }

    /// <summary>The number of groups.</summary>
    public int Count => (int)Centres.shape[0];

    /// <summary>Groups rows, into as many groups as another half of them shows, too. The caller disposes it.</summary>
    /// <param name="rows"><c>[N,D]</c>, each of length 1; at least one.</param>
    /// <param name="fewest">How many rows a group has on average at least.</param>
    /// <param name="most">The most groups.</param>
    /// <param name="seed">The seed of everything random.</param>
    /// <param name="cancellation">Stops between numbers of groups.</param>
    /// <exception cref="ArgumentException">There is no row.</exception>
    public static Clusters Of(
        Tensor rows,
        int fewest = 10,
        int most = 64,
        int seed = 0,
        CancellationToken cancellation = default
    )
    {
        if (rows.shape[0] == 0)
            throw new ArgumentException("There is nothing to group.", nameof(rows));
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Random random = new(seed);
        long[] drawn = [.. Enumerable.Range(0, (int)rows.shape[0]).Select(i => (long)i)];
        random.Shuffle(drawn);
        Tensor some = rows.index_select(0, tensor([.. drawn.Take(MostRows)]));
        List<(int Count, double Bits)> tried = [];
        foreach (int count in s_counts.TakeWhile(k => k <= most && (long)k * fewest <= some.shape[0]))
        {
            cancellation.ThrowIfCancellationRequested();
            tried.Add((count, BitsOf(some, count, random)));
        }
        double enough = Math.Max(Least, Nearly * tried.Select(t => t.Bits).DefaultIfEmpty(0).Max());
        (int found, double bits) = tried.FirstOrDefault(t => t.Bits >= enough, (1, 0));
        Tensor centres = found == 1 ? Unit(some.mean([0], keepdim: true)) : Centred(some, found, Starts, random);
        return new Clusters(centres.DetachFromDisposeScope(), bits);
    }

    /// <summary>The group of each row, and how like its centre it is: the cosine, in [-1,1].</summary>
    /// <param name="rows"><c>[N,D]</c>, each of length 1.</param>
    public (IReadOnlyList<int> Groups, IReadOnlyList<float> Likeness) Assign(Tensor rows)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        (Tensor likeness, Tensor groups) = mm(rows, Centres.t()).max(1);
        return (
            [.. groups.cpu().data<long>().Select(g => (int)g)],
            likeness.cpu().contiguous().data<float>().ToArray()
        );
    }

    /// <summary>Frees the centres.</summary>
    public void Dispose() => Centres.Dispose();

    /// <summary>Rows of length 1; in the caller's scope.</summary>
    internal static Tensor Unit(Tensor rows) => rows / rows.norm(1, keepdim: true).clamp_min(Held(1e-12));

    // The best of some starts; in the caller's scope.
    static Tensor Centred(Tensor rows, int count, int starts, Random random)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? best = null;
        double most = double.NegativeInfinity;
        for (int start = 0; start < starts; start++)
        {
            using DisposeScope each = NewDisposeScope();
            Tensor centres = Seeded(rows, count, random);
            long[] before = [];
            double likeness = 0;
            for (int round = 0; round < MostRounds; round++)
            {
                using DisposeScope one = NewDisposeScope();
                (Tensor near, Tensor groups) = mm(rows, centres.t()).max(1);
                likeness = near.sum().Number();
                long[] now = groups.data<long>().ToArray();
                if (now.AsSpan().SequenceEqual(before))
                    break;
                before = now;
                Tensor sums = zeros_like(centres).index_add_(0, groups, rows, One);
                // A group that lost all its rows takes the one that is worst off.
                HashSet<long> alive = [.. now];
                foreach (int empty in Enumerable.Range(0, count).Where(k => !alive.Contains(k)))
                {
                    Tensor worst = near.argmin().view(1);
                    sums.select(0, empty).copy_(rows.index_select(0, worst).squeeze(0));
                    near = near.index_fill(0, worst, Held(1));
                }
                centres.Dispose();
                centres = Unit(sums).MoveToOuterDisposeScope();
            }
            if (likeness > most)
            {
                best?.Dispose();
                (best, most) = (centres.MoveToOuterDisposeScope(), likeness);
            }
        }
        return best!.MoveToOuterDisposeScope();
    }

    // k-means++: each next centre is a row, the likelier the farther it is from those that there are; of some that are
    // drawn so, the one that leaves the others nearest.
    static Tensor Seeded(Tensor rows, int count, Random random)
    {
        int drawn = 2 + (int)Math.Log(count);
        List<Tensor> centres = [rows[random.Next((int)rows.shape[0])]];
        Tensor far = Far(centres[0].unsqueeze(0)).squeeze(1); // [N]
        while (centres.Count < count)
        {
            double[] sums = far.to(ScalarType.Float64).cumsum(0).data<double>().ToArray();
            long[] tried = [.. Enumerable.Range(0, drawn).Select(_ => Draw(sums))];
            Tensor some = rows.index_select(0, tensor(tried)); // [T,D]
            Tensor left = far.unsqueeze(1).minimum(Far(some)); // [N,T]
            long best = left.sum([0]).argmin().item<long>();
            centres.Add(some[best]);
            far = left.select(1, best);
        }
        return stack([.. centres], 0);

        long Draw(double[] sums)
        {
            int found = Array.BinarySearch(sums, random.NextDouble() * sums[^1]);
            return Math.Min(found < 0 ? ~found : found + 1, sums.Length - 1);
        }

        // Half the square of a distance between directions is 1 minus their cosine.
        Tensor Far(Tensor some) => (Held(1) - mm(rows, some.t())).clamp_min(Held(0));
    }

    static double BitsOf(Tensor rows, int count, Random random)
    {
        double sum = 0;
        for (int halving = 0; halving < Halvings; halving++)
        {
            using DisposeScope scope = NewDisposeScope();
            long[] order = [.. Enumerable.Range(0, (int)rows.shape[0]).Select(i => (long)i)];
            random.Shuffle(order);
            Tensor one = rows.index_select(0, tensor(order[..(order.Length / 2)]));
            Tensor other = rows.index_select(0, tensor(order[(order.Length / 2)..]));
            long[] own = Nearest(other, Centred(other, count, StartsOfHalves, random));
            long[] said = Nearest(other, Centred(one, count, StartsOfHalves, random));
            sum += MutualInformation(own, said);
            for (int shuffle = 0; shuffle < Shuffles; shuffle++)
            {
                random.Shuffle(said);
                sum -= MutualInformation(own, said) / Shuffles;
            }
        }
        return sum / Halvings;

        static long[] Nearest(Tensor rows, Tensor centres) => mm(rows, centres.t()).argmax(1).data<long>().ToArray();
    }

    static double MutualInformation(long[] one, long[] other)
    {
        double count = one.Length;
        Dictionary<long, int> ofOne = one.CountBy(g => g).ToDictionary();
        Dictionary<long, int> ofOther = other.CountBy(g => g).ToDictionary();
        return one.Zip(other)
            .CountBy(p => p)
            .Sum(p =>
                p.Value / count * Math.Log2(p.Value * count / (ofOne[p.Key.First] * (double)ofOther[p.Key.Second]))
            );
    }
}
