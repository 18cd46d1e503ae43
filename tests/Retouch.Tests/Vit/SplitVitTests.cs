using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Vit;

public sealed class SplitVitTests
{
    [Theory]
    [InlineData(1, 2)]
    [InlineData(3, 2)] // the last block
    [InlineData(0, 1)]
    public void A_prefix_under_an_edited_model_takes_one_FFN(int first, int blocks)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: 5);
        EditSpace space = new(model.Config, first, blocks);
        SplitVit split = new(model, space);
        UnitSelection units = TinyVit.RandomUnits(space, 0.5, 3);
        using WeightDelta delta = new(units, [.. Enumerable.Range(0, space.Matrices).Select(m => randn([units[m].Length, space.Width]) * 0.3)]);
        using VitModel edited = new(model.Tensors.ToDictionary(t => t.Key, t => delta.Names.Contains(t.Key) ? delta.Apply(t.Key, t.Value) : t.Value.alias()), model.Config.Heads);
        Tensor pixels = TinyVit.Pixels(model, 19);
        SplitVit after = new(edited, space);
        using PrefixState state = split.Prefix(pixels), rebased = after.Rebase(state), expected = after.Prefix(pixels);
        Assert.Equal(0, TinyVit.MaxDifference(expected.Residual, rebased.Residual));
        Assert.InRange(TinyVit.MaxDifference(expected.Output, rebased.Output), 0, 1e-5);
        Assert.InRange(TinyVit.MaxDifference(state.Output, rebased.Output), 0.01, double.MaxValue);
        Assert.InRange(TinyVit.MaxDifference(edited.Logits(pixels), after.Logits(rebased)), 0, 1e-4);
        Assert.Throws<ArgumentException>(() => new SplitVit(edited).Rebase(state).Dispose());
    }

    [Theory]
    [InlineData(4, 1, 3)] // the last editable block is the last block
    [InlineData(5, 1, 2)]
    [InlineData(4, 0, 3)]
    [InlineData(3, 2, 1)] // the only editable block is the last block
    public void Unedited_suffix_equals_the_plain_forward(int depth, int first, int blocks)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: depth);
        SplitVit split = new(model, new EditSpace(model.Config, first, blocks));
        using Tensor pixels = TinyVit.Pixels(model, 19);
        using PrefixState state = split.Prefix(pixels);
        Assert.True(TinyVit.RelativeDifference(split.Logits(state), model.Logits(pixels)) < 1e-5);
    }

    [Theory]
    [InlineData(4, 1, 3, 0.1)]
    [InlineData(5, 1, 2, 0.2)]
    [InlineData(5, 1, 3, 0.9)]
    [InlineData(5, 1, 3, 0.0)]
    [InlineData(3, 2, 1, 0.3)]
    public void Edited_suffix_equals_the_plain_forward_of_the_edited_weights(int depth, int first, int blocks, double share)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: depth);
        SplitVit split = new(model, new EditSpace(model.Config, first, blocks));
        using Tensor pixels = TinyVit.Pixels(model, 5);
        using PrefixState state = split.Prefix(pixels);
        using WeightDelta delta = RandomDelta(split.Space, share, 3);
        Tensor expected = model.Logits(pixels, Edited(model, delta));
        Assert.True(TinyVit.RelativeDifference(split.Logits(state, delta), expected) < 1e-5);
    }

    [Theory]
    [InlineData(1, 1, 4, 1, 3, 0.1)]
    [InlineData(1, 3, 5, 1, 2, 0.2)]
    [InlineData(4, 1, 5, 1, 3, 0.1)]
    [InlineData(3, 2, 4, 1, 3, 0.3)]
    [InlineData(2, 1, 3, 2, 1, 0.3)]
    [InlineData(2, 1, 5, 1, 3, 1.0)]
    [InlineData(2, 1, 5, 1, 3, 0.01)]
    public void Batched_edits_equal_autograd_on_the_plain_forward_edit_by_edit(int edits, int images, int depth, int first, int blocks, double share)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: depth, qkvBias: edits != 3);
        SplitVit split = new(model, new EditSpace(model.Config, first, blocks));
        EditSpace space = split.Space;
        using Tensor pixels = TinyVit.Pixels(model, edits * images);
        using PrefixState state = split.Prefix(pixels);
        UnitSelection[] selections = [.. Enumerable.Range(0, edits).Select(e => share == 1 ? UnitSelection.All(space) : TinyVit.RandomUnits(space, share, e))];
        using EditSession session = new(split, state, selections);
        Tensor[] deltas = [.. session.NewRows().Zip(session.RowMasks, (r, m) => randn(r.shape) * 0.05 * (m ?? 1))];
        session.SetDeltas(deltas);
        Tensor logits = session.Logits();
        Tensor upstream = randn(logits.shape);
        Tensor[] gradients = session.Gradients(upstream);

        for (int e = 0; e < edits; e++)
        {
            using WeightDelta delta = session.Delta(e, deltas);
            Assert.Same(selections[e], delta.Units);
            Dictionary<string, Tensor> weights = Edited(model, delta);
            Tensor[] leaves = [.. Enumerable.Range(0, space.Matrices).Select(m => weights[space.MatrixName(m)].requires_grad_(true))];
            Tensor expected = model.Logits(pixels.narrow(0, e * images, images), weights);
            Assert.True(TinyVit.RelativeDifference(logits.narrow(0, e * images, images), expected) < 1e-5);

            IList<Tensor> full = autograd.grad([expected], leaves, [upstream.narrow(0, e * images, images)]);
            using WeightDelta gathered = session.Delta(e, gradients);
            for (int m = 0; m < space.Matrices; m++)
            {
                long[] units = [.. selections[e][m].ToArray().Select(i => (long)i)];
                if (units.Length == 0)
                    continue;
                Tensor rows = (m % 2 == 0 ? full[m] : full[m].t()).index_select(0, tensor(units));
                Assert.True(TinyVit.MaxDifference(gathered.Rows[m], rows) < 1e-4 * full[m].abs().max().ToDouble());
                // Rows that are there as padding get no gradient.
                Assert.Equal(gradients[m][e].abs().sum().ToDouble(), gathered.Rows[m].abs().sum().ToDouble(), 1e-3);
            }
        }
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

    static WeightDelta RandomDelta(EditSpace space, double share, int seed)
    {
        UnitSelection units = TinyVit.RandomUnits(space, share, seed);
        using Generator generator = new((ulong)seed, CPU);
        return new WeightDelta(units, [.. Enumerable.Range(0, space.Matrices).Select(m => randn([units[m].Length, space.Width], generator: generator) * 0.1)]);
    }

    static Dictionary<string, Tensor> Edited(VitModel model, WeightDelta delta)
    {
        Dictionary<string, Tensor> weights = new(model.Tensors);
        for (int m = 0; m < delta.Space.Matrices; m++)
            weights[delta.Space.MatrixName(m)] = delta.AddTo(m, weights[delta.Space.MatrixName(m)]);
        return weights;
    }
}
