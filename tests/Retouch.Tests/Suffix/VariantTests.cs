using Retouch.Editing;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Suffix;

/// <summary>Every architecture of the family, through every path that the plain one takes.</summary>
public sealed class VariantTests
{
    public static TheoryData<string> Variants => [.. TinyVit.Architectures.Keys];

    [Theory]
    [MemberData(nameof(Variants))]
    public void The_architecture_is_read_from_the_shapes(string variant)
    {
        VitConfig config = TinyVit.Architectures[variant];
        Assert.Equal(config, VitConfig.Infer(config.Tensors().ToDictionary(t => t.Name, t => t.Shape), config.Traits));
    }

    [Fact]
    public void Rotary_positions_of_several_stages_are_refused()
    {
        VitConfig swin = TinyVit.Architectures["swin"];
        BadInputException refused = Assert.Throws<BadInputException>(() =>
            VitConfig.Infer(
                swin.Tensors().ToDictionary(t => t.Name, t => t.Shape),
                swin.Traits with
                {
                    Rope = VitRope.Eva,
                }
            )
        );
        Assert.Contains("several stages", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("beit", 1000)]
    [InlineData("data2vec", 1000)]
    [InlineData("swin", 1024)]
    public void A_table_whose_pairs_of_tokens_no_array_holds_is_refused_by_its_name(string variant, int grid)
    {
        VitConfig config = TinyVit.Architectures[variant];
        config = config with
        {
            ImageSize = grid * config.PatchSize,
            Stages = new(config.Stages.Select(s => s with { Window = 256 })),
        };
        BadInputException refused = Assert.Throws<BadInputException>(() =>
            VitConfig.Infer(config.Tensors().ToDictionary(t => t.Name, t => t.Shape), config.Traits)
        );
        Assert.Contains("relative_position_bias_table", refused.Message, StringComparison.Ordinal);
        Assert.Contains("pairs", refused.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, int> WideVariants =>
        [.. TinyVit.Architectures.Keys.SelectMany(_ => TinyVit.Widths, (name, width) => (name, width))];

    [Theory]
    [MemberData(nameof(WideVariants))]
    public void Suffix_and_session_equal_the_plain_forward_and_its_autograd(string variant, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Of(TinyVit.Wide(TinyVit.Architectures[variant], width));
        foreach ((int first, int blocks) in ((int, int)[])[(0, 2), (1, 2), (2, 1)])
        {
            // A window lies within one stage.
            if (first == 0 && model.Config.Stages.Count > 0)
                continue;
            EditSpace space = new(model.Config, first, blocks);
            SplitVit split = new(model, space);
            Tensor pixels = TinyVit.Pixels(model, 4);
            using PrefixState state = split.Prefix(pixels);
            Assert.InRange(TinyVit.RelativeDifference(split.Logits(state), ExactPass.Logits(model, pixels)), 0, 1e-5);

            UnitSelection[] units = [TinyVit.RandomUnits(space, 0.3, 1), TinyVit.RandomUnits(space, 0.3, 2)];
            using EditSession session = new(split, state, units);
            Tensor[] deltas = TinyVit.RandomDeltas(session, 0.05);
            session.SetDeltas(deltas);
            Tensor logits = session.Logits();
            Tensor upstream = TinyVit.Normal(7, logits.shape);
            Tensor[] gradients = session.Gradients(upstream);
            for (int e = 0; e < 2; e++)
            {
                using WeightDelta delta = session.Delta(e, deltas);
                using WeightDelta gathered = session.Delta(e, gradients);
                (Tensor expected, var exact) = ExactPass.Of(
                    model,
                    pixels.narrow(0, 2 * e, 2),
                    delta,
                    upstream.narrow(0, 2 * e, 2)
                );
                Assert.InRange(TinyVit.RelativeDifference(logits.narrow(0, 2 * e, 2), expected), 0, 1e-5);
                using PrefixState own = state.Select([2 * e, 2 * e + 1]);
                Assert.InRange(TinyVit.RelativeDifference(split.Logits(own, delta), expected), 0, 1e-5);
                for (int m = 0; m < space.Matrices; m++)
                    Assert.InRange(TinyVit.MaxDifference(gathered.Rows[m], exact[m].Rows), 0, 1e-4 * exact[m].Largest);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Methods_edit_it_or_say_why_not(string variant)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Of(TinyVit.Architectures[variant]);
        SplitVit split = new(model);
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, 1));
        int label = (int)split.Logits(state).argmin(1).item<long>();
        IEditor[] editors =
        [
            new MaskedFineTuning(
                new GradientLocator(),
                new MaskedFineTuningSettings { LearningRate = 0.01, KeepRatio = 0.3 }
            ),
            new Lora(),
        ];
        foreach (IEditor editor in editors)
        {
            using EditResult result = editor.Edit(split, [new Failure(state, label)])[0];
            Assert.True(result.Success, editor.Name);
            using VitModel edited = PatchLedger.Apply(model, [result.Patch]);
            Assert.Equal(model.Config, edited.Config);
        }
        if (model.Config.UnfitForClassUnits is not null)
            Assert.Contains(
                "[CLS]",
                Assert.Throws<BadInputException>(() => KnowledgeNeurons.Attribute(split, state, label, 2)).Message,
                StringComparison.Ordinal
            );
        else
            Assert.True(KnowledgeNeurons.Attribute(split, state, label, 2).Attributions.isfinite().all().item<bool>());
    }

    [Theory]
    [InlineData("attn_pool.latent", "is missing")]
    [InlineData("blocks.0.attn.q_norm.weight", "3 attention heads are stated")]
    [InlineData("dist_token", "does not belong")]
    [InlineData("blocks.0.attn.relative_position_bias_table", "2 dimensions")]
    [InlineData("blocks.0.mlp.w12.weight", "SwiGLU")]
    [InlineData("blocks.0.something.weight", "not supported")]
    [InlineData("fc_norm.weight", "is missing")]
    public void What_is_not_supported_is_refused_by_the_name_that_gave_it_away(string name, string what)
    {
        Dictionary<string, long[]> shapes = TinyVit.Variants["plain"].Tensors().ToDictionary(t => t.Name, t => t.Shape);
        shapes[name] = [24];
        string message = Assert
            .Throws<BadInputException>(() => VitConfig.Infer(shapes, new VitTraits { Heads = 3 }))
            .Message;
        Assert.Contains(what, message, StringComparison.Ordinal);
        Assert.Contains(name == "fc_norm.weight" ? "norm" : name, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(192, 3)]
    [InlineData(768, 12)]
    [InlineData(1152, 16)]
    [InlineData(1280, 16)]
    [InlineData(1408, 16)]
    public void Heads_are_those_of_published_models_of_this_width(int width, int heads)
    {
        VitConfig config = TinyVit.Variants["plain"] with { Width = width, Heads = heads, MlpWidth = 8, Depth = 1 };
        Assert.Equal(heads, VitConfig.Infer(config.Tensors().ToDictionary(t => t.Name, t => t.Shape)).Heads);
    }
}
