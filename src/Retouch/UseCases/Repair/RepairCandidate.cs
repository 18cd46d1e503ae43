using Retouch.Benchmarks;
using Retouch.Data;

namespace Retouch.UseCases;

/// <summary>A labelled image that a repair may be about.</summary>
/// <param name="Path">The file.</param>
/// <param name="Source">Where it comes from.</param>
/// <param name="Class">Its class by its folder's name.</param>
/// <param name="Accepted">The classes that count as right, the one to aim at first.</param>
/// <param name="Sha256">Of the file's bytes.</param>
/// <param name="IsNear">Whether it is only to be kept right: a wrong one is left as it is.</param>
sealed record RepairCandidate(
    string Path,
    string Source,
    string Class,
    IReadOnlyList<int> Accepted,
    string Sha256,
    bool IsNear
)
{
    public int Label => Accepted[0];

    /// <summary>How it comes to its class, for a person: by its folder, or by a line of a list.</summary>
    public string ClassAndPlace { get; init; } = Class;

    public string Group(int said) => $"{Source}/{Class}→{said}";

    /// <summary>
    /// Lists them, each once by its bytes; those that are there with different classes are left out and named.
    /// </summary>
    /// <exception cref="BadInputException">A folder, a list, the mapping or the benchmark cannot be read.</exception>
    public static IReadOnlyList<RepairCandidate> Of(
        RepairRequest request,
        ClassFolders classes,
        int count,
        List<string> leftOut
    )
    {
        List<RepairCandidate> all = [.. Failing(request, classes, count, leftOut)];
        if (request.Near.Count > 0)
            all.AddRange(In(request.Near, request.Roots, classes, count, true, leftOut));
        List<RepairCandidate> kept = [];
        int copied = 0;
        foreach (IGrouping<string, RepairCandidate> same in all.GroupBy(c => c.Sha256))
        {
            RepairCandidate[] copies = [.. same];
            if (copies.Any(c => !c.Accepted.Order().SequenceEqual(copies[0].Accepted.Order())))
            {
                leftOut.Add(
                    $"left out, since the same image has two labels: "
                        + string.Join(" and ", copies.Select(c => $"{c.Path} ({c.ClassAndPlace})"))
                );
                continue;
            }
            kept.Add(copies[0]);
            copied += copies.Length - 1;
        }
        if (copied > 0)
            leftOut.Add($"{copied} of {all.Count} labelled images are copies of others and count once");
        return kept;
    }

    static IEnumerable<RepairCandidate> Failing(
        RepairRequest request,
        ClassFolders classes,
        int count,
        List<string> leftOut
    )
    {
        if (request.Benchmark is not string path)
            return In(request.Images, request.Roots, classes, count, false, leftOut);
        ImageRoots roots = new([.. request.Images]);
        IReadOnlyList<FailureGroup> groups = BenchmarkFile.Load(path).Groups;
        roots.Require(groups.SelectMany(g => g.Images).Select(i => i.Path));
        return groups.SelectMany(g =>
            g.Images.Select(i => new RepairCandidate(
                roots.Find(i.Path, i.Sha256),
                g.Source,
                g.Class,
                g.Accepted,
                i.Sha256,
                false
            ))
        );
    }

    static IEnumerable<RepairCandidate> In(
        IReadOnlyList<string> sources,
        IReadOnlyList<string> roots,
        ClassFolders classes,
        int count,
        bool near,
        List<string> leftOut
    )
    {
        List<Problem> skipped = [];
        IReadOnlyList<Labelled> labelled = LabelledSources.In(sources, roots, classes, count, skipped, once: false);
        leftOut.AddRange(skipped.Select(s => s.Message));
        return labelled.Select(l => new RepairCandidate(
            l.FullPath,
            l.Source,
            l.Class,
            l.Accepted,
            ImageRoots.Hash(l.FullPath),
            near
        )
        {
            ClassAndPlace = l.ClassAndPlace,
        });
    }
}
