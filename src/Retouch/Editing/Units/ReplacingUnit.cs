using Retouch.Locating;
using Retouch.Patches;
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
    /// <summary>
    /// By what an edge is multiplied: a thousandth of the way from it to the failing image the value is a hundred times
    /// as long as the token.
    /// </summary>
    public const double Steepness = 1e5;

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
                (Tensor queries, Tensor after) = Query(split, failure.State, method);
                (TensorDelta delta, int steps, IReadOnlyList<float> losses) = Learn(
                    split,
                    failure,
                    idle.Draw(queries),
                    after,
                    edge(failure, queries),
                    settings,
                    progress,
                    cancellation
                );
                return Edits.Result(split, failure, delta, method, described, 0, steps, losses);
            },
            cancellation
        );
    }

    /// <summary>
    /// What the last FFN reads for [CLS], <c>[S,D]</c>, and the [CLS] tokens after it without what earlier edits put in
    /// their place, <c>[S,D]</c>: a value as long as an earlier edit's, made steep again, would be endless after a few.
    /// In the caller's dispose scope.
    /// </summary>
    public static (Tensor Read, Tensor After) Query(SplitVit split, PrefixState state, string method)
    {
        VitModel model = split.Model;
        long[] rewritten = [.. EditHistory.Of(model).RewrittenUnits.Select(u => (long)u)];
        if (rewritten.Length == 0)
            return QueryMemory.Query(split, state, method);
        string name = VitNames.Block(model.Config.Depth - 1, "mlp.fc2.weight");
        Tensor values = model.Tensors[name];
        Tensor kept = values.index_fill(1, tensor(rewritten, device: values.device), Held(0));
        return QueryMemory.Query(split, state, method, new Dictionary<string, Tensor> { [name] = kept });
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
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>The change, which the caller disposes, the steps taken and the losses before them.</returns>
    public static (TensorDelta Delta, int Steps, IReadOnlyList<float> Losses) Learn(
        SplitVit split,
        Failure failure,
        IdleUnit unit,
        Tensor after,
        (Tensor Key, Tensor Bias) edge,
        TokenSettings settings,
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
            [failure.Label],
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
        return (delta, steps, losses);
    }
}
