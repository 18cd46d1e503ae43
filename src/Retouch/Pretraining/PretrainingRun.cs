using Retouch.Images;
using Retouch.Optimizers;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Pretraining;

/// <summary>
/// A ViT while it is trained from nothing by AdamW (Loshchilov and Hutter, 2019) on labelled images. All weights
/// are one vector, and a step's images are learned in pieces of fixed size whose gradients are added up in
/// order: the weights are the same on any number of cores. What is random depends on the seed and the step
/// alone, so that a training that goes on from a <see cref="PretrainingCheckpoint"/> gives the weights of one
/// that never stopped. Not safe for use from several threads. Owns its tensors.
/// </summary>
public sealed class PretrainingRun : IDisposable
{
    /// <summary>Images of one backward pass: what one core's cache holds.</summary>
    public const int Piece = 16;

    const long InitPurpose = 1;
    const long OrderPurpose = 2;
    const long ImagePurpose = 3;
    const long MixPurpose = 4;

    readonly (string Name, long[] Shape, long Offset, long Length)[] _layout;
    readonly Tensor _decayed; // [P], 1 where weights decay
    readonly Adam _adam;
    int[] _order = [];
    long _orderOf = -1;

    /// <summary>Starts a training.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="classes">The number of classes, at least 2.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public PretrainingRun(PretrainingSettings settings, int classes)
        : this(settings, classes, null, 0) { }

    internal PretrainingRun(
        PretrainingSettings settings,
        int classes,
        (Tensor Weights, Tensor First, Tensor Second)? state,
        long steps
    )
    {
        settings.Validate();
        if (classes < 2)
            throw BadInput.OutOfRange(null, $"There are images of {classes} class; a classifier needs two at least.");
        (Settings, Config) = (settings, settings.Architecture(classes));
        _layout = Layout(Config);
        using DisposeScope scope = NewDisposeScope();
        if (
            state is var (weights, first, second)
            && new[] { weights, first, second }.Any(t => t.shape is not [long length] || length != Size)
        )
            throw BadInput.Mismatch(null, "The checkpoint's weights are not those of its settings.");
        Weights = (state?.Weights ?? Init()).DetachFromDisposeScope();
        _adam = new Adam([Weights]) { Steps = steps };
        if (state is not null)
        {
            First.copy_(state.Value.First);
            Second.copy_(state.Value.Second);
        }
        _decayed = cat([.. _layout.Select(t => Filled([t.Length], Held(Decays(t.Name, t.Shape) ? 1f : 0f)))])
            .DetachFromDisposeScope();
    }

    /// <summary>The settings.</summary>
    public PretrainingSettings Settings { get; }

    /// <summary>The architecture.</summary>
    public VitConfig Config { get; }

    /// <summary>Steps done.</summary>
    public long Steps => _adam.Steps;

    /// <summary>The number of parameters, P.</summary>
    public long Size => _layout[^1].Offset + _layout[^1].Length;

    internal Tensor Weights { get; }

    internal Tensor First => _adam.Means[0];

    internal Tensor Second => _adam.Squares[0];

    /// <summary>Steps an epoch over some images: the last, partial batch is left to the next order.</summary>
    public int StepsPerEpoch(LabelledImages images) => Math.Max(images.Count / Settings.Batch, 1);

    /// <summary>Learns the next batch.</summary>
    /// <param name="images">The images; the same at every step.</param>
    /// <param name="cores">Pieces learned at a time.</param>
    /// <param name="cancellation">Stops before the step is done; the weights are as they were.</param>
    /// <returns>The batch's mean loss.</returns>
    public double Step(LabelledImages images, int cores, CancellationToken cancellation = default)
    {
        int perEpoch = StepsPerEpoch(images);
        int batch = Math.Min(Settings.Batch, images.Count);
        int pieces = (batch + Piece - 1) / Piece;
        (long epoch, int place) = (Steps / perEpoch, (int)(Steps % perEpoch));
        if (epoch != _orderOf)
        {
            _order = [.. Enumerable.Range(0, images.Count)];
            StableRandom.For(Settings.Seed, OrderPurpose, epoch).Shuffle(_order);
            _orderOf = epoch;
        }
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = new(Tensors(half: false), Config.Traits);
        Tensor?[] gradients = new Tensor?[pieces];
        double[] losses = new double[pieces];
        try
        {
            SingleThreaded.Run(
                cores,
                pieces,
                piece =>
                {
                    int start = piece * Piece;
                    int[] chosen = _order[(place * batch + start)..(place * batch + Math.Min(start + Piece, batch))];
                    (gradients[piece], losses[piece]) = Gradient(
                        model,
                        images,
                        chosen,
                        piece,
                        batch,
                        Settings.Ramp(Steps, perEpoch)
                    );
                },
                cancellation
            );
            using IDisposable noGrad = no_grad();
            Tensor gradient = gradients[0]!.alias();
            for (int i = 1; i < pieces; i++)
                gradient.Plus_(gradients[i]!);
            Update(gradient, Settings.Rate(Steps, perEpoch));
        }
        finally
        {
            foreach (Tensor? gradient in gradients)
                gradient?.Dispose();
        }
        return losses.Sum();
    }

