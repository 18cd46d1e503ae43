using System.Globalization;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Patches;

/// <summary>
/// Patches applied together. Deltas add up, and the same set of them gives the same bits in whatever order it is
/// given: each tensor is summed in float64, in an order that the patches' own contents say, and rounded once. Hidden
/// units that patches add follow the model's own in that order, and all blocks get as many, which give nothing there.
/// </summary>
public static class PatchLedger
{
    // Of the hidden units of a widened model.
    const int Multiple = 32;

    /// <summary>
    /// A new model with patches applied; the given one does not change. The caller disposes the new model.
    /// </summary>
    /// <param name="model">The model that every patch belongs to.</param>
    /// <param name="patches">One patch or more.</param>
    /// <exception cref="BadInputException">A patch belongs to another model.</exception>
    public static VitModel Apply(VitModel model, IReadOnlyList<Patch> patches)
    {
        Dictionary<string, Tensor> edited = Edited(model, patches);
        EditHistory before = EditHistory.Of(model);
        int last = model.Config.Depth - 1;
        IEnumerable<int> rewritten = patches
            .Select(p => p.Change)
            .OfType<TensorDelta>()
            .SelectMany(d => d.RewrittenUnits)
            .Where(u => u.Block >= last)
            .Select(u => u.Unit);
        VitModel result = new(
            model.Tensors.ToDictionary(t => t.Key, t => edited.TryGetValue(t.Key, out Tensor? e) ? e : t.Value.alias()),
            model.Config.Traits
        );
        int first = model.Config.MlpWidth - Spare(model, patches);
        EditHistory.Remember(
            result,
            before.After(
                patches,
                rewritten.Concat(Enumerable.Range(first, Added(patches).GetValueOrDefault(last)))
            ) with
            {
                Corrected = [.. before.Corrected, .. patches.SelectMany(Remembered)],
                Hidden = before.Hidden ?? (MostAdded(patches) > 0 ? model.Config.MlpWidth : null),
                SpareUnits = result.Config.MlpWidth - first - MostAdded(patches),
            }
        );
        return result;
    }

    /// <summary>
    /// The matrices that patches change, by canonical name, with the patches applied: float32 tensors that the caller
    /// disposes.
    /// </summary>
    /// <param name="model">The model that every patch belongs to.</param>
    /// <param name="patches">One patch or more.</param>
    /// <exception cref="BadInputException">A patch belongs to another model.</exception>
    public static Dictionary<string, Tensor> Edited(VitModel model, IReadOnlyList<Patch> patches)
    {
        foreach (Patch patch in patches)
            patch.RequireModel(model);
        int spare = Spare(model, patches);
        Dictionary<string, Tensor> edited = Edited(name => model.Tensors[name], patches, spare);
        if (MostAdded(patches) is int added and > 0)
            Widen(edited, model, RoundUp(model.Config.MlpWidth - spare + added));
        return edited;
    }

    /// <summary>The same of weights that are not at hand as a model.</summary>
    /// <param name="fingerprint">The fingerprint of the model whose weights they are.</param>
    /// <param name="weight">An unedited weight by canonical name, float32; it stays the caller's.</param>
    /// <param name="patches">One patch or more.</param>
    /// <exception cref="BadInputException">A patch belongs to another model, or adds hidden units to it.</exception>
    public static Dictionary<string, Tensor> Edited(
        string fingerprint,
        Func<string, Tensor> weight,
        IReadOnlyList<Patch> patches
    )
    {
        if (patches.FirstOrDefault(p => p.Provenance.ModelFingerprint != fingerprint) is { } stranger)
            throw BadInput.Mismatch(
                null,
                $"A patch is for the model {stranger.Provenance.ModelFingerprint}, but this model is {fingerprint}."
            );
        if (patches.FirstOrDefault(p => p.Change is TensorDelta { ChangesShapes: true }) is { } wider)
            throw BadInput.Unsupported(
                null,
                $"A patch of {wider.Provenance.Method} adds hidden units, so that weights get other shapes, which a "
                    + "file of another program's cannot take; put the patch into the model and export that."
            );
        return Edited(weight, patches, 0);
    }

