using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Tests.Editing;

/// <summary>Knowledge neurons, T-Patcher and RefineViT.</summary>
public sealed class UnitMethodTests
{
    [Fact]
    public void Attributions_sum_to_what_the_layer_adds_to_the_probability()
    {
        // of the last block [CLS] alone counts, so that the layer can be switched off by its weights
        using MethodBed bed = new(first: 4, blocks: 1);
        using TensorDelta off = new(
            bed.Split.Space,
            new Dictionary<string, TensorChange>
            {
                [VitNames.Block(4, "mlp.fc2.weight")] = TensorChange.Add(-bed.Weight(4, "mlp.fc2.weight")),
            }
        );
        Tensor added = (softmax(bed.Split.Logits(bed.State), 1) - softmax(bed.Split.Logits(bed.State, off), 1))[0];
        int label = (int)added.abs().argmax().item<long>();
        (Tensor attributions, Tensor activations) = KnowledgeNeurons.Attribute(
            bed.Split,
            bed.State,
            label,
            points: 400
        );
        Assert.True(added.abs()[label].item<float>() > 1e-3, $"{added}");
        Assert.Equal(1, attributions.sum().item<float>() / added[label].item<float>(), 1e-2);
        Assert.InRange(TinyVit.MaxDifference(activations[0], bed.Keys(bed.Pixels, 4)[0, 0]), 0, 1e-5);
    }

    [Fact]
    public void Knowledge_neurons_get_other_values_and_those_of_many_images_stay()
    {
        using MethodBed bed = new();
        using Preparation statistics = bed.Prepare(new NeuronStatistics(points: 4));
        using EditResult all = new KnowledgeNeurons(null, new() { MostNeurons = 6, Gain = 4 }).Edit(
            bed.Split,
            [bed.Failure]
        )[0];
        UnitSelection units = all.Patch.Delta.Units;
        Assert.InRange(units.Count, 1, 6);
        Assert.True(units[0].IsEmpty && units[2].IsEmpty);
        Assert.True(bed.Loss(all.Patch.Delta) < bed.Loss(null));

        using EditResult few = new KnowledgeNeurons(
            statistics,
            new()
            {
                MostNeurons = 6,
                Gain = 4,
                MaxShare = 0,
            }
        ).Edit(bed.Split, [bed.Failure])[0];
        Tensor shares = statistics["shares"];
        for (int j = 0; j < 2; j++)
            Assert.All(few.Patch.Delta.Units[2 * j + 1].ToArray(), u => Assert.Equal(0, shares[j, u].item<float>()));
        Assert.True(shares.max().item<float>() > 0);
        Assert.Contains(
            "neurons",
            Assert.Throws<BadInputException>(() => new KnowledgeNeurons(null, new() { MaxShare = 0.5 })).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void TPatchers_neuron_speaks_for_the_image_and_is_silent_on_the_memory()
    {
        using MethodBed bed = new();
        using Preparation memory = bed.Prepare(new QueryMemory());
        Tensor queries = bed.Read(bed.OrdinaryPixels(), 4).select(1, 0);
        Assert.InRange(TinyVit.MaxDifference(queries, memory["queries"]), 0, 1e-4);
        TPatcherSettings settings = new() { LearningRate = 0.05, StopLoss = 0.05 };
        using EditResult result = new TPatcher(memory, settings).Edit(bed.Split, [bed.Failure])[0];
        Assert.True(
            result.Success && result.Steps < settings.MaxSteps,
            $"{result.Steps} steps, loss {result.Losses[^1]}"
        );
        TensorDelta delta = (TensorDelta)result.Patch.Change;
        Tensor key = delta.Changes[VitNames.Block(4, "mlp.fc1.weight")].Tensors[0];
        Tensor bias = delta.Changes[VitNames.Block(4, "mlp.fc1.bias")].Tensors[0];
        Assert.Equal([1, 24], key.shape);
        Assert.InRange(gelu(mm(queries, key.t()) + bias).abs().max().item<float>(), 0, 0.005);
        Assert.True((mm(bed.Read(bed.Pixels, 4).select(1, 0), key.t()) + bias).item<float>() > 0);

        // Silent neurons change nothing.
        using PrefixState ordinary = bed.Split.Prefix(bed.OrdinaryPixels());
        Assert.InRange(
            TinyVit.RelativeDifference(bed.Split.Logits(ordinary, delta), bed.Split.Logits(ordinary)),
            0,
            0.05
        );
        Assert.Equal(result.Losses[^1], bed.Loss(delta), 1e-3);
    }

    [Fact]
    public void RefineVits_ablated_heads_contribute_nothing_and_its_projection_corrects()
    {
        using MethodBed bed = new();
        using Preparation tokens = bed.Prepare(new TokenMemory());
        using EditResult result = new RefineVit(
            tokens,
            new()
            {
                Heads = 3,
                LearningRate = 0.02,
                Locality = 1,
            }
        ).Edit(bed.Split, [bed.Failure])[0];
        Assert.True(result.Success);
        TensorDelta delta = (TensorDelta)result.Patch.Change;
        int ablated = 0;
        foreach (string name in delta.Names.Where(n => n.EndsWith("attn.proj.weight", StringComparison.Ordinal)))
        {
            Tensor before = bed.Model.Tensors[name];
            Tensor after = delta.Apply(name, before);
            for (int head = 0; head < 3; head++)
            {
                Tensor columns = after.narrow(1, 8 * head, 8);
                if (columns.abs().max().item<float>() < 1e-6)
                    ablated++;
                else
                    Assert.Equal(0, TinyVit.MaxDifference(columns, before.narrow(1, 8 * head, 8)));
            }
        }
        Assert.InRange(ablated, 1, 3);
        Assert.Equal(result.Losses[^1], bed.Loss(delta), 1e-3);
    }

    [Fact]
    public void A_heavier_locality_moves_the_representation_of_ordinary_images_less()
    {
        using MethodBed bed = new();
        using Preparation tokens = bed.Prepare(new TokenMemory());
        using PrefixState ordinary = bed.Split.Prefix(bed.OrdinaryPixels());
        double[] moved =
        [
            .. ((double[])[0.01, 1000]).Select(weight =>
            {
                using EditResult result = new RefineVit(
                    tokens,
                    new()
                    {
                        Heads = 0,
                        Locality = weight,
                        LearningRate = 0.01,
                        MaxSteps = 60,
                        StopLoss = 0,
                    }
                ).Edit(bed.Split, [bed.Failure])[0];
                return TinyVit.MaxDifference(
                    bed.Split.Logits(ordinary, result.Patch.Change),
                    bed.Split.Logits(ordinary)
                );
            }),
        ];
        Assert.True(moved[1] < 0.5 * moved[0], string.Join(", ", moved));
    }
}
