using Retouch.Optimizers;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// Gates that several failing images share, learned together: keys, edges and values go down the slope of the
/// cross-entropy of all failing images, each value being a sum of the wanted classes' directions
/// (<see cref="LastFfn.Directions"/>), while ordinary images keep what the model says of them, right near images stay
/// right, and both leave the gates shut.
/// </summary>
sealed class SharedGates(LastFfn ffn, RepairSettings settings)
{
    // Opens within a tenth of the way: what is not beyond the edge gives nothing.
    const double Drive = 10;
    const double Height = 4 / Drive;

    // How far before the edge an image that should leave a gate shut has to be.
    const double Room = 0.5;
    const double FirstEdge = 0.4;

    // In units in which keys and edges move alike.
    const double KeyLength = 10;

    // Of each kind in a step.
    const int Failing = 256;
    const int Near = 256;
    const int Ordinary = 512;

    const int WarmUp = 10;
    const double LastRate = 0.01;
    const double ValueRate = 3;

    /// <summary>Learns gates; in the caller's scope.</summary>
    /// <param name="failing">The images to correct.</param>
    /// <param name="near">Right images that are to stay right.</param>
    /// <param name="units">How many gates at most.</param>
    /// <param name="seed">Of the images that a step takes.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public (GateUnits Gates, IReadOnlyList<float> Losses) Learn(
        RepairImages failing,
        RepairImages near,
        int units,
        int seed,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        int[] classes = [.. failing.Labels.Distinct().Order()];
        Tensor directions = ffn.Directions(classes); // [L,D]
        Device device = directions.device;
        Tensor whitening = ffn.Whitening(); // [D,D]
        Tensor read = ffn.Read(failing.Residuals); // [F,D]
        Tensor white = White(read);
        Tensor labels = Labels(failing);
        int[][] starts = Starts(failing, ffn.After(failing.Residuals, read, 0), units);
        units = starts.Length;
        int taken = ffn.Idle.Count == 0 ? 0 : units;
        Tensor after = ffn.After(failing.Residuals, read, taken);
        Tensor keys = stack([.. starts.Select(s => Start(white, s))], 0); // [U,D]
        double size = keys.abs().mean().Number() * KeyLength;
        keys = (keys / Held(size)).detach().requires_grad_();
        Tensor edges = Filled([units], Held(-FirstEdge), device: device).requires_grad_();
        Tensor shares = zeros([units, classes.Length], device: device);
        for (int u = 0; u < units; u++)
            shares[u, Array.IndexOf(classes, failing.Labels[starts[u][0]])] = tensor(1f);
        shares.requires_grad_();

        Kind toMend = new(white, after, labels, null);
        Tensor nearRead = ffn.Read(near.Residuals);
        Kind toKeep = new(White(nearRead), ffn.After(near.Residuals, nearRead, taken), Labels(near), null);
        Kind usual = new(
            White(ffn.Ordinary.Queries),
            ffn.After(ffn.Ordinary.Residuals, ffn.Ordinary.Queries, taken),
            null,
            log_softmax(ffn.Said(), 1)
        );
        using Adam fast = new([shares]);
        using Adam slow = new([keys, edges]);
        List<float> losses = [];
        for (int step = 0; step < settings.Steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope each = NewDisposeScope();
            using IDisposable grad = enable_grad();
            Random random = StableRandom.For(seed, 0x5A4ED, step);
            Tensor loss = Mend(toMend.Draw(random, Failing));
            (Kind some, _) = usual.Draw(random, Ordinary);
            (Tensor said, Tensor opening) = Answer(some);
            Tensor kept = some.Logs!;
            loss = loss.Plus((kept.exp() * (kept - log_softmax(said, 1))).sum(1).mean() * Held(settings.Divergence))
                .Plus(Loud(opening) * Held(settings.Silence));
            if (near.Count > 0)
                loss = loss.Plus(Keep(toKeep.Draw(random, Near).Kind));
            IList<Tensor> gradients = autograd.grad([loss], [keys, edges, shares]);
            double rate = Rate(step);
            slow.Step([gradients[0], gradients[1]], rate);
            fast.Step([gradients[2]], ValueRate * rate);
            losses.Add(loss.item<float>());
            progress?.Report(new EditProgress(step + 1, settings.Steps, failing.Count, losses[^1]));
        }
        using IDisposable noGrad = no_grad();
        // x·K + b in what the FFN reads itself.
        Tensor whole = mm(keys.detach() * Held(size), whitening); // [U,D]: the whitening is symmetric
        GateUnits gates = new(
            (whole * Held(Drive)).MoveToOuterDisposeScope(),
            ((edges.detach() - mv(whole, ffn.Mean)) * Held(Drive)).MoveToOuterDisposeScope(),
            ffn.Unscaled(mm(shares.detach(), directions) * Held(Height)).MoveToOuterDisposeScope()
        );
        return (gates, losses);

