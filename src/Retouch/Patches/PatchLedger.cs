using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Patches;

/// <summary>Patches applied together. Deltas add up, so their order does not matter.</summary>
public static class PatchLedger
{
    /// <summary>A new model with patches applied; the given one does not change. The caller disposes the new model.</summary>
    /// <param name="model">The model that every patch belongs to.</param>
    /// <param name="patches">One patch or more.</param>
    /// <exception cref="BadInputException">A patch belongs to another model.</exception>
    public static VitModel Apply(VitModel model, IReadOnlyList<Patch> patches)
    {
        Dictionary<string, Tensor> edited = Edited(model, patches);
        return new VitModel(model.Tensors.ToDictionary(t => t.Key, t => edited.TryGetValue(t.Key, out Tensor? e) ? e : t.Value.alias()), model.Config.Heads);
    }

    /// <summary>The matrices that patches change, by canonical name, with the patches applied: float32 tensors that the caller disposes.</summary>
    /// <param name="model">The model that every patch belongs to.</param>
    /// <param name="patches">One patch or more.</param>
    /// <exception cref="BadInputException">A patch belongs to another model.</exception>
    public static Dictionary<string, Tensor> Edited(VitModel model, IReadOnlyList<Patch> patches)
    {
        foreach (Patch patch in patches)
            patch.RequireModel(model);
        Dictionary<string, Tensor> edited = [];
        foreach (Patch patch in patches)
        {
            EditSpace space = patch.Delta.Space;
            for (int m = 0; m < space.Matrices; m++)
            {
                if (patch.Delta.Units[m].Length == 0)
                    continue;
                string name = space.MatrixName(m);
                edited.TryGetValue(name, out Tensor? before);
                edited[name] = patch.Delta.AddTo(m, before ?? model.Tensors[name]);
                before?.Dispose();
            }
        }
        return edited;
    }

    /// <summary>Every pair of patches that touch a common unit, in the order of the stack.</summary>
    public static IReadOnlyList<PatchOverlap> Overlaps(IReadOnlyList<Patch> patches)
    {
        List<PatchOverlap> overlaps = [];
        for (int i = 0; i < patches.Count; i++)
        {
            for (int j = i + 1; j < patches.Count; j++)
            {
                UnitSelection first = patches[i].Delta.Units, second = patches[j].Delta.Units;
                if (first.Space == second.Space && first.Overlap(second) is int shared and > 0)
                    overlaps.Add(new PatchOverlap(i, j, shared, first.IntersectionOverUnion(second)));
            }
        }
        return overlaps;
    }
}
