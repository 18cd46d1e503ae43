using Retouch.Locating;
using Retouch.Suffix;

namespace Retouch.Benchmarks;

/// <summary>
/// How alike a locator's masks are within groups and across them, as intersection over union: a locator that
/// says something about a failure is more alike within (Yang et al., 2024, section 4.3). Immutable.
/// </summary>
public sealed record MaskSpecificity
{
    /// <summary>The mean over groups of the mean IoU of two masks of one group, in [0,1].</summary>
    public required double Within { get; init; }

    /// <summary>The mean over pairs of groups of the mean IoU of a mask of each, in [0,1]; null of one group.</summary>
    public required double? Across { get; init; }

    /// <summary>The groups' names, in the order of <see cref="Matrix"/>.</summary>
    public required IReadOnlyList<string> Groups { get; init; }

    /// <summary>The mean IoU of each pair of groups; a group with itself leaves out each mask with itself.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> Matrix { get; init; }

    /// <summary>Compares masks.</summary>
    /// <param name="groups">The groups' names.</param>
    /// <param name="masks">The masks of each group, at least two.</param>
    /// <exception cref="ArgumentException">There is no group, or one has fewer than two masks.</exception>
    public static MaskSpecificity Of(IReadOnlyList<string> groups, IReadOnlyList<IReadOnlyList<UnitSelection>> masks)
    {
        if (groups.Count == 0 || groups.Count != masks.Count || masks.Any(m => m.Count < 2))
            throw new ArgumentException("Groups of at least two masks are needed, each with a name.", nameof(masks));
        double[][] matrix = [.. groups.Select(_ => new double[groups.Count])];
        List<double> within = [];
        List<double> across = [];
        for (int g = 0; g < groups.Count; g++)
        {
            for (int h = 0; h <= g; h++)
            {
                List<double> pairs = [];
                for (int i = 0; i < masks[g].Count; i++)
                {
                    for (int j = 0; j < (g == h ? i : masks[h].Count); j++)
                        pairs.Add(masks[g][i].IntersectionOverUnion(masks[h][j]));
                }
                matrix[g][h] = matrix[h][g] = pairs.Average();
                (g == h ? within : across).Add(matrix[g][h]);
            }
        }
        return new MaskSpecificity
        {
            Within = within.Average(),
            Across = across.Count == 0 ? null : across.Average(),
            Groups = groups,
            Matrix = matrix,
        };
    }

    /// <summary>Compares the masks that a locator gives a benchmark's images.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="benchmark">The groups.</param>
    /// <param name="data">Their images.</param>
    /// <param name="locator">The locator.</param>
    /// <param name="keepRatio">The share of units in a mask; the paper's is 0.05.</param>
    /// <param name="cancellation">Stops between masks.</param>
    /// <exception cref="BadInputException">The locator does not fit the model, or the ratio keeps nothing.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static MaskSpecificity Measure(
        SplitVit split,
        Benchmark benchmark,
        BenchData data,
        ILocator locator,
        double keepRatio,
        CancellationToken cancellation = default
    )
    {
        List<UnitSelection[]> masks = [];
        for (int g = 0; g < benchmark.Groups.Count; g++)
        {
            UnitSelection[] units = new UnitSelection[benchmark.Groups[g].Images.Count];
            for (int i = 0; i < units.Length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                using PrefixState state = data.Group(g, [i]);
                units[i] = locator
                    .Locate(split, new Failure(state, benchmark.Groups[g].Label) { Images = [data.Images[g][i]] })
                    .Keep(keepRatio);
            }
            masks.Add(units);
        }
        return Of([.. benchmark.Groups.Select(g => g.Name)], masks);
    }
}
