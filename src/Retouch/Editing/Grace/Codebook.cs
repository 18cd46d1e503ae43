using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// The entries of <see cref="Grace"/>'s codebook that a model carries: their keys are rows of its last fc1. Owns
/// nothing.
/// </summary>
sealed class Codebook
{
    // Images on the edge itself would be in by rounding.
    const double Beyond = 1.01;

    // Of a key that two labels want nothing would be left.
    const double LeastShare = 1e-3;

    readonly VitModel _model;
    readonly CodebookEntry[] _entries;

    Codebook(VitModel model, CodebookEntry[] entries) => (_model, _entries) = (model, entries);

    /// <summary>Finds a model's.</summary>
    public static Codebook Of(VitModel model) =>
        new(
            model,
            [.. EditHistory.Of(model).Codebook.Values.Where(e => e.Unit < model.Config.MlpWidth).OrderBy(e => e.Unit)]
        );

    /// <summary>The radius of a ball that holds what is as far away as its farthest image.</summary>
    /// <param name="farthest">The square of that distance.</param>
    public static double Holding(double farthest) => Math.Sqrt(farthest * Beyond);

    /// <summary>What an edit makes of the radii.</summary>
    /// <param name="queries">What the last FFN reads for its images, <c>[S,D]</c>.</param>
    /// <param name="label">Their label.</param>
    /// <param name="radius">The radius of a new entry.</param>
    /// <param name="near">How near a key is near, in sums of its radius and that of a new entry.</param>
    public CodebookChange Change(Tensor queries, int label, double radius, double near) =>
        Change(_entries, [.. _entries.Select(e => SquaredDistances(e, queries))], label, radius, near);

    /// <summary>The same from distances.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="squaredDistances">The squared distance from each entry's key to each image's.</param>
    /// <param name="label">The images' label.</param>
    /// <param name="radius">The radius of a new entry.</param>
    /// <param name="near">How near a key is near, in sums of its radius and that of a new entry.</param>
    public static CodebookChange Change(
        IReadOnlyList<CodebookEntry> entries,
        IReadOnlyList<double[]> squaredDistances,
        int label,
        double radius,
        double near
    )
    {
        double[] radii = [.. entries.Select(e => e.Radius)];
        double own = radius;
        bool isWidened = false;
        if (entries.Count > 0)
        {
            int nearest = squaredDistances.Index().MinBy(d => d.Item.Average()).Index;
            double distance = Math.Sqrt(squaredDistances[nearest].Average());
            if (distance <= near * (entries[nearest].Radius + radius))
            {
                isWidened = entries[nearest].Label == label;
                if (isWidened)
                    radii[nearest] = Math.Max(radii[nearest], Holding(squaredDistances[nearest].Max()));
                else
                    (radii[nearest], own) = (Math.Min(radii[nearest], Half(distance)), Math.Min(own, Half(distance)));
            }
        }
        // The nearest key is not the only one that may answer.
        foreach ((int i, CodebookEntry entry) in entries.Index())
        {
            double least = Math.Sqrt(squaredDistances[i].Min());
            if (entry.Label != label && least < radii[i])
                radii[i] = Math.Min(radii[i], Half(least));
        }
        return new CodebookChange(
            [
                .. entries
                    .Zip(radii)
                    .Where(e => e.First.Radius != e.Second)
                    .Select(e => e.First with { Radius = e.Second }),
            ],
            isWidened ? null : own
        );

        double Half(double distance) => Math.Max(distance / 2, LeastShare * radius);
    }

    /// <summary>The change of weights that gives entries other radii; the caller disposes it.</summary>
    /// <param name="space">The space that says where the model is cut.</param>
    /// <param name="changed">The entries with their new radii.</param>
    /// <param name="added">The change that adds an entry, which is disposed, or null for none.</param>
    public TensorDelta Resized(EditSpace space, IReadOnlyList<CodebookEntry> changed, TensorDelta? added = null)
    {
        if (changed.Count == 0 && added is not null)
            return added;
        string ffn = VitNames.Block(_model.Config.Depth - 1, "mlp.");
        using DisposeScope scope = NewDisposeScope();
        Tensor weight = _model.Tensors[ffn + "fc1.weight"];
        Tensor bias = _model.Tensors[ffn + "fc1.bias"];
        Tensor units = tensor([.. changed.Select(e => (long)e.Unit)], device: weight.device);
        float[] shares = [.. changed.Select(e => (float)(Square(Entry(e.Unit).Radius) / Square(e.Radius)))];
        Tensor less = tensor(shares, device: weight.device) - Held(1); // [n], ε²/ε'² − 1
        // A reading is 1 − d²/ε², times the steepness.
        Tensor rows = weight.index_select(0, units) * less.unsqueeze(1); // [n,D]
        Tensor biases = (bias.index_select(0, units) - Held(ReplacingUnit.Steepness)) * less; // [n]
        Tensor columns = one_hot(units.cpu(), _model.Config.MlpWidth).to(ScalarType.Float32).to(weight.device).t();
        Tensor shifts = mv(columns, biases);
        Dictionary<string, TensorChange> changes = [];
        if (added is not null)
        {
            using TensorDelta first = added;
            IReadOnlyList<Tensor> factors = first.Changes[ffn + "fc1.weight"].Tensors;
            columns = cat([factors[0], columns], 1);
            rows = cat([factors[1], rows], 0);
            shifts = first.Changes[ffn + "fc1.bias"].Tensors[0].Plus(shifts);
            IReadOnlyList<Tensor> values = first.Changes[ffn + "fc2.weight"].Tensors;
            changes[ffn + "fc2.bias"] = TensorChange.Add(first.Changes[ffn + "fc2.bias"].Tensors[0].clone());
            changes[ffn + "fc2.weight"] = TensorChange.AddProduct(values[0].clone(), values[1].clone());
        }
        changes[ffn + "fc1.weight"] = TensorChange.AddProduct(columns.contiguous(), rows);
        changes[ffn + "fc1.bias"] = TensorChange.Add(shifts);
        return new TensorDelta(space, changes);
    }

    double[] SquaredDistances(CodebookEntry entry, Tensor queries)
    {
        using DisposeScope scope = NewDisposeScope();
        BlockWeights block = _model.Blocks[^1];
        Tensor key = block.Fc1Weight[entry.Unit].to(ScalarType.Float64);
        Tensor bias = block.Fc1Bias.narrow(0, entry.Unit, 1).to(ScalarType.Float64);
        Tensor readings = mv(queries.to(ScalarType.Float64), key).Plus(bias).cpu();
        return
        [
            .. readings
                .data<double>()
                .Select(r => Math.Max(0, Square(entry.Radius) * (1 - r / ReplacingUnit.Steepness))),
        ];
    }

    CodebookEntry Entry(int unit) => _entries.First(e => e.Unit == unit);

    static double Square(double value) => value * value;
}
