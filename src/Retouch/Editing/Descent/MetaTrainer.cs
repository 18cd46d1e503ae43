using Retouch.Locating;
using Retouch.Optimizers;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// Meta-trains a <see cref="GradientTransform"/> without labels. An edit's image is a CutMix pseudo-failure
/// (<see cref="PseudoFailures"/>), its label the class that the model gives the original, or where the pasted patch did
/// not change that, the runner-up; its neighbour, on which the edit is to succeed, is its mirror image; the others,
/// whose prediction it is to keep, are the originals of other samples. The loss is weight·cross-entropy(neighbour) +
/// KL(unedited ‖ edited) on the others (Mitchell et al., ICLR 2022, equations 3 and 4).
/// </summary>
sealed class MetaTrainer(
    string kind,
    MetaTrainingSettings settings,
    IReadOnlyDictionary<string, string> more,
    Func<SplitVit, IReadOnlyList<EditGradient>, GradientTransform> create
)
{
    const int SaveEvery = 100;
    const int FirstGradients = 32;
    const double LargestNorm = 100;

    public Preparation Run(
        SplitVit split,
        PreparationImages images,
        string? checkpoint,
        IProgress<PreparationProgress>? progress,
        CancellationToken cancellation
    )
    {
        settings.Validate();
        using DisposeScope scope = NewDisposeScope();
        SortedDictionary<string, string> described = settings.Describe();
        foreach ((string name, string value) in more)
            described[name] = value;
        described["images"] = images.Folders.Hash();
        Sample[] samples = Samples(split, images, progress, cancellation);
        try
        {
            GradientTransform transform = create(
                split,
                [.. samples.Take(FirstGradients).Select(s => EditGradient.Of(split, s.Spoilt, s.Label))]
            );
            (string[] names, Tensor[] leaves) = ([.. transform.Leaves.Keys], [.. transform.Leaves.Values]);
            using Adam adam = new(leaves);
            List<float> losses = [];
            if (checkpoint is not null && File.Exists(checkpoint))
                Resume(split, checkpoint, described, names, leaves, adam, losses);
            while (adam.Steps < settings.Steps)
            {
                if (cancellation.IsCancellationRequested)
                {
                    Save();
                    cancellation.ThrowIfCancellationRequested();
                }
                using DisposeScope each = NewDisposeScope();
                Random random = StableRandom.For(settings.Seed, purpose: 5, adam.Steps);
                Tensor loss = zeros([]);
                for (int b = 0; b < settings.Batch; b++)
                    loss = loss.Plus(Loss(split, transform, samples, random) / Held(settings.Batch));
                Tensor[] gradients = [.. autograd.grad([loss], leaves)];
                double norm = Math.Sqrt(gradients.Sum(g => g.Squared().sum().item<float>()));
                if (norm > LargestNorm)
                    gradients = [.. gradients.Select(g => g * Held(LargestNorm / norm))];
                adam.Step(gradients, settings.LearningRate);
                losses.Add(loss.item<float>());
                progress?.Report(
                    new PreparationProgress((int)adam.Steps, settings.Steps, losses.TakeLast(SaveEvery).Average())
                );
                if (adam.Steps % SaveEvery == 0 && adam.Steps < settings.Steps)
                    Save();
            }
            Dictionary<string, Tensor> result = names
                .Zip(leaves)
                .ToDictionary(l => l.First, l => l.Second.detach().clone());
            result["losses"] = tensor(losses.ToArray());
            return new Preparation(kind, split, described, result);

            void Save()
            {
                if (checkpoint is null || adam.Steps == 0)
                    return;
                using DisposeScope saving = NewDisposeScope();
                Dictionary<string, Tensor> tensors = names
                    .Zip(leaves)
                    .ToDictionary(l => "leaf." + l.First, l => l.Second.detach().clone());
                for (int i = 0; i < names.Length; i++)
                    (tensors["mean." + names[i]], tensors["square." + names[i]]) = (
                        adam.Means[i].clone(),
                        adam.Squares[i].clone()
                    );
                tensors["losses"] = tensor(losses.ToArray());
                using Preparation partial = new(kind + "-partial", split, described, tensors);
                partial.Save(checkpoint, overwrite: true);
            }
        }
        finally
        {
            foreach (Sample sample in samples)
                sample.Dispose();
        }
    }

    void Resume(
        SplitVit split,
        string checkpoint,
        SortedDictionary<string, string> described,
        string[] names,
        Tensor[] leaves,
        Adam adam,
        List<float> losses
    )
    {
        using Preparation partial = Preparation.Load(checkpoint);
        partial.Require(kind + "-partial", split);
        if (!partial.Settings.OrderBy(s => s.Key, StringComparer.Ordinal).SequenceEqual(described))
            throw BadInput.Mismatch(
                checkpoint,
                $"{checkpoint} holds the beginning of another meta-training (other images or "
                    + "settings); delete it to begin anew."
            );
        using IDisposable noGrad = no_grad();
        for (int i = 0; i < names.Length; i++)
        {
            leaves[i].copy_(partial.Shaped("leaf." + names[i], leaves[i].shape));
            adam.Means[i].copy_(partial.Shaped("mean." + names[i], leaves[i].shape));
            adam.Squares[i].copy_(partial.Shaped("square." + names[i], leaves[i].shape));
        }
        losses.AddRange(partial.Shaped("losses", -1).to(ScalarType.Float32).data<float>().ToArray());
        adam.Steps = losses.Count;
    }

    Tensor Loss(SplitVit split, GradientTransform transform, Sample[] samples, Random random)
    {
        int chosen = random.Next(samples.Length);
        Sample sample = samples[chosen];
        Sample[] others =
        [
            .. Enumerable
                .Range(0, settings.Others)
                .Select(_ => samples[(chosen + 1 + random.Next(samples.Length - 1)) % samples.Length]),
        ];
        Tensor[] deltas = transform.Deltas(split, EditGradient.Of(split, sample.Spoilt, sample.Label));
        Dictionary<string, Tensor> replaced = deltas
            .Select((d, m) => (Name: split.Space.MatrixName(m), Delta: d))
            .ToDictionary(d => d.Name, d => split.Model.Tensors[d.Name].Plus(d.Delta));
        using PrefixState states = PrefixState.Concat([sample.Mirrored, .. others.Select(o => o.Original)]);
        Tensor likely = log_softmax(new AutogradSuffix(split, replaced).Logits(states), 1);
        Tensor kept = cat([.. others.Select(o => o.Prediction)], 0); // log-probabilities [L,C]
        Tensor divergence = (kept.exp() * (kept - likely.narrow(0, 1, others.Length))).sum(1).mean();
        return divergence - likely[0, sample.Label] * Held(settings.EditWeight);
    }

    Sample[] Samples(
        SplitVit split,
        PreparationImages images,
        IProgress<PreparationProgress>? progress,
        CancellationToken cancellation
    )
    {
        PseudoFailures failures = new(
            images.Folders,
            images.Preprocessing,
            split.Model.Config,
            split.Space,
            settings.Seed,
            batch: 1
        );
        List<Sample> samples = [];
        try
        {
            for (int k = 0; k < settings.Samples; k++)
            {
                cancellation.ThrowIfCancellationRequested();
                using DisposeScope scope = NewDisposeScope();
                using IDisposable noGrad = no_grad();
                PseudoFailure failure = failures.Create(k);
                Tensor pixels = images.Preprocessing.ToTensor([failure.Spoilt, failure.Original]);
                using PrefixState all = split.Prefix(cat([pixels, pixels.narrow(0, 0, 1).flip(3)], 0));
                Tensor likely = log_softmax(split.Logits(all), 1);
                long right = likely[1].argmax().item<long>();
                long label =
                    likely[0].argmax().item<long>() != right ? right : likely[0].topk(2).indexes[1].item<long>();
                samples.Add(
                    new Sample(
                        all.Select([0]),
                        all.Select([2]),
                        all.Select([1]),
                        likely.narrow(0, 1, 1).clone().DetachFromDisposeScope(),
                        (int)label
                    )
                );
                progress?.Report(new PreparationProgress(k + 1, settings.Samples));
            }
            return [.. samples];
        }
        catch
        {
            samples.ForEach(s => s.Dispose());
            throw;
        }
    }

    /// <summary>
    /// A pseudo-failure, its mirror image, its original, and what the unedited model says of the original
    /// (log-probabilities <c>[1,C]</c>).
    /// </summary>
    sealed record Sample(PrefixState Spoilt, PrefixState Mirrored, PrefixState Original, Tensor Prediction, int Label)
        : IDisposable
    {
        public void Dispose()
        {
            Spoilt.Dispose();
            Mirrored.Dispose();
            Original.Dispose();
            Prediction.Dispose();
        }
    }
}
