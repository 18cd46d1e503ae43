using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// A hidden unit of the last FFN with an edge so steep and a value so long that it replaces [CLS] after the last block
/// for every image beyond the edge: the last norm leaves of the token the value's direction alone, and all of them get
/// the value's class.
/// </summary>
static class ReplacingUnit
{
    // A thousandth of the way from the edge to the failing image the value is a hundred times as long as the token.
    const double Steepness = 1e5;

    /// <summary>Makes one edit a failure.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="failures">The failures.</param>
    /// <param name="ordinary">Ordinary images, which say what units are idle.</param>
    /// <param name="edge">
    /// The key and the bias of a failure, given what the last FFN reads for it, <c>[S,D]</c>.
    /// </param>
    /// <param name="settings">How the token is learned.</param>
    /// <param name="method">The editor's name, for the provenance.</param>
    /// <param name="described">All of its settings, likewise.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>One result a failure; the caller disposes them.</returns>
    public static IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        OrdinaryTokens ordinary,
        Func<Failure, Tensor, (Tensor Key, Tensor Bias)> edge,
        TokenSettings settings,
        string method,
        IReadOnlyDictionary<string, string> described,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        IdleUnits idle = IdleUnits.Of(split.Model, ordinary.Queries);
        return Edits.OneByOne(
            failures,
            failure =>
            {
                using DisposeScope each = NewDisposeScope();
                (Tensor queries, Tensor after) = QueryMemory.Query(split, failure.State, method); // [S,D], [S,D]
                return Edit(
                    split,
                    failure,
                    idle.Draw(queries),
                    after,
                    edge(failure, queries),
                    settings,
                    method,
                    described,
                    progress,
                    cancellation
                );
            },
            cancellation
        );
    }

    /// <summary>
    /// Learns the token that has the label, by Adam from the failing images' mean, and makes it the unit's value.
    /// </summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="failure">The images and their label.</param>
    /// <param name="unit">The unit that is rewritten.</param>
    /// <param name="after">The images' [CLS] after the last block, <c>[S,D]</c>.</param>
    /// <param name="edge">
    /// A key <c>[D]</c> and a bias <c>[1]</c>: x·key + bias is 0 at the edge and about 1 for the failing image.
    /// </param>
    /// <param name="settings">How the token is learned.</param>
    /// <param name="method">The editor's name, for the provenance.</param>
    /// <param name="described">All of its settings, likewise.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    static EditResult Edit(
        SplitVit split,
        Failure failure,
        IdleUnit unit,
        Tensor after,
        (Tensor Key, Tensor Bias) edge,
        TokenSettings settings,
        string method,
        IReadOnlyDictionary<string, string> described,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        VitModel model = split.Model;
        Tensor start = after.mean([0]);
        Tensor token = start.clone().requires_grad_();
        (int steps, List<float> losses) = LeafDescent.Run(
            [token],
            failure.Label,
            () => (model.Classify(model.Readout(token.view(1, 1, -1))), null),
            settings.LearningRate * start.norm().Number() / Math.Sqrt(model.Config.Width),
            settings.MaxSteps,
            settings.StopLoss,
            null,
            progress,
            cancellation
        );
        using IDisposable noGrad = no_grad();
        Tensor value = token.detach() * (start.norm() / token.norm().clamp_min(Held(float.Epsilon)));
        if (model.Blocks[^1].Scale2 is Tensor scale)
            value = where(scale.eq(Held(0)), zeros_like(value), value / scale);
        TensorDelta delta = unit.Rewritten(split.Space, edge.Key * Held(Steepness), edge.Bias * Held(Steepness), value);
        return Edits.Result(split, failure, delta, method, described, 0, steps, losses);
    }
}
