using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Tests.Editing;

public sealed class FineTuningTests : IDisposable
{
    const double Rate = 3e-3;

    readonly MethodBed _bed = new();

    public void Dispose() => _bed.Dispose();

    [Fact]
    public void Without_the_plain_first_step_it_is_masked_fine_tuning_of_every_unit()
    {
        using EditResult ft = Edit(new() { LearningRate = Rate, FirstStepPlain = false });
        using EditResult masked = new MaskedFineTuning(
            new AllLocator(),
            new() { KeepRatio = 1, LearningRate = Rate }
        ).Edit(_bed.Split, [_bed.Failure])[0];
        Assert.Equal(masked.Steps, ft.Steps);
        Assert.All(masked.Losses.Zip(ft.Losses), l => Assert.Equal(l.First, l.Second, 1e-3f * l.First));
        Assert.True(ft.Success && ft.Steps > 1);
        for (int m = 0; m < ft.Patch.Delta.Rows.Count; m++)
            Assert.InRange(TinyVit.RelativeDifference(ft.Patch.Delta.Rows[m], masked.Patch.Delta.Rows[m]), 0, 1e-3);
    }

    [Fact]
    public void The_first_step_is_one_of_plain_gradient_descent()
    {
        using EditResult ft = Edit(new() { LearningRate = Rate, MaxSteps = 1 });
        using EditSession session = new(_bed.Split, _bed.State, [UnitSelection.All(_bed.Split.Space)]);
        Tensor logits = session.Logits();
        Tensor[] gradients = session.Gradients(
            softmax(logits, 1) - one_hot(tensor([(long)_bed.Label]), logits.shape[1])
        );
        for (int m = 0; m < gradients.Length; m++)
            Assert.InRange(TinyVit.RelativeDifference(ft.Patch.Delta.Rows[m], gradients[m][0] * -Rate), 0, 1e-5);
    }

    [Theory]
    [InlineData(FineTuningPenalty.L1)]
    [InlineData(FineTuningPenalty.L2)]
    public void A_stronger_penalty_changes_less_and_an_endless_one_nothing(FineTuningPenalty penalty)
    {
        double[] norms =
        [
            .. ((double[])[0, 0.01, 1, 1e9]).Select(strength =>
            {
                using EditResult result = Edit(
                    new()
                    {
                        Penalty = penalty,
                        Strength = strength,
                        LearningRate = Rate,
                        MaxSteps = 8,
                        StopLoss = 0,
                    }
                );
                return result.Patch.Delta.Norms().Sum();
            }),
        ];
        Assert.True(norms[0] > norms[1] && norms[1] > norms[2] && norms[2] >= norms[3], string.Join(", ", norms));
        Assert.InRange(norms[3], 0, 1e-6);
    }

    [Fact]
    public void An_l1_penalty_leaves_most_weights_exactly_as_they_are()
    {
        using EditResult plain = Edit(new() { LearningRate = Rate, MaxSteps = 8 });
        using EditResult sparse = Edit(
            new()
            {
                Penalty = FineTuningPenalty.L1,
                Strength = 0.1,
                LearningRate = Rate,
                MaxSteps = 8,
            }
        );
        Assert.True(Zeros(plain) < 0.05 && Zeros(sparse) > 0.5, $"{Zeros(plain)} {Zeros(sparse)}");

        static double Zeros(EditResult result) =>
            cat([.. result.Patch.Delta.Rows], 0).eq(0).to(ScalarType.Float32).mean().item<float>();
    }

    [Fact]
    public void Settings_out_of_range_are_named()
    {
        Assert.Contains(
            "strength",
            Assert.Throws<BadInputException>(() => new FineTuning(new() { Strength = 1 })).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "learning rate",
            Assert.Throws<BadInputException>(() => new FineTuning(new() { LearningRate = double.NaN })).Message,
            StringComparison.Ordinal
        );
    }

    EditResult Edit(FineTuningSettings settings) => new FineTuning(settings).Edit(_bed.Split, [_bed.Failure])[0];
}
