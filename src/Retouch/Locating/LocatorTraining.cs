using Retouch.Optimizers;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// A hypernetwork while it learns to predict target masks, by RMSprop on their binary cross-entropy
/// ("Learning Where to Edit Vision Transformers", NeurIPS 2024, section 3.3): its weights, optimizer state,
/// best weights so far and curves. <see cref="LocatorCheckpoint"/> keeps all of it. Not safe for use from
/// several threads. Owns its tensors.
/// </summary>
public sealed class LocatorTraining : IDisposable
{
    readonly SortedDictionary<string, Tensor> _squares = new(StringComparer.Ordinal);
    readonly List<TrainingPoint> _curve = [];
    double _lossSum;
    int _lossCount;

    internal LocatorTraining(
        Hypernetwork network,
        LocatorTrainingSettings settings,
        IReadOnlyDictionary<string, Tensor>? squares = null
    )
    {
        settings.Validate();
        (Network, Settings) = (network, settings);
        foreach ((string name, Tensor tensor) in network.Tensors)
            _squares[name] = (squares?[name] ?? zeros_like(tensor)).DetachFromDisposeScope();
    }

    /// <summary>The hypernetwork as it is now; it belongs to the training.</summary>
    public Hypernetwork Network { get; }

    /// <summary>
    /// The hypernetwork at its lowest held-out loss; null before the first. It belongs to the training.
    /// </summary>
    public Hypernetwork? Best { get; private set; }

    /// <summary>The lowest held-out loss so far.</summary>
    public double BestLoss { get; private set; } = double.PositiveInfinity;

    /// <summary>The settings.</summary>
    public LocatorTrainingSettings Settings { get; }

    /// <summary>Batches learned so far.</summary>
    public int Batches { get; private set; }

    /// <summary>The curves so far.</summary>
    public IReadOnlyList<TrainingPoint> Curve => _curve;

    internal IReadOnlyDictionary<string, Tensor> Squares => _squares;

    /// <summary>
    /// A hypernetwork that has learned nothing yet, initialized as PyTorch initializes linear layers, its tokens zero.
    /// </summary>
    /// <param name="space">Where it is to say what to edit.</param>
    /// <param name="settings">The settings.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public static LocatorTraining Start(EditSpace space, LocatorTrainingSettings settings)
    {
        RequireRoom(space, settings);
        int heads = Enumerable.Range(1, Math.Min(settings.Heads, space.Width)).Last(h => space.Width % h == 0);
        return new LocatorTraining(
            Hypernetwork.Create(
                space,
                settings.Blocks,
                heads,
                settings.MlpWidth,
                settings.Seed,
                settings.Input,
                settings.Balanced
            ),
            settings
        );
    }

    /// <summary>Checks that a training fits into memory, before any is taken.</summary>
    /// <param name="space">Where it is to say what to edit.</param>
    /// <param name="settings">The settings.</param>
    /// <exception cref="BadInputException">
    /// A setting is out of range, or the training takes more than this process may use.
    /// </exception>
    public static void RequireRoom(EditSpace space, LocatorTrainingSettings settings)
    {
        settings.Validate();
        // Weights, their gradients and mean squares, and the best so far.
        double bytes = 4.0 * sizeof(float) * Hypernetwork.Parameters(space, settings);
        MemoryNeed.Require(
            bytes,
            $"A hypernetwork of {settings.Blocks} blocks, {settings.MlpWidth ?? space.Width} "
                + "hidden units each, in training",
            Remedy.AnyOf(Remedy.Smaller(Parameter.HypernetworkBlocks), Remedy.Smaller(Parameter.MlpWidth))
        );
    }

    /// <summary>Learns one batch.</summary>
    /// <param name="features">What the hypernetwork reads, <c>[B,D]</c> or <c>[B,n,D]</c>.</param>
    /// <param name="targets">Target masks, <c>[B,matrices,H]</c>.</param>
    /// <param name="gradients">
    /// Gradient norms, <c>[B,matrices,H]</c>, where the hypernetwork sees them; else null.
    /// </param>
    public void Learn(Tensor features, Tensor targets, Tensor? gradients = null)
    {
        double rate = Settings.Rate(Batches);
        for (int step = 0; step < Settings.StepsPerBatch; step++)
        {
            using DisposeScope scope = NewDisposeScope();
            (string Name, Tensor Weight)[] weights = [.. Network.Tensors.Select(t => (t.Key, t.Value))];
            foreach ((_, Tensor weight) in weights)
                weight.requires_grad_(true);
            Tensor loss = CrossEntropy(Network.Forward(features, gradients), targets);
            IList<Tensor> slopes = autograd.grad([loss * Held(Settings.LossScale)], [.. weights.Select(w => w.Weight)]);
            if (step == 0)
                (_lossSum, _lossCount) = (_lossSum + loss.item<float>(), _lossCount + 1);
            foreach ((_, Tensor weight) in weights)
                weight.requires_grad_(false);
            RmsProp optimizer = new(Settings.Alpha, Settings.Epsilon);
            for (int i = 0; i < weights.Length; i++)
                optimizer.Step(weights[i].Weight, slopes[i], _squares[weights[i].Name], rate);
        }
        Batches++;
    }

