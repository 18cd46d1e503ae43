using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
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
    static WeightDelta Rows(EditSpace space, IReadOnlyList<Tensor> deltas, double scale)
    {
        using IDisposable noGrad = no_grad();
        return new WeightDelta(
            UnitSelection.All(space),
            [.. deltas.Select((d, m) => ((space.Matrix(m).HasColumns ? d.t() : d) * Held(scale)).contiguous())]
        );
    }

    /// <summary>Edits each failure by what a transform makes of its gradient.</summary>
    /// <param name="transform">The transform; its leaves stay the caller's.</param>
    /// <param name="learned">What it was loaded from.</param>
    /// <param name="split">The unedited model.</param>
    /// <param name="failures">What is to be corrected.</param>
    /// <param name="method">The method's name.</param>
    /// <param name="settings">Its settings, for the provenance.</param>
    /// <param name="scale">What the deltas are multiplied by.</param>
    /// <param name="cancellation">Stops between failures.</param>
    /// <returns>One result a failure, in their order; the caller disposes them.</returns>
    public static IReadOnlyList<EditResult> Edit(
        GradientTransform transform,
        Preparation learned,
        SplitVit split,
        IReadOnlyList<Failure> failures,
        string method,
        Func<SortedDictionary<string, string>> settings,
        double scale,
        CancellationToken cancellation
    ) =>
        Edits.OneByOne(
            failures,
            failure =>
            {
                using DisposeScope scope = NewDisposeScope();
                EditGradient gradient = EditGradient.Of(split, failure.State, failure.Label);
                WeightDelta delta = Rows(split.Space, transform.Deltas(split, gradient), scale);
                return Edits.Result(split, failure, delta, method, Describe(learned, settings()), 0, 1, []);
            },
            cancellation
        );

    /// <summary>A method's settings with those of the meta-training that it uses, for the provenance.</summary>
    static SortedDictionary<string, string> Describe(Preparation learned, SortedDictionary<string, string> settings)
    {
        foreach ((string name, string value) in learned.Settings)
            settings["meta." + name] = value;
        return settings;
    }
}
