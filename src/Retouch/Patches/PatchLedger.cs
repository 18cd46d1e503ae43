using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Patches;

/// <summary>Patches applied together. Deltas add up, so their order does not matter.</summary>
public static class PatchLedger
{
    /// <summary>A new model with patches applied; the given one does not change. The caller disposes the new model.</summary>
    /// <param name="model">The model that every patch belongs to.</param>
    /// <param name="patches">One patch or more.</param>
    /// <exception cref="BadInputException">A patch belongs to another model, or adds hidden units to it.</exception>
    public static VitModel Apply(VitModel model, IReadOnlyList<Patch> patches)
    {
        Dictionary<string, Tensor> edited = Edited(model, patches);
        return new VitModel(model.Tensors.ToDictionary(t => t.Key, t => edited.TryGetValue(t.Key, out Tensor? e) ? e : t.Value.alias()), model.Config.Traits)
        {
            Origin = model.Origin,
            RewrittenUnits = patches.Select(p => p.Change).OfType<TensorDelta>().SelectMany(d => d.RewrittenUnits)
                .Where(u => u.Block == model.Config.Depth - 1).Select(u => u.Unit).Concat(model.RewrittenUnits).ToHashSet(),
        };
    }

    /// <summary>The matrices that patches change, by canonical name, with the patches applied: float32 tensors that the caller disposes.</summary>
    /// <param name="model">The model that every patch belongs to.</param>
    /// <param name="patches">One patch or more.</param>
    /// <exception cref="BadInputException">A patch belongs to another model, or adds hidden units to it.</exception>
    public static Dictionary<string, Tensor> Edited(VitModel model, IReadOnlyList<Patch> patches)
    {
        foreach (Patch patch in patches)
            patch.RequireModel(model);
        if (patches.FirstOrDefault(p => p.Change is TensorDelta { ChangesShapes: true }) is { } wider)
            throw new BadInputException($"A patch of {wider.Provenance.Method} adds hidden units, which no file of the model's architecture can hold; it can be measured but not applied.");
        Dictionary<string, Tensor> edited = [];
        foreach (Patch patch in patches)
        {
            foreach (string name in patch.Change.Names)
            {
                edited.TryGetValue(name, out Tensor? before);
                edited[name] = patch.Change.Apply(name, before ?? model.Tensors[name]);
                before?.Dispose();
            }
        }
        return edited;
    }

    /// <summary>Every pair of patches of units that touch a common one, in the order of the stack.</summary>
    public static IReadOnlyList<PatchOverlap> Overlaps(IReadOnlyList<Patch> patches)
    {
        List<PatchOverlap> overlaps = [];
        for (int i = 0; i < patches.Count; i++)
        {
            for (int j = i + 1; j < patches.Count; j++)
            {
                if (patches[i].Change is WeightDelta { Units: var first } && patches[j].Change is WeightDelta { Units: var second } && first.Space == second.Space
                    && first.Overlap(second) is int shared and > 0)
                    overlaps.Add(new PatchOverlap(i, j, shared, first.IntersectionOverUnion(second)));
                if (patches[i].Change is TensorDelta { RewrittenUnits: var those } && patches[j].Change is TensorDelta { RewrittenUnits: var others }
                    && those.Intersect(others).Count() is int both and > 0)
                    overlaps.Add(new PatchOverlap(i, j, both, (double)both / those.Union(others).Count()));
            }
        }
        return overlaps;
    }
}