        Tensor White(Tensor queries) => mm(queries - ffn.Mean, whitening);

        (Tensor Logits, Tensor Opening) Answer(Kind kind)
        {
            Tensor opening = mm(kind.White, keys.t() * Held(size)).Plus(edges); // [B,U]
            Tensor moved = mm(mm(ffn.Model.Activate(opening * Held(Drive)) * Held(Height), shares), directions);
            return (ffn.Logits(kind.After.Plus(moved)), opening);
        }

        Tensor Mend((Kind Kind, long[] Places) drawn) => Led(drawn.Kind, Answer(drawn.Kind).Logits);

        Tensor Keep(Kind kind)
        {
            (Tensor said, Tensor opening) = Answer(kind);
            return (Led(kind, said) * Held(settings.Near)).Plus(Loud(opening) * Held(settings.Silence));
        }

        // The cross-entropy where the right class has to lead by the margin.
        Tensor Led(Kind kind, Tensor said)
        {
            Tensor handicap = one_hot(kind.Labels!, said.shape[1]).to(ScalarType.Float32) * Held(settings.Margin);
            return cross_entropy(said - handicap, kind.Labels!);
        }

        Tensor Labels(RepairImages images) => tensor([.. images.Labels.Select(l => (long)l)], device: device);
    }

    static Tensor Loud(Tensor opening) => opening.Plus(tensor((float)Room, device: opening.device)).relu().mean();

    double Rate(int step)
    {
        double half = settings.Steps / 2.0;
        double fall = step < half ? 1 : 0.5 * (1 + Math.Cos(Math.PI * (step - half) / half)) + LastRate;
        return settings.LearningRate * Math.Min(1, (step + 1.0) / WarmUp) * fall;
    }

    // A key along which these images read 1 in the mean.
    static Tensor Start(Tensor white, int[] places)
    {
        Tensor mean = white.index_select(0, tensor([.. places.Select(p => (long)p)], device: white.device)).mean([0]);
        return mean / mean.Squared().sum().clamp_min(Held(float.Epsilon));
    }

    // The images that a gate starts from: those that share a mistake, the most frequent mistakes first, and then single
    // ones in their order.
    int[][] Starts(RepairImages failing, Tensor after, int units)
    {
        Tensor said = ffn.Logits(after).argmax(1).cpu();
        long[] wrong = [.. said.data<long>()];
        int[][] groups =
        [
            .. Enumerable
                .Range(0, failing.Count)
                .GroupBy(i => (failing.Labels[i], wrong[i]))
                .OrderByDescending(g => g.Count())
                .ThenBy(g => g.Key)
                .Select(g => g.ToArray()),
        ];
        return
        [
            .. groups
                .Concat(groups.Where(g => g.Length > 1).SelectMany(g => g.Select(i => (int[])[i])))
                .Take(Math.Min(units, failing.Count)),
        ];
    }

    /// <summary>Images of a kind, as gates see them. Owns nothing.</summary>
    /// <param name="White">What the FFN reads, whitened, <c>[N,D]</c>.</param>
    /// <param name="After">[CLS] after the FFN without gates, <c>[N,D]</c>.</param>
    /// <param name="Labels">Their classes, <c>[N]</c>; null where none are known.</param>
    /// <param name="Logs">What the model says of them, <c>[N,C]</c>; null where that does not matter.</param>
    sealed record Kind(Tensor White, Tensor After, Tensor? Labels, Tensor? Logs)
    {
        public (Kind Kind, long[] Places) Draw(Random random, int most)
        {
            long count = White.shape[0];
            if (count <= most)
                return (this, []);
            long[] places = new long[most];
            for (int i = 0; i < most; i++)
                places[i] = random.NextInt64(count);
            Tensor at = tensor(places, device: White.device);
            return (
                new Kind(
                    White.index_select(0, at),
                    After.index_select(0, at),
                    Labels?.index_select(0, at),
                    Logs?.index_select(0, at)
                ),
                places
            );
        }
    }
}
