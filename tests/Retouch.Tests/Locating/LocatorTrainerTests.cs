using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Locating;

public sealed class LocatorTrainerTests
{
    static readonly LocatorTrainingSettings Quick = new()
    {
        Blocks = 1,
        Batch = 4,
        StepsPerBatch = 2,
        Schedule = 200,
        LearningRate = 1e-3,
    };

    [Fact]
    public void Training_interrupted_anywhere_gives_the_same_checkpoint_as_one_that_never_stopped()
    {
        using MetaWorld world = new();
        using TargetSamples samples = Samples(world, 40);
        string whole = world.Folder("whole");
        string stopped = world.Folder("stopped");
        using (LocatorTraining training = LocatorTraining.Start(world.Split.Space, Quick))
            new LocatorTrainer(world.Model, training, every: 3, t => LocatorCheckpoint.Save(t, "data", whole)).FromBank(
                samples,
                epochs: 4,
                heldOut: 8
            );

        // Once between two points of the curves and once at one.
        foreach (int stopAt in (int[])[4, 9, 14, int.MaxValue])
        {
            using LocatorTraining training = File.Exists(stopped)
                ? LocatorCheckpoint.Load(stopped, "data", Quick)
                : LocatorTraining.Start(world.Split.Space, Quick);
            using CancellationTokenSource stop = new();
            LocatorTrainer trainer = new(
                world.Model,
                training,
                every: 3,
                t => LocatorCheckpoint.Save(t, "data", stopped),
                new At(p =>
                {
                    if (p.Batches == stopAt)
                        stop.Cancel();
                })
            );
            if (stopAt == int.MaxValue)
                trainer.FromBank(samples, epochs: 4, heldOut: 8, stop.Token);
            else
                Assert.ThrowsAny<OperationCanceledException>(() =>
                    trainer.FromBank(samples, epochs: 4, heldOut: 8, stop.Token)
                );
        }
        Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(stopped));
    }

    [Fact]
    public void Online_training_resumed_from_a_checkpoint_gives_the_same_as_one_that_never_stopped()
    {
        using MetaWorld world = new();
        using TargetBankFiller filler = world.Filler();
        string whole = world.Folder("whole");
        string killed = world.Folder("killed");
        LocatorTrainingSettings settings = Quick with { Batch = 2 };
        using (LocatorTraining training = LocatorTraining.Start(world.Split.Space, settings))
            new LocatorTrainer(world.Model, training, every: 2, t => LocatorCheckpoint.Save(t, "data", whole)).Online(
                filler,
                batches: 7,
                workers: 2
            );
        // What a kill leaves is the checkpoint of the last point.
        using (LocatorTraining training = LocatorTraining.Start(world.Split.Space, settings))
            Assert.Throws<InvalidDataException>(() =>
                new LocatorTrainer(
                    world.Model,
                    training,
                    every: 2,
                    t => LocatorCheckpoint.Save(t, "data", killed),
                    new At(p =>
                    {
                        if (p.Batches == 5)
                            throw new InvalidDataException();
                    })
                ).Online(filler, batches: 7, workers: 1)
            );
        using (LocatorTraining training = LocatorCheckpoint.Load(killed, "data", settings))
        {
            Assert.Equal(4, training.Batches);
            new LocatorTrainer(world.Model, training, every: 2, t => LocatorCheckpoint.Save(t, "data", killed)).Online(
                filler,
                batches: 7,
                workers: 1
            );
        }
        Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(killed));
    }

    [Fact]
    public void A_hypernetwork_learns_to_tell_features_apart()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        SplitVit split = new(model);
        using Generator generator = new(1, CPU);
        // Which units a target has follows from the sign of the feature's first value.
        Tensor features = randn([200, split.Space.Width], generator: generator);
        Tensor side = features.narrow(1, 0, 1).unsqueeze(2).gt(0).to(ScalarType.Float32); // [N,1,1]
        Tensor half = arange(split.Space.Hidden).lt(split.Space.Hidden / 2).to(ScalarType.Float32).view(1, 1, -1);
        Tensor targets = (side * half + (1 - side) * (1 - half))
            .expand(200, split.Space.Matrices, split.Space.Hidden)
            .mul(0.9)
            .add(0.05);
        using TargetSamples samples = new(
            0,
            features,
            zeros_like(features),
            targets.contiguous(),
            ones_like(targets),
            zeros([200, 3])
        );
        using LocatorTraining training = LocatorTraining.Start(split.Space, Quick with { Schedule = 800 });
        new LocatorTrainer(model, training, every: 50).FromBank(samples, epochs: 20, heldOut: 40);

        TrainingPoint last = training.Curve[^1];
        Assert.True(
            training.BestLoss < 0.6 * last.MeanMaskLoss,
            $"{training.BestLoss} against {last.MeanMaskLoss} of the mean"
        );
        Assert.Equal(training.BestLoss, training.Curve.Min(p => p.HeldOutLoss));
        Assert.Equal(
            training.BestLoss,
            LocatorTraining.Loss(training.Best!, features.narrow(0, 160, 40), targets.narrow(0, 160, 40)),
            1e-6
        );
        Assert.True(last.OutputDifference > 0.2);
    }

    [Fact]
    public void A_hypernetwork_that_sees_gradients_learns_from_them()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        SplitVit split = new(model);
        using Generator generator = new(1, CPU);
        // A target follows from the gradient alone: the units at which it pulls less than the median.
        Tensor gradients = rand([200, split.Space.Matrices, split.Space.Hidden], generator: generator);
        Tensor targets = gradients.lt(0.5).to(ScalarType.Float32).mul(0.9).add(0.05);
        Tensor features = randn([200, split.Space.Width], generator: generator);
        using TargetSamples samples = new(0, features, zeros_like(features), targets, gradients, zeros([200, 3]));
        foreach (
            (LocatorInput input, bool learns) in (IEnumerable<(LocatorInput, bool)>)
                [(LocatorInput.FeatureAndGradient, true), (LocatorInput.Feature, false)]
        )
        {
            using LocatorTraining training = LocatorTraining.Start(
                split.Space,
                Quick with
                {
                    Schedule = 800,
                    Input = input,
                    LearningRate = 3e-3,
                }
            );
            new LocatorTrainer(model, training, every: 50).FromBank(samples, epochs: 20, heldOut: 40);
            Assert.Equal(learns, training.BestLoss < 0.7 * training.Curve[^1].MeanMaskLoss);
        }
        using Hypernetwork network = Hypernetwork.Create(split.Space, 1, 3, null, 0, LocatorInput.FeatureAndGradient);
        Assert.Throws<ArgumentException>(() => network.Forward(features));
    }

    [Fact]
    public void The_first_step_is_PyTorchs_RMSprop_on_a_tenth_of_the_cross_entropy()
    {
        using DisposeScope scope = NewDisposeScope();
        using MetaWorld world = new();
        using TargetSamples samples = Samples(world, 4);
        using LocatorTraining training = LocatorTraining.Start(world.Split.Space, Quick with { StepsPerBatch = 1 });
        using Hypernetwork other = training.Network.Clone();
        foreach (Tensor tensor in other.Tensors.Values)
            tensor.requires_grad_(true);
        Dictionary<string, Tensor> before = other.Tensors.ToDictionary(t => t.Key, t => t.Value.detach().clone());
        (nn.functional.binary_cross_entropy(other.Forward(samples.Features), samples.Targets) * 0.1).backward();
        training.Learn(samples.Features, samples.Targets);
        foreach ((string name, Tensor tensor) in other.Tensors)
        {
            Tensor gradient = tensor.grad!;
            Tensor expected = before[name] - 1e-3 * gradient / ((0.01 * gradient * gradient).sqrt() + 1e-8);
            Assert.True(TinyVit.MaxDifference(expected, training.Network.Tensors[name]) < 1e-4, name);
        }
    }

    [Fact]
    public void The_step_size_falls_along_a_cosine_to_zero()
    {
        LocatorTrainingSettings settings = new();
        Assert.Equal(1e-4, settings.Rate(0), 1e-12);
        Assert.Equal(0.5e-4, settings.Rate(10_000), 1e-12);
        Assert.Equal(0, settings.Rate(20_000), 1e-12);
    }

    [Fact]
    public void A_checkpoint_of_other_data_or_settings_is_refused_with_both_named()
    {
        using MetaWorld world = new();
        string path = world.Folder("checkpoint");
        using LocatorTraining training = LocatorTraining.Start(world.Split.Space, Quick);
        LocatorCheckpoint.Save(training, "apples", path);
        Assert.Contains(
            "apples, not pears",
            Assert.Throws<BadInputException>(() => LocatorCheckpoint.Load(path, "pears", Quick)).Message,
            StringComparison.Ordinal
        );
        string message = Assert
            .Throws<BadInputException>(() => LocatorCheckpoint.Load(path, "apples", Quick with { Batch = 5 }))
            .Message;
        Assert.Contains("batch 4", message, StringComparison.Ordinal);
        Assert.Contains("batch 5", message, StringComparison.Ordinal);
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
        Assert.Throws<BadInputException>(() => LocatorCheckpoint.Load(path, "apples", Quick));
    }

    [Fact]
    public void A_locator_keeps_its_provenance_and_its_masks_in_half_precision()
    {
        using MetaWorld world = new();
        using TargetBankFiller filler = world.Filler();
        using TargetSamples samples = Samples(world, 8);
        using LocatorTraining training = LocatorTraining.Start(world.Split.Space, Quick with { MlpWidth = 10 });
        LocatorProvenance provenance = new()
        {
            Targets = filler.Manifest,
            Count = 8,
            Training = Quick.Describe(),
            Batches = 3,
            HeldOutLoss = 0.5,
            MeanMaskLoss = 0.6,
        };
        foreach (bool half in (bool[])[false, true])
        {
            string path = world.Folder($"locator{half}");
            HypernetworkFile.Save(training.Network, provenance, path, half, overwrite: false);
            LocatorProvenance read = HypernetworkFile.Provenance(path)!;
            Assert.Equal(filler.Manifest.Identity(), read.Targets.Identity());
            Assert.Equal((8, 3, 0.5, 0.6), (read.Count, read.Batches, read.HeldOutLoss, read.MeanMaskLoss));
            using Hypernetwork loaded = HypernetworkFile.Load(path);
            Assert.Equal(10, loaded.MlpWidth);
            double difference = TinyVit.MaxDifference(
                training.Network.Forward(samples.Features),
                loaded.Forward(samples.Features)
            );
            Assert.True(half ? difference < 5e-3 : difference == 0, $"masks differ by {difference}");
        }
    }

    static TargetSamples Samples(MetaWorld world, int count)
    {
        using TargetBankFiller filler = world.Filler();
        return filler.SolveRange(0, count);
    }

    sealed class At(Action<TrainingProgress> tell) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => tell(value);
    }
}
