using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// A learned function from an edit's gradient to what is added to each matrix: what <see cref="Mend"/> and
/// <see cref="KnowledgeEditor"/> meta-train.
/// </summary>
abstract class GradientTransform
{
    /// <summary>What is learned, by name. Leaves of a graph; they belong to whoever made them.</summary>
    public abstract IReadOnlyDictionary<string, Tensor> Leaves { get; }

    /// <summary>What is added to each matrix of the space as it is stored, within the graph of the leaves.</summary>
    public abstract Tensor[] Deltas(SplitVit split, EditGradient gradient);

    /// <summary>The leaves of one that was trained.</summary>
    /// <exception cref="BadInputException">One is missing or misshapen; the message names it.</exception>
    protected static Dictionary<string, Tensor> Checked(
        Preparation learned,
        IEnumerable<(string Name, long[] Shape)> shapes
    ) => shapes.ToDictionary(s => s.Name, s => learned.Shaped(s.Name, s.Shape).to(ScalarType.Float32));

    /// <summary>The deltas as rows of units; takes its own copies.</summary>
    public static WeightDelta Rows(EditSpace space, IReadOnlyList<Tensor> deltas, double scale)
    {
        using IDisposable noGrad = no_grad();
        return new WeightDelta(
            UnitSelection.All(space),
            [
                .. deltas.Select(
                    (d, m) => ((space.Matrix(m).Kind == FfnMatrix.Fc1 ? d : d.t()) * Held(scale)).contiguous()
                ),
            ]
        );
    }

    /// <summary>A method's settings with those of the meta-training that it uses, for the provenance.</summary>
    public static SortedDictionary<string, string> Describe(
        Preparation learned,
        SortedDictionary<string, string> settings
    )
    {
        foreach ((string name, string value) in learned.Settings)
            settings["meta." + name] = value;
        return settings;
    }
}