    /// <summary>The share of images that the model gets right as it is.</summary>
    /// <param name="images">The images.</param>
    /// <param name="cores">Pieces asked at a time.</param>
    /// <param name="cancellation">Stops soon.</param>
    public double Accuracy(LabelledImages images, int cores, CancellationToken cancellation = default)
    {
        int right = 0;
        using VitModel model = new(Tensors(half: false), Config.Traits);
        SingleThreaded.Run(
            cores,
            (images.Count + Piece - 1) / Piece,
            piece =>
            {
                using DisposeScope scope = NewDisposeScope();
                using IDisposable noGrad = no_grad();
                int[] chosen = [.. Enumerable.Range(piece * Piece, Math.Min(Piece, images.Count - piece * Piece))];
                Tensor answers = model
                    .Logits(images.Preprocessing.ToTensor([.. chosen.Select(i => images[i])]))
                    .argmax(1);
                Tensor labels = tensor([.. chosen.Select(i => (long)images.Labels[i])], ScalarType.Int64);
                Interlocked.Add(ref right, (int)answers.eq(labels).sum().item<long>());
            },
            cancellation
        );
        return (double)right / images.Count;
    }

    /// <summary>Copies of the model's tensors by canonical name, float32; the caller owns them.</summary>
    /// <param name="half">Whether their values are rounded to what float16 holds.</param>
    public IReadOnlyDictionary<string, Tensor> Tensors(bool half)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor weights = half ? Weights.to(ScalarType.Float16).to(ScalarType.Float32) : Weights;
        return _layout.ToDictionary(
            t => t.Name,
            t => weights.narrow(0, t.Offset, t.Length).view(t.Shape).clone().DetachFromDisposeScope()
        );
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        _adam.Dispose();
        Weights.Dispose();
        _decayed.Dispose();
    }

    (Tensor Gradient, double Loss) Gradient(
        VitModel model,
        LabelledImages images,
        int[] chosen,
        int piece,
        int batch,
        double ramp
    )
    {
        using DisposeScope scope = NewDisposeScope();
        RandAugment augment = new(Settings.Augmentation * ramp);
        Tensor pixels = images.Preprocessing.ToTensor([
            .. chosen.Select(
                (image, i) =>
                    augment.Apply(
                        images[image],
                        StableRandom.For(Settings.Seed, ImagePurpose, Steps * Settings.Batch + piece * Piece + i)
                    )
            ),
        ]);
        Tensor labels = nn
            .functional.one_hot(
                tensor([.. chosen.Select(i => (long)images.Labels[i])], ScalarType.Int64),
                Config.Classes
            )
            .to(ScalarType.Float32); // [B,C]
        labels = labels * Held(1 - Settings.LabelSmoothing) + Held(Settings.LabelSmoothing / Config.Classes);
        if (Settings.MixShare * ramp > 0 && chosen.Length > 1)
        {
            Tensor own = Mixture(
                chosen.Length,
                Settings.MixShare * ramp,
                StableRandom.For(Settings.Seed, MixPurpose, Steps * Settings.Batch + piece)
            ); // [B,1,S,S]
            Tensor share = own.mean([1, 2, 3]).unsqueeze(1); // [B,1]
            pixels = (own * pixels).Plus((Held(1) - own) * pixels.roll(1, 0));
            labels = (share * labels).Plus((Held(1) - share) * labels.roll(1, 0));
        }

        Dictionary<string, Tensor> weights = model.Tensors.ToDictionary(
            t => t.Key,
            t => t.Value.detach().requires_grad_(true)
        );
        Tensor loss = -(labels * nn.functional.log_softmax(model.Logits(pixels, weights), 1)).sum() / Held(batch);
        IList<Tensor> slopes = autograd.grad([loss], [.. _layout.Select(t => weights[t.Name])]);
        return (cat([.. slopes.Select(s => s.reshape(-1))]).DetachFromDisposeScope(), loss.item<float>());
    }

    // What each pixel keeps of its own image: 1 almost everywhere, a constant for mixup, 0 within CutMix's rectangle.
    Tensor Mixture(int count, double mixed, Random random)
    {
        int size = Settings.ImageSize;
        int plane = size * size;
        float[] own = new float[count * plane];
        Array.Fill(own, 1);
        for (int i = 0; i < count; i++)
        {
            if (random.NextDouble() >= mixed)
                continue;
            if (random.Next(2) == 0)
            {
                own.AsSpan(i * plane, plane).Fill((float)Beta(random, Settings.MixAlpha));
                continue;
            }
            System.Drawing.Rectangle area = new CutMix(Settings.PatchSize, 1, Math.Max(Config.Grid / 2, 1)).PickArea(
                size,
                size,
                random
            );
            for (int y = area.Top; y < area.Bottom; y++)
                own.AsSpan(i * plane + y * size + area.Left, area.Width).Clear();
        }
        return tensor(own, [count, 1, size, size]);
    }

    void Update(Tensor gradient, double rate)
    {
        double norm = gradient.norm().item<float>();
        if (!double.IsFinite(norm))
            throw new InvalidOperationException(
                $"The training diverged at step {Steps}: a gradient is not finite. Give a smaller learningRate."
            );
        if (norm > Settings.ClipNorm)
            gradient.mul_(Held(Settings.ClipNorm / norm));
        Weights.sub_(Weights * _decayed * Held(rate * Settings.WeightDecay));
        _adam.Step([gradient], rate);
    }

    // Xavier's uniform matrices, as the published ViT has; small positions; a classifier of zeros.
    Tensor Init()
    {
        float[] values = new float[Size];
        for (int n = 0; n < _layout.Length; n++)
        {
            (string name, long[] shape, long offset, long length) = _layout[n];
            Random random = StableRandom.For(Settings.Seed, InitPurpose, n);
            Span<float> part = values.AsSpan((int)offset, (int)length);
            if (IsToken(name) || name.EndsWith("relative_position_bias_table", StringComparison.Ordinal))
                Fill(part, random, 0.02 * Math.Sqrt(3));
            else if (name.EndsWith(".gamma", StringComparison.Ordinal))
                part.Fill(0.1f);
            else if (
                name == VitNames.NormWeight
                || shape.Length == 1 && name.EndsWith(".weight", StringComparison.Ordinal)
            )
                part.Fill(1);
            else if (Decays(name, shape) && name is not (VitNames.HeadWeight or VitNames.SecondHeadWeight))
                Fill(part, random, Math.Sqrt(6.0 / (shape[0] + length / shape[0])));
        }
        return tensor(values);

        static void Fill(Span<float> part, Random random, double bound)
        {
            foreach (ref float value in part)
                value = (float)((random.NextDouble() * 2 - 1) * bound);
        }
    }

    static bool Decays(string name, long[] shape) =>
        shape.Length > 1 && !IsToken(name) && !name.EndsWith("relative_position_bias_table", StringComparison.Ordinal);

    static bool IsToken(string name) =>
        name is VitNames.Positions or VitNames.ClassToken or VitNames.Registers || name == VitNames.Pool("latent");

    static (string, long[], long, long)[] Layout(VitConfig config)
    {
        List<(string, long[], long, long)> layout = [];
        long offset = 0;
        foreach ((string name, long[] shape) in config.Tensors())
        {
            long length = shape.Aggregate(1L, (a, b) => checked(a * b));
            layout.Add((name, shape, offset, length));
            offset = checked(offset + length);
        }
        return [.. layout];
    }

    // Jöhnk's way, which needs nothing but uniform numbers; for α up to 1 it soon accepts, above it the larger of few
    // does.
    static double Beta(Random random, double alpha)
    {
        while (true)
        {
            double x = Math.Pow(random.NextDouble(), 1 / alpha);
            double y = Math.Pow(random.NextDouble(), 1 / alpha);
            if (x + y is > 0 and <= 1)
                return x / (x + y);
        }
    }
}
