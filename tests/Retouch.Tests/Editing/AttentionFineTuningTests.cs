using Retouch.Benchmarks;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Tests.Editing;

public sealed class AttentionFineTuningTests
{
    [Theory]
    [InlineData(0, 2, 24)] // cut at the embedding
    [InlineData(0, 2, 48)]
    [InlineData(2, 3, 24)] // the last block, whose attention is computed for [CLS] alone
    [InlineData(2, 3, 48)]
    public void It_is_RMSprop_on_the_windows_attention_by_the_plain_forward(int first, int blocks, int width)
    {
        const int steps = 4;
        const int label = 3;
        const double rate = 1e-3;
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: 5, width: width, hidden: width / 24 * 40);
        Tensor pixels = TinyVit.Pixels(model, 2);
        SplitVit split = new(model, new EditWindow(EditLayers.Msa, first, blocks).Space(model.Config));
        using PrefixState state = split.Prefix(pixels);
        Assert.InRange(TinyVit.MaxDifference(model.Logits(pixels), split.Logits(state)), 0, 1e-4);
        using EditResult result = new AttentionFineTuning(
            first,
            blocks,
            new()
            {
                LearningRate = rate,
                MaxSteps = steps,
                StopLoss = 0,
            }
        ).Edit(split, [new Failure(state, label)])[0];

        string[] names =
        [
            .. Enumerable
                .Range(first, blocks)
                .SelectMany(b => (string[])[$"blocks.{b}.attn.qkv.weight", $"blocks.{b}.attn.proj.weight"]),
        ];
        Assert.Equal(names.Order(StringComparer.Ordinal), result.Patch.Change.Names);
        Dictionary<string, Tensor> weights = model.Tensors.ToDictionary(t => t.Key, t => t.Value.alias());
        Dictionary<string, Tensor> squares = [];
        List<float> losses = [];
        for (int step = 0; step < steps; step++)
        {
            foreach (string name in names)
                weights[name] = weights[name].detach().requires_grad_();
            Tensor loss = cross_entropy(model.Logits(pixels, weights), full(2, label, ScalarType.Int64));
            losses.Add(loss.item<float>());
            IList<Tensor> gradients = autograd.grad([loss], [.. names.Select(n => weights[n])]);
            foreach ((int i, string name) in names.Index())
            {
                squares[name] =
                    (squares.TryGetValue(name, out Tensor? old) ? old * 0.99 : zeros_like(gradients[i]))
                    + gradients[i] * gradients[i] * 0.01;
                weights[name] = weights[name].detach() - gradients[i] / (squares[name].sqrt() + 1e-8) * rate;
            }
        }
        for (int i = 0; i < steps; i++)
            Assert.Equal(losses[i], result.Losses[i], 1e-3f);
        Assert.True(losses[^1] < losses[0]);
        using DisposeScope each = NewDisposeScope();
        Tensor edited = split.Logits(state, result.Patch.Change);
        Tensor expected = model.Logits(pixels, weights.ToDictionary(w => w.Key, w => w.Value.detach()));
        Assert.InRange(TinyVit.RelativeDifference(edited, expected), 0, 1e-2);
    }

    [Fact]
    public void A_window_before_the_cut_is_refused_with_what_can_be_edited()
    {
        using MethodBed bed = new(images: 1, first: 1, blocks: 2);
        Assert.Contains(
            "blocks 2 to 4 can",
            Assert
                .Throws<BadInputException>(() => new AttentionFineTuning(1, 2).Edit(bed.Split, [bed.Failure]))
                .Message,
            StringComparison.Ordinal
        );
        Assert.Throws<BadInputException>(() => new AttentionFineTuning(3, 3).Edit(bed.Split, [bed.Failure]));
        Assert.Throws<BadInputException>(() => new AttentionFineTuning(2, 2, new() { LearningRate = 0 }));
    }
}
