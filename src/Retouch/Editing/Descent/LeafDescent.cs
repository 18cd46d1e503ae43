using Retouch.Optimizers;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// One edit by Adam, or another update, on some leaves: cross-entropy to the right class, and what else the method
/// wants, until the prediction is right and the cross-entropy is small. The test comes before the step.
/// </summary>
static class LeafDescent
{
    /// <summary>Runs it; the leaves hold the result.</summary>
    /// <param name="leaves">What is learned; stays the caller's.</param>
    /// <param name="labels">The right class of each image, or one that all have.</param>
    /// <param name="forward">Gives the logits <c>[S,C]</c> and what is added to their cross-entropy, or null.</param>
    /// <param name="rate">Adam's step size.</param>
    /// <param name="maxSteps">Steps at most.</param>
    /// <param name="stopLoss">The cross-entropy at which to stop.</param>
    /// <param name="afterStep">Called after each step, outside the graph; null for nothing.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <param name="settled">
    /// What else must hold for an early stop, asked after <paramref name="forward"/>; null for nothing.
    /// </param>
    /// <param name="update">Takes a step with the leaves' gradients; null for Adam's.</param>
    /// <param name="taken">
    /// Which images a step takes, each in turn, asked before its <paramref name="forward"/>; null for all. The steps
    /// that take all images once must all be content for an early stop.
    /// </param>
    /// <returns>Steps taken and the cross-entropy before each, and at the stop.</returns>
    public static (int Steps, List<float> Losses) Run(
        Tensor[] leaves,
        long[] labels,
        Func<(Tensor Logits, Tensor? More)> forward,
        double rate,
        int maxSteps,
        double stopLoss,
        Action? afterStep,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation,
        Func<bool>? settled = null,
        Action<IReadOnlyList<Tensor>>? update = null,
        Func<int, int[]>? taken = null
    )
    {
        using Adam? adam = update is null ? new(leaves) : null;
        update ??= gradients => adam!.Step(gradients, rate);
        List<float> losses = [];
        int content = 0; // images, of the last steps
        for (int step = 0; ; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            int[]? some = taken?.Invoke(step);
            (Tensor logits, Tensor? more) = forward();
            long[] wanted = some is null || labels.Length == 1 ? labels : [.. some.Select(i => labels[i])];
            Tensor loss = wanted is [long one]
                ? -log_softmax(logits, 1).select(1, one).mean()
                : -log_softmax(logits, 1).gather(1, tensor(wanted, device: logits.device).unsqueeze(1)).mean();
            float value = loss.item<float>();
            content =
                value <= stopLoss && Edits.IsRight(logits, wanted) && settled?.Invoke() != false
                    ? content + (some?.Length ?? labels.Length)
                    : 0;
            bool done = step == maxSteps || content >= labels.Length;
            if (step < maxSteps)
                losses.Add(value);
            progress?.Report(new EditProgress(step, maxSteps, done ? 0 : 1, value));
            if (done)
                return (step, losses);
            update([.. autograd.grad([more is null ? loss : loss.Plus(more)], leaves)]);
            afterStep?.Invoke();
        }
    }
}