    static Dictionary<string, Tensor> Edited(Func<string, Tensor> weight, IReadOnlyList<Patch> patches, int spare)
    {
        // Of the sums that are representable, each order would find another.
        IReadOnlyList<Patch> ordered = InOrder(patches);
        Dictionary<string, Tensor> edited = [];
        foreach (string name in ordered.SelectMany(p => p.Change.Names).Distinct())
            edited[name] = Sum(name, weight(name), ordered, spare);
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
                && !patches[i].Provenance.On.Contains(digests[j])
                && !patches[j].Provenance.On.Contains(digests[i])
                && replaced[i].Intersect(replaced[j]).Order().ToArray() is [(int block, int unit), ..]
            )
                contradictions.Add(new PatchContradiction(i, j, block, unit));
        }
        return contradictions;
    }

    /// <summary>The order in which patches are summed.</summary>
    internal static IReadOnlyList<Patch> InOrder(IReadOnlyList<Patch> patches) =>
        patches.Count == 1 ? patches : [.. patches.OrderBy(PatchFile.Digest, StringComparer.Ordinal)];

    static IEnumerable<(int First, int Second)> Pairs(int count) =>
        Enumerable.Range(0, count).SelectMany(i => Enumerable.Range(i + 1, count - i - 1).Select(j => (i, j)));

    static IEnumerable<(float[] Token, int Label)> Remembered(Patch patch)
    {
        if (patch.Tokens is not Tensor tokens)
            yield break;
        using Tensor wide = tokens.to(ScalarType.Float32);
        for (int i = 0; i < patch.Provenance.Images.Count && i < wide.shape[0]; i++)
        {
            using Tensor token = wide[i].cpu().contiguous();
            yield return (token.data<float>().ToArray(), patch.Provenance.Images[i].Label ?? patch.Provenance.Label);
        }
    }

    // Further hidden units come last, in the place of those that nothing has taken yet.
    static Tensor Sum(string name, Tensor weight, IReadOnlyList<Patch> ordered, int spare)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = weight.to(ScalarType.Float64);
        Patch[] changing = [.. ordered.Where(p => p.Change.Names.Contains(name))];
        foreach (Patch patch in changing.Where(p => Appends(p, name) is null))
            sum = patch.Change.Apply(name, sum);
        Patch[] appending = [.. changing.Where(p => Appends(p, name) is not null)];
        if (appending.Length > 0 && spare > 0)
        {
            int along = Appends(appending[0], name) == TensorChangeKind.AppendColumns ? 1 : 0;
            sum = sum.narrow(along, 0, sum.shape[along] - spare);
        }
        foreach (Patch patch in appending)
            sum = patch.Change.Apply(name, sum);
        return sum.to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    static TensorChangeKind? Appends(Patch patch, string name) =>
        patch.Change is TensorDelta delta
        && delta.Changes[name].Kind is var kind and (TensorChangeKind.AppendRows or TensorChangeKind.AppendColumns)
            ? kind
            : null;

    // The hidden units that patches add, by block.
    static Dictionary<int, int> Added(IReadOnlyList<Patch> patches) =>
        patches
            .Select(p => p.Change)
            .OfType<TensorDelta>()
            .SelectMany(d => d.Changes.Where(c => c.Value.Kind == TensorChangeKind.AppendColumns))
            .GroupBy(c => int.Parse(c.Key.Split('.')[1], CultureInfo.InvariantCulture))
            .ToDictionary(g => g.Key, g => g.Sum(c => (int)c.Value.Tensors[0].shape[1]));

    static int MostAdded(IReadOnlyList<Patch> patches) => Added(patches).Values.DefaultIfEmpty(0).Max();

    // The last hidden units of a model that give nothing, neither before these patches nor by what they change: further
    // ones may take their place.
    static int Spare(VitModel model, IReadOnlyList<Patch> patches)
    {
        int spare = EditHistory.Of(model).SpareUnits;
        if (spare == 0)
            return 0;
        foreach (string name in patches.SelectMany(p => p.Change.Names).Distinct())
        {
            int along =
                name.EndsWith("mlp.fc1.weight", StringComparison.Ordinal) ? 0
                : name.EndsWith("mlp.fc1.bias", StringComparison.Ordinal) ? 0
                : name.EndsWith("mlp.fc2.weight", StringComparison.Ordinal) ? 1
                : -1;
            if (along < 0)
                continue;
            using DisposeScope scope = NewDisposeScope();
            Tensor sum = model.Tensors[name];
            foreach (Patch patch in patches.Where(p => p.Change.Names.Contains(name) && Appends(p, name) is null))
                sum = patch.Change.Apply(name, sum);
            Tensor last = sum.narrow(along, sum.shape[along] - spare, spare).transpose(0, along).reshape(spare, -1);
            long[] taken = [.. last.ne(Held(0)).any(1).nonzero().flatten().cpu().data<long>()];
            if (taken.Length > 0)
                spare -= (int)taken[^1] + 1;
            if (spare == 0)
                return 0;
        }
        return spare;
    }

    // All blocks of an architecture have as many hidden units: those that have fewer get units that give nothing.
    static void Widen(Dictionary<string, Tensor> edited, VitModel model, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        for (int block = 0; block < model.Config.Depth; block++)
        {
            foreach (
                (string part, int along) in (ReadOnlySpan<(string, int)>)
                    [("mlp.fc1.weight", 0), ("mlp.fc1.bias", 0), ("mlp.fc2.weight", 1)]
            )
            {
                string name = VitNames.Block(block, part);
                Tensor narrow = edited.TryGetValue(name, out Tensor? changed) ? changed : model.Tensors[name];
                long lacking = width - narrow.shape[along];
                if (lacking == 0)
                    continue;
                long[] shape = [.. narrow.shape];
                shape[along] = lacking;
                edited[name] = cat([narrow, zeros(shape, device: narrow.device)], along).MoveToOuterDisposeScope();
                changed?.Dispose();
            }
        }
    }

    // As kernels take them.
    static int RoundUp(int units) => (units + Multiple - 1) / Multiple * Multiple;

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
