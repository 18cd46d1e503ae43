using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Patches;

/// <summary>
/// Patches applied together. Deltas add up, and the same set of them gives the same bits in whatever order it is
/// given: each tensor is summed in float64, in an order that the patches' own contents say, and rounded once.
/// </summary>
public static class PatchLedger
{
    /// <summary>
    /// A new model with patches applied; the given one does not change. The caller disposes the new model.
    /// </summary>
    /// <param name="model">The model that every patch belongs to.</param>
    /// <param name="patches">One patch or more.</param>
    /// <exception cref="BadInputException">A patch belongs to another model, or adds hidden units to it.</exception>
    public static VitModel Apply(VitModel model, IReadOnlyList<Patch> patches)
    {
        Dictionary<string, Tensor> edited = Edited(model, patches);
        EditHistory before = EditHistory.Of(model);
        int last = model.Config.Depth - 1;
        IEnumerable<int> rewritten = patches
            .Select(p => p.Change)
            .OfType<TensorDelta>()
            .SelectMany(d => d.RewrittenUnits)
            .Where(u => u.Block == last)
            .Select(u => u.Unit);
        VitModel result = new(
            model.Tensors.ToDictionary(t => t.Key, t => edited.TryGetValue(t.Key, out Tensor? e) ? e : t.Value.alias()),
            model.Config.Traits
        );
        EditHistory.Remember(result, before.After(patches, rewritten));
        return result;
    }

    /// <summary>
    /// The matrices that patches change, by canonical name, with the patches applied: float32 tensors that the caller
    /// disposes.
    /// </summary>
    /// <param name="model">The model that every patch belongs to.</param>
    /// <param name="patches">One patch or more.</param>
    /// <exception cref="BadInputException">A patch belongs to another model, or adds hidden units to it.</exception>
    public static Dictionary<string, Tensor> Edited(VitModel model, IReadOnlyList<Patch> patches)
    {
        foreach (Patch patch in patches)
            patch.RequireModel(model);
        if (patches.FirstOrDefault(p => p.Change is TensorDelta { ChangesShapes: true }) is { } wider)
            throw BadInput.Unsupported(
                null,
                $"A patch of {wider.Provenance.Method} adds hidden units, which no file of the model's architecture "
                    + "can hold; it can be measured but not applied."
            );
        // Of the sums that are representable, each order would find another.
        IReadOnlyList<Patch> ordered =
            patches.Count == 1 ? patches : [.. patches.OrderBy(PatchFile.Digest, StringComparer.Ordinal)];
        Dictionary<string, Tensor> edited = [];
        foreach (string name in ordered.SelectMany(p => p.Change.Names).Distinct())
            edited[name] = Sum(name, model.Tensors[name], ordered);
        return edited;
    }

    /// <summary>Every pair of patches of units that touch a common one, in the order of the stack.</summary>
    public static IReadOnlyList<PatchOverlap> Overlaps(IReadOnlyList<Patch> patches) =>
        [
            .. Pairs(patches.Count)
                .Select(p => Overlap(p.First, p.Second, patches[p.First].Change, patches[p.Second].Change))
                .OfType<PatchOverlap>(),
        ];

    /// <summary>
    /// Every pair of patches that change a common tensor, of which not both go by units, in the order of the stack.
    /// </summary>
    public static IReadOnlyList<PatchSharing> Sharings(IReadOnlyList<Patch> patches) =>
        [
            .. Pairs(patches.Count)
                .Where(p => Units(patches[p.First].Change) is null || Units(patches[p.Second].Change) is null)
                .Select(p => new PatchSharing(
                    p.First,
                    p.Second,
                    patches[p.First].Change.Names.Intersect(patches[p.Second].Change.Names).Count()
                ))
                .Where(s => s.Tensors > 0),
        ];

    /// <summary>
    /// Every pair of patches that cancel or exaggerate each other by what they are: the same change twice, or a hidden
    /// unit that both rewrite. One that was made on the model that the other left rewrites what it left, which is none.
    /// </summary>
    public static IReadOnlyList<PatchContradiction> Contradictions(IReadOnlyList<Patch> patches)
    {
        string[] digests = [.. patches.Select(PatchFile.Digest)];
        HashSet<(int Block, int Unit)>[] replaced =
        [
            .. patches.Select(p => p.Change is TensorDelta delta ? delta.ReplacedUnits.ToHashSet() : []),
        ];
        List<PatchContradiction> contradictions = [];
        foreach ((int i, int j) in Pairs(patches.Count))
        {
            if (digests[i] == digests[j])
                contradictions.Add(new PatchContradiction(i, j, null, null));
            else if (
                patches[i].Provenance.ModelFingerprint == patches[j].Provenance.ModelFingerprint
                && replaced[i].Intersect(replaced[j]).Order().ToArray() is [(int block, int unit), ..]
            )
                contradictions.Add(new PatchContradiction(i, j, block, unit));
        }
        return contradictions;
    }

    static IEnumerable<(int First, int Second)> Pairs(int count) =>
        Enumerable.Range(0, count).SelectMany(i => Enumerable.Range(i + 1, count - i - 1).Select(j => (i, j)));

    static Tensor Sum(string name, Tensor weight, IReadOnlyList<Patch> ordered)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = weight.to(ScalarType.Float64);
        foreach (Patch patch in ordered.Where(p => p.Change.Names.Contains(name)))
            sum = patch.Change.Apply(name, sum);
        return sum.to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    static PatchOverlap? Overlap(int i, int j, ModelDelta one, ModelDelta other)
    {
        if (
            one is WeightDelta { Units: var first }
            && other is WeightDelta { Units: var second }
            && first.Space == second.Space
        )
            return first.Overlap(second) is int shared and > 0
                ? new PatchOverlap(i, j, shared, first.IntersectionOverUnion(second))
                : null;
        return
            Units(one) is { } those && Units(other) is { } others && those.Intersect(others).Count() is int both and > 0
            ? new PatchOverlap(i, j, both, (double)both / those.Union(others).Count())
            : null;
    }

    // The hidden units, by block, that a change goes by, or null if it changes tensors as a whole.
    static HashSet<(int Block, int Unit)>? Units(ModelDelta change) =>
        change switch
        {
            WeightDelta delta =>
            [
                .. Enumerable
                    .Range(0, delta.Space.Matrices)
                    .SelectMany(m => delta.Units[m].ToArray().Select(u => (delta.Space.Matrix(m).Block, u))),
            ],
            TensorDelta delta when delta.RewrittenUnits.ToHashSet() is { Count: > 0 } units => units,
            _ => null,
        };
}
