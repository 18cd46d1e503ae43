using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Suffix;

public sealed class SplitVitTests
{
    [Theory]
    [InlineData(1, 2, 24)]
    [InlineData(1, 2, 48)]
    [InlineData(3, 2, 24)] // the last block
    [InlineData(3, 2, 48)] // the last block
    [InlineData(0, 1, 24)]
    [InlineData(0, 1, 48)]
    public void A_prefix_under_an_edited_model_takes_one_FFN(int first, int blocks, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: 5, width: width, hidden: width / 24 * 40);
        EditSpace space = new(model.Config, first, blocks);
        SplitVit split = new(model, space);
        using WeightDelta delta = RandomDelta(space, 0.5, 3, 0.3);
        using VitModel edited = new(
            model.Tensors.ToDictionary(
                t => t.Key,
                t => delta.Names.Contains(t.Key) ? delta.Apply(t.Key, t.Value) : t.Value.alias()
            ),
            model.Config.Heads
        );
        Tensor pixels = TinyVit.Pixels(model, 19);
        SplitVit after = new(edited, space);
        using PrefixState state = split.Prefix(pixels);
        using PrefixState rebased = after.Rebase(state);
        using PrefixState expected = after.Prefix(pixels);
        Assert.Equal(0, TinyVit.MaxDifference(expected.Residual, rebased.Residual));
        Assert.InRange(TinyVit.MaxDifference(expected.Output, rebased.Output), 0, 1e-5);
        Assert.InRange(TinyVit.MaxDifference(state.Output, rebased.Output), 0.01, double.MaxValue);
        Assert.InRange(TinyVit.MaxDifference(edited.Logits(pixels), after.Logits(rebased)), 0, 1e-4);
        Assert.Throws<ArgumentException>(() => new SplitVit(edited).Rebase(state).Dispose());
    }

    [Theory]
    [InlineData(4, 1, 3, 24)] // the last editable block is the last block
    [InlineData(4, 1, 3, 48)] // the last editable block is the last block
    [InlineData(5, 1, 2, 24)]
    [InlineData(5, 1, 2, 48)]
    [InlineData(4, 0, 3, 24)]
    [InlineData(4, 0, 3, 48)]
    [InlineData(3, 2, 1, 24)] // the only editable block is the last block
    [InlineData(3, 2, 1, 48)] // the only editable block is the last block
    public void Unedited_suffix_equals_the_plain_forward(int depth, int first, int blocks, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: depth, width: width, hidden: width / 24 * 40);
        SplitVit split = new(model, new EditSpace(model.Config, first, blocks));
        using Tensor pixels = TinyVit.Pixels(model, 19);
        using PrefixState state = split.Prefix(pixels);
        Assert.True(TinyVit.RelativeDifference(split.Logits(state), ExactPass.Logits(model, pixels)) < 1e-5);
    }

    [Theory]
    [InlineData(4, 1, 3, 0.1, 24)]
    [InlineData(4, 1, 3, 0.1, 48)]
    [InlineData(5, 1, 2, 0.2, 24)]
    [InlineData(5, 1, 2, 0.2, 48)]
    [InlineData(5, 1, 3, 0.9, 24)]
    [InlineData(5, 1, 3, 0.9, 48)]
    [InlineData(5, 1, 3, 0.0, 24)]
    [InlineData(5, 1, 3, 0.0, 48)]
    [InlineData(3, 2, 1, 0.3, 24)]
    [InlineData(3, 2, 1, 0.3, 48)]
    public void Edited_suffix_equals_the_plain_forward_of_the_edited_weights(
        int depth,
        int first,
        int blocks,
        double share,
        int width
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: depth, width: width, hidden: width / 24 * 40);
        SplitVit split = new(model, new EditSpace(model.Config, first, blocks));
        using Tensor pixels = TinyVit.Pixels(model, 5);
        using PrefixState state = split.Prefix(pixels);
        using WeightDelta delta = RandomDelta(split.Space, share, 3);
        Tensor expected = ExactPass.Logits(model, pixels, delta);
        Assert.True(TinyVit.RelativeDifference(split.Logits(state, delta), expected) < 1e-5);
    }

    [Theory]
    [InlineData(1, 1, 4, 1, 3, 0.1, 24)]
    [InlineData(1, 1, 4, 1, 3, 0.1, 48)]
    [InlineData(1, 3, 5, 1, 2, 0.2, 24)]
    [InlineData(1, 3, 5, 1, 2, 0.2, 48)]
    [InlineData(4, 1, 5, 1, 3, 0.1, 24)]
    [InlineData(4, 1, 5, 1, 3, 0.1, 48)]
    [InlineData(3, 2, 4, 1, 3, 0.3, 24)]
    [InlineData(3, 2, 4, 1, 3, 0.3, 48)]
    [InlineData(2, 1, 3, 2, 1, 0.3, 24)]
    [InlineData(2, 1, 3, 2, 1, 0.3, 48)]
    [InlineData(2, 1, 5, 1, 3, 1.0, 24)]
    [InlineData(2, 1, 5, 1, 3, 1.0, 48)]
    [InlineData(2, 1, 5, 1, 3, 0.01, 24)]
    [InlineData(2, 1, 5, 1, 3, 0.01, 48)]
    public void Batched_edits_equal_autograd_on_the_plain_forward_edit_by_edit(
        int edits,
        int images,
        int depth,
        int first,
        int blocks,
        double share,
        int width
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: depth, width: width, hidden: width / 24 * 40, qkvBias: edits != 3);
        SplitVit split = new(model, new EditSpace(model.Config, first, blocks));
        EditSpace space = split.Space;
        using Tensor pixels = TinyVit.Pixels(model, edits * images);
        using PrefixState state = split.Prefix(pixels);
        UnitSelection[] selections =
        [
            .. Enumerable
                .Range(0, edits)
                .Select(e => share == 1 ? UnitSelection.All(space) : TinyVit.RandomUnits(space, share, e)),
        ];
        using EditSession session = new(split, state, selections);
        Tensor[] deltas = TinyVit.RandomDeltas(session, 0.05);
        session.SetDeltas(deltas);
        Tensor logits = session.Logits();
        Tensor upstream = TinyVit.Normal(7, logits.shape);
        Tensor[] gradients = session.Gradients(upstream);

        for (int e = 0; e < edits; e++)
        {
            using WeightDelta delta = session.Delta(e, deltas);
            Assert.Same(selections[e], delta.Units);
            (Tensor expected, var exact) = ExactPass.Of(
                model,
                pixels.narrow(0, e * images, images),
                delta,
                upstream.narrow(0, e * images, images)
            );
            Assert.InRange(TinyVit.RelativeDifference(logits.narrow(0, e * images, images), expected), 0, 1e-5);
            using WeightDelta gathered = session.Delta(e, gradients);
            for (int m = 0; m < space.Matrices; m++)
            {
                Assert.InRange(TinyVit.MaxDifference(gathered.Rows[m], exact[m].Rows), 0, 1e-4 * exact[m].Largest);
                // Rows that are there as padding get no gradient.
                Assert.Equal(gradients[m][e].abs().sum().ToDouble(), gathered.Rows[m].abs().sum().ToDouble(), 1e-3);
            }
        }
    }

    [Theory]
    [InlineData(1, 1, 1.0, 24)]
    [InlineData(1, 1, 1.0, 48)]
    [InlineData(3, 2, 0.3, 24)]
    [InlineData(3, 2, 0.3, 48)]
    [InlineData(2, 1, 0.8, 24)]
    [InlineData(2, 1, 0.8, 48)]
    [InlineData(2, 1, 0.0, 48)]
    public void A_step_of_descent_and_gradients_of_scales_are_those_of_the_gradients(
        int edits,
        int images,
        double share,
        int width
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: 5, width: width, hidden: width / 24 * 40);
        SplitVit split = new(model, new EditSpace(model.Config, 1, 3));
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, edits * images));
        UnitSelection[] selections =
        [
            .. Enumerable
                .Range(0, edits)
                .Select(e => share == 1 ? UnitSelection.All(split.Space) : TinyVit.RandomUnits(split.Space, share, e)),
        ];
        using EditSession session = new(split, state, selections);
        using EditSession stepwise = new(split, state, selections);
        Tensor[] deltas = TinyVit.RandomDeltas(session, 0.05);
        Tensor[] expected = [.. deltas.Select(d => d.clone())];
        Tensor[] scales = [.. deltas.Select((d, m) => TinyVit.Normal(200 + m, d.shape[0], d.shape[1], 1).sigmoid())];
        session.SetDeltas(deltas, scales);
        stepwise.SetDeltas(expected, scales);
        for (int step = 0; step < 3; step++)
        {
            Tensor logits = session.Logits();
            Tensor upstream = TinyVit.Normal(step, logits.shape);
            Assert.InRange(TinyVit.RelativeDifference(logits, stepwise.Logits()), 0, 1e-5);
            session.Descend(upstream, deltas, 0.01, scales);
            Tensor[] gradients = stepwise.Gradients(upstream);
            for (int m = 0; m < deltas.Length; m++)
            {
                expected[m].add_(gradients[m], -0.01);
                Assert.InRange(TinyVit.MaxDifference(deltas[m], expected[m]), 0, 1e-5);
            }
            stepwise.SetDeltas(expected, scales);
        }
        Tensor last = TinyVit.Normal(9, session.Logits().shape);
        _ = stepwise.Logits();
        foreach (
            (Tensor ofScales, Tensor exact) in session
                .ScaleGradients(last, deltas)
                .Zip(stepwise.Gradients(last).Zip(expected, (g, d) => (g * d).sum(2)))
        )
            Assert.InRange(
                TinyVit.MaxDifference(ofScales, exact),
                0,
                1e-4 * Math.Max(exact.NumberOfElements == 0 ? 0 : exact.abs().max().ToDouble(), 1)
            );
        Assert.Throws<InvalidOperationException>(() => session.Descend(last, deltas, 1));
        Assert.Throws<InvalidOperationException>(() => session.ScaleGradients(last, deltas));
    }

    [Theory]
    [InlineData(1, 1, 1, 2, 1.0, 24)]
    [InlineData(1, 1, 1, 2, 1.0, 48)]
    [InlineData(2, 3, 2, 3, 0.3, 24)]
    [InlineData(2, 3, 2, 3, 0.3, 48)]
    public void The_gradient_of_CLS_alone_is_that_of_matrices_which_can_change_for_CLS_only(
        int edits,
        int images,
        int first,
        int blocks,
        double share,
        int width
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: 5, width: width, hidden: width / 24 * 40);
        SplitVit split = new(model, new EditSpace(model.Config, first, blocks));
        EditSpace space = split.Space;
        Tensor pixels = TinyVit.Pixels(model, edits * images);
        using PrefixState state = split.Prefix(pixels);
        UnitSelection[] selections =
        [
            .. Enumerable
                .Range(0, edits)
                .Select(e => share == 1 ? UnitSelection.All(space) : TinyVit.RandomUnits(space, share, e)),
        ];
        using EditSession session = new(split, state, selections);
        Tensor logits = session.Logits();
        Tensor upstream = TinyVit.Normal(7, logits.shape);
        Tensor[] gradients = session.Gradients(upstream, onlyClass: true);
        for (int e = 0; e < edits; e++)
        {
            Tensor[] leaves =
            [
                .. Enumerable
                    .Range(0, space.Matrices)
                    .Select(m => model.Tensors[space.MatrixName(m)].detach().clone().requires_grad_()),
            ];
            Tensor plain = LogitsWithOwnMatricesForClass(model, space, pixels.narrow(0, e * images, images), leaves);
            Assert.True(TinyVit.RelativeDifference(plain, logits.narrow(0, e * images, images)) < 1e-5);
            IList<Tensor> full = autograd.grad([plain], leaves, [upstream.narrow(0, e * images, images)]);
            using WeightDelta gathered = session.Delta(e, gradients);
            for (int m = 0; m < space.Matrices; m++)
            {
                Tensor rows = ExactPass.Rows(full[m], m, selections[e]);
                Assert.True(TinyVit.MaxDifference(gathered.Rows[m], rows) < 1e-4 * full[m].abs().max().ToDouble());
            }
        }
    }

    // A forward pass in which the matrices of the space are the leaves where they act on [CLS], and the model's own
    // where they act on patches.
    static Tensor LogitsWithOwnMatricesForClass(VitModel model, EditSpace space, Tensor pixels, Tensor[] leaves)
    {
        (VitConfig config, int width) = (model.Config, model.Config.Width);
        long batch = pixels.shape[0];
        Tensor x = nn
            .functional.conv2d(
                pixels,
                model.Tensors[VitNames.PatchWeight],
                model.Tensors[VitNames.PatchBias],
                strides: [config.PatchSize, config.PatchSize]
            )
            .flatten(2)
            .transpose(1, 2);
        x = cat([model.Tensors[VitNames.ClassToken].expand(batch, -1, -1), x], 1) + model.Tensors[VitNames.Positions];
        for (int i = 0; i < config.Depth; i++)
        {
            Tensor qkv = nn
                .functional.linear(Norm(x, "norm1"), Of("attn.qkv.weight"), Of("attn.qkv.bias"))
                .view(batch, -1, 3, config.Heads, width / config.Heads)
                .permute(2, 0, 3, 1, 4);
            Tensor mixed = nn
                .functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
                .transpose(1, 2)
                .reshape(batch, -1, width);
            x = x + nn.functional.linear(mixed, Of("attn.proj.weight"), Of("attn.proj.bias"));
            Tensor normed = Norm(x, "norm2");
            int fc1 = 2 * (i - space.FirstBlock);
            bool edited = i >= space.FirstBlock && i <= space.LastBlock;
            Tensor own = edited
                ? FeedForward(normed.narrow(1, 0, 1), leaves[fc1], leaves[fc1 + 1])
                : FeedForward(normed.narrow(1, 0, 1), Of("mlp.fc1.weight"), Of("mlp.fc2.weight"));
            x =
                x
                + cat(
                    [
                        own,
                        FeedForward(
                            normed.narrow(1, 1, normed.shape[1] - 1),
                            Of("mlp.fc1.weight"),
                            Of("mlp.fc2.weight")
                        ),
                    ],
                    1
                );

            Tensor Of(string name) => model.Tensors[VitNames.Block(i, name)];

            Tensor Norm(Tensor y, string name) =>
                nn.functional.layer_norm(y, [width], Of(name + ".weight"), Of(name + ".bias"), config.NormEpsilon);

            Tensor FeedForward(Tensor y, Tensor fc1Weight, Tensor fc2Weight) =>
                nn.functional.linear(
                    nn.functional.gelu(nn.functional.linear(y, fc1Weight, Of("mlp.fc1.bias"))),
                    fc2Weight,
                    Of("mlp.fc2.bias")
                );
        }
        Tensor read = nn.functional.layer_norm(
            x.select(1, 0),
            [width],
            model.Tensors[VitNames.NormWeight],
            model.Tensors[VitNames.NormBias],
            config.NormEpsilon
        );
        return nn.functional.linear(read, model.Tensors[VitNames.HeadWeight], model.Tensors[VitNames.HeadBias]);
    }

    [Fact]
    public void Gradients_without_a_forward_pass_are_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        SplitVit split = new(model);
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, 1));
        using EditSession session = new(split, state, [UnitSelection.All(split.Space)]);
        Tensor logits = session.Logits();
        session.Gradients(ones_like(logits));
        Assert.Throws<InvalidOperationException>(() => session.Gradients(ones_like(logits)));
    }

    static WeightDelta RandomDelta(EditSpace space, double share, int seed, double deviation = 0.1)
    {
        UnitSelection units = TinyVit.RandomUnits(space, share, seed);
        return new WeightDelta(
            units,
            [
                .. Enumerable
                    .Range(0, space.Matrices)
                    .Select(m => TinyVit.Normal(seed + m, units[m].Length, space.Width) * deviation),
            ]
        );
    }
}