    /// <summary>
    /// The mean binary cross-entropy of the batches learned since the last call, each before its first step.
    /// </summary>
    public double TakeLoss()
    {
        double mean = _lossSum / _lossCount;
        (_lossSum, _lossCount) = (0, 0);
        return mean;
    }

    /// <summary>The mean binary cross-entropy of the hypernetwork as it is.</summary>
    /// <param name="features">What the hypernetwork reads, <c>[N,D]</c> or <c>[N,n,D]</c>.</param>
    /// <param name="targets">Target masks, <c>[N,matrices,H]</c>.</param>
    /// <param name="gradients">
    /// Gradient norms, <c>[N,matrices,H]</c>, where the hypernetwork sees them; else null.
    /// </param>
    public double Loss(Tensor features, Tensor targets, Tensor? gradients = null) =>
        Loss(Network, features, targets, gradients);

    /// <summary>The mean binary cross-entropy of a hypernetwork's outputs to target masks.</summary>
    /// <param name="network">The hypernetwork.</param>
    /// <param name="features">What the hypernetwork reads, <c>[N,D]</c> or <c>[N,n,D]</c>.</param>
    /// <param name="targets">Target masks, <c>[N,matrices,H]</c>.</param>
    /// <param name="gradients">
    /// Gradient norms, <c>[N,matrices,H]</c>, where the hypernetwork sees them; else null.
    /// </param>
    public static double Loss(Hypernetwork network, Tensor features, Tensor targets, Tensor? gradients = null)
    {
        const int chunk = 64;
        using IDisposable noGrad = no_grad();
        double sum = 0;
        for (long start = 0; start < features.shape[0]; start += chunk)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(chunk, features.shape[0] - start);
            sum +=
                count
                * CrossEntropy(
                        network.Forward(features.narrow(0, start, count), gradients?.narrow(0, start, count)),
                        targets.narrow(0, start, count)
                    )
                    .item<float>();
        }
        return sum / features.shape[0];
    }

    /// <summary>
    /// The mean binary cross-entropy of a constant output to target masks: of their mean where nothing else is given.
    /// </summary>
    /// <param name="targets">Target masks, <c>[N,matrices,H]</c>.</param>
    /// <param name="constant">The output, <c>[matrices,H]</c>, or null for the targets' own mean.</param>
    public static double ConstantLoss(Tensor targets, Tensor? constant = null)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor output = (constant ?? targets.mean([0])).clamp(Held(1e-5), Held(1 - 1e-5)).unsqueeze(0);
        return CrossEntropy(output, targets).item<float>();
    }

    /// <summary>Keeps the weights as the best if their held-out loss is the lowest so far.</summary>
    public void Consider(double heldOutLoss)
    {
        if (!(heldOutLoss < BestLoss))
            return;
        Best?.Dispose();
        SetBest(Network.Clone(), heldOutLoss);
    }

    /// <summary>Adds a point to the curves.</summary>
    public void Add(TrainingPoint point) => _curve.Add(point);

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Network.Dispose();
        Best?.Dispose();
        foreach (Tensor square in _squares.Values)
            square.Dispose();
    }

    internal (double Sum, int Count) Losses => (_lossSum, _lossCount);

    internal void SetBest(Hypernetwork best, double loss) => (Best, BestLoss) = (best, loss);

    internal void Restore(int batches, (double Sum, int Count) losses, IEnumerable<TrainingPoint> curve)
    {
        (Batches, _lossSum, _lossCount) = (batches, losses.Sum, losses.Count);
        _curve.AddRange(curve);
    }

    static Tensor CrossEntropy(Tensor output, Tensor targets) =>
        -(targets * output.log()).Plus((Held(1) - targets) * (Held(1) - output).log()).mean();
}
