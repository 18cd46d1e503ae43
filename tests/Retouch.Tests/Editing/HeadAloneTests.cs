using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Tests.Editing;

public sealed class HeadAloneTests : IDisposable
{
    readonly MethodBed _bed = new();
    readonly Preparation _memory;

    public HeadAloneTests() => _memory = _bed.Prepare(new HeadMemory());

    public void Dispose()
    {
        _memory.Dispose();
        _bed.Dispose();
    }

    [Fact]
    public void The_memory_is_what_the_classifier_reads_in_half_precision()
    {
        using PrefixState state = _bed.Split.Prefix(_bed.OrdinaryPixels());
        Tensor features = _memory["features"];
        Assert.Equal(ScalarType.Float16, features.dtype);
        Assert.InRange(
            TinyVit.RelativeDifference(features.to(ScalarType.Float32), _bed.Split.ClassFeatures(state)),
            0,
            1e-3
        );
    }

    [Fact]
    public void The_first_step_is_Adams_on_the_cross_entropy_alone()
    {
        // What the model says of ordinary images is where its divergence is least: no gradient.
        using EditResult result = Edit(
            new()
            {
                LearningRate = 0.01,
                MaxSteps = 1,
                Weight = 100,
            }
        );
        Tensor own = _bed.Split.ClassFeatures(_bed.State); // [1,D]
        Tensor logits = _bed.Split.Logits(_bed.State);
        Tensor outer = softmax(logits, 1) - one_hot(tensor([(long)_bed.Label]), logits.shape[1]); // [1,C]
        TensorDelta delta = (TensorDelta)result.Patch.Change;
        Assert.Equal([VitNames.HeadBias, VitNames.HeadWeight], delta.Names);
        // Of a first step Adam keeps the sign.
        Tensor gradient = mm(outer.t(), own);
        Tensor clear = gradient.abs().gt(1e-3);
        Tensor change = delta.Apply(VitNames.HeadWeight, zeros_like(gradient));
        Assert.True(clear.sum().item<long>() > 20);
        Assert.InRange(
            TinyVit.MaxDifference(change.masked_select(clear), gradient.sign().masked_select(clear) * -0.01),
            0,
            1e-4
        );
    }

    [Fact]
    public void A_larger_weight_keeps_more_of_what_the_model_says_of_ordinary_images()
    {
        double[] divergences =
        [
            .. ((double[])[0, 1, 30]).Select(weight =>
            {
                using EditResult result = Edit(
                    new()
                    {
                        Weight = weight,
                        LearningRate = 0.01,
                        StopLoss = 0.1,
                        MaxSteps = 500,
                    }
                );
                Assert.True(result.Success, $"{weight}");
                Assert.InRange(_bed.Loss(result.Patch.Change), 0, 0.1);
                using PrefixState state = _bed.Split.Prefix(_bed.OrdinaryPixels());
                Tensor before = log_softmax(_bed.Split.Logits(state), 1);
                Tensor after = log_softmax(_bed.Split.Logits(state, result.Patch.Change), 1);
                return (double)(before.exp() * (before - after)).sum(1).mean().item<float>();
            }),
        ];
        Assert.True(divergences[0] > 1.5 * divergences[1], string.Join(' ', divergences));
        Assert.True(divergences[1] > 2 * divergences[2], string.Join(' ', divergences));
    }

    [Fact]
    public void A_model_that_averages_its_patches_has_a_head_to_retrain()
    {
        using VitModel model = TinyVit.Of(TinyVit.Variants["average"]);
        SplitVit split = new(model, new EditSpace(model.Config, model.Config.Depth - 1, 1));
        using PrefixState others = split.Prefix(TinyVit.Pixels(model, 9, seed: 5));
        using Preparation memory = new(
            HeadMemory.Kind,
            split,
            new Dictionary<string, string>(),
            new Dictionary<string, Tensor> { ["features"] = split.ClassFeatures(others) }
        );
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, 1));
        int label = (int)split.Logits(state).argmin(1).item<long>();
        using EditResult result = new HeadAlone(memory, new() { LearningRate = 0.01, Weight = 1 }).Edit(
            split,
            [new(state, label)]
        )[0];
        Assert.True(result.Success);
    }

    [Fact]
    public void Without_a_weight_it_needs_no_preparation()
    {
        using EditResult without = new HeadAlone().Edit(_bed.Split, [_bed.Failure])[0];
        using EditResult with = Edit(new());
        Assert.True(without.Success);
        Assert.Equal(_bed.Loss(with.Patch.Change), _bed.Loss(without.Patch.Change));
        Assert.Contains(
            "'features'",
            Assert.Throws<BadInputException>(() => new HeadAlone(null, new() { Weight = 1 })).Message,
            StringComparison.Ordinal
        );
        Method method = Methods.Find("head-alone");
        Assert.Null(method.PreparationUsed(new Dictionary<string, string>()));
        Assert.Equal("features", method.PreparationUsed(new Dictionary<string, string> { ["weight"] = "1" }));
    }

    [Fact]
    public void A_weight_below_zero_is_named() =>
        Assert.Contains(
            "weight of the divergence",
            Assert.Throws<BadInputException>(() => new HeadAlone(_memory, new() { Weight = -1 })).Message,
            StringComparison.Ordinal
        );

    EditResult Edit(HeadAloneSettings settings) => new HeadAlone(_memory, settings).Edit(_bed.Split, [_bed.Failure])[0];
}
