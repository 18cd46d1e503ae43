using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Locating;

public sealed class FamilyLocatorTests
{
    public static TheoryData<string, LocatorInput> FamiliesAndInputs =>
        [
            .. TinyVit.Families.Keys.SelectMany(f =>
                (TheoryDataRow<string, LocatorInput>[])
                    [new(f, LocatorInput.FeatureAndError), new(f, LocatorInput.FeatureAndGradient)]
            ),
        ];

    [Theory]
    [MemberData(nameof(FamiliesAndInputs))]
    public void A_locator_is_trained_for_a_family_and_masks_its_units(string family, LocatorInput input)
    {
        using DisposeScope scope = NewDisposeScope();
        using MetaWorld world = new(config: TinyVit.Families[family]);
        using TargetBankFiller filler = world.Filler(
            MetaWorld.Quick with
            {
                OrdinaryImages = 2,
                SignSteps = true,
                Locality = 0.5,
                Density = 0.3,
            }
        );
        EditSpace space = world.Split.Space;
        filler.Fill(world.Bank("bank", filler), 6, workers: 1);
        using TargetSamples samples = world.Bank("bank", filler).ReadFirst(6);
        Assert.Equal([6, space.Matrices, space.Hidden], samples.Targets.shape);
        Assert.InRange(samples.Targets.mean().item<float>(), 0.01, 0.99);

        LocatorTrainingSettings settings = new()
        {
            Blocks = 1,
            Batch = 3,
            StepsPerBatch = 2,
            Schedule = 200,
            LearningRate = 1e-3,
            Input = input,
        };
        using LocatorTraining training = LocatorTraining.Start(space, settings);
        new LocatorTrainer(world.Model, training, every: 1).FromBank(samples, epochs: 2, heldOut: 2);

        Tensor pixels = TinyVit.Pixels(world.Model, 1);
        using PrefixState state = world.Split.Prefix(pixels);
        Mask mask = new HypernetworkLocator(training.Network).Locate(world.Split, new Failure(state, 1));
        Assert.InRange(mask.Keep(0.5).Count, space.Units / 4, space.Units / 2);
    }
}
