using Retouch.Reports;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Reports;

public sealed class EditContributionTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly VitModel _model = TinyVit.Create();
    readonly SplitVit _split;
    readonly PrefixState _image;

    public EditContributionTests()
    {
        _split = new SplitVit(_model);
        _image = _split.Prefix(TinyVit.Pixels(_model, 1));
    }

    public void Dispose()
    {
        _image.Dispose();
        _model.Dispose();
        _scope.Dispose();
    }

    WeightDelta Delta(UnitSelection units, double size, int seed = 3)
    {
        using Generator generator = new((ulong)seed, CPU);
        return new WeightDelta(
            units,
            [
                .. Enumerable
                    .Range(0, units.Space.Matrices)
                    .Select(m => randn([units[m].Length, units.Space.Width], generator: generator) * size),
            ]
        );
    }

    double Margin(ModelDelta? delta)
    {
        using Tensor logits = _split.Logits(_image, delta);
        return logits[0, 2].item<float>() - logits[0, 5].item<float>();
    }

    [Fact]
    public void The_contributions_of_tokens_and_of_units_sum_to_the_gain()
    {
        using WeightDelta delta = Delta(TinyVit.RandomUnits(_split.Space, 0.4, 1), 0.15);
        EditContribution c = EditContribution.Of(_split, _image, delta, label: 2, wrong: 5, steps: 32);
        Assert.Equal(Margin(null), c.Before, 1e-5);
        Assert.Equal(Margin(delta), c.After, 1e-5);
        double gain = c.After - c.Before;
        // Parts that cancel have the error of each, so it is measured by their size.
        double size = c.Tokens.Sum(Math.Abs);
        Assert.True(size > 0.05 && Math.Abs(gain) > 0.02, $"an edit of gain {gain} in parts of {size} shows nothing");
        Assert.Equal(gain, c.Tokens.Sum(), 0.005 * size);
        Assert.Equal(c.Tokens.Sum(), c.Units.Sum(u => u.Sum()), 1e-4 * size);
        Assert.Equal(_model.Config.Tokens, c.Tokens.Count);
        Assert.Equal(
            Enumerable.Range(0, _split.Space.Matrices).Select(m => delta.Units[m].Length),
            c.Units.Select(u => u.Count)
        );
    }

    [Fact]
    public void A_small_change_of_one_unit_gains_what_the_unit_is_said_to()
    {
        // Along with another unit in another matrix, so that one gain is told from the other.
        EditSpace space = _split.Space;
        UnitSelection both = new(
            space,
            [
                .. Enumerable
                    .Range(0, space.Matrices)
                    .Select(m =>
                        m == 0 ? (int[])[7]
                        : m == 3 ? [11]
                        : []
                    ),
            ]
        );
        using WeightDelta delta = Delta(both, 0.01);
        EditContribution c = EditContribution.Of(_split, _image, delta, label: 2, wrong: 5);
        foreach (int matrix in (int[])[0, 3])
        {
            UnitSelection one = new(
                space,
                [.. Enumerable.Range(0, space.Matrices).Select(m => m == matrix ? both[m].ToArray() : [])]
            );
            using WeightDelta alone = new(
                one,
                [
                    .. Enumerable
                        .Range(0, space.Matrices)
                        .Select(m => m == matrix ? delta.Rows[m].clone() : zeros([0, space.Width])),
                ]
            );
            double gain = Margin(alone) - Margin(null);
            Assert.Equal(gain, c.Units[matrix][0], 0.05 * Math.Abs(gain) + 2e-5);
        }
    }

    [Fact]
    public void A_change_in_the_last_block_acts_on_the_class_token_alone()
    {
        EditSpace space = _split.Space;
        Assert.Equal(_model.Config.Depth - 1, space.LastBlock);
        int last = space.Matrices - 1;
        UnitSelection units = new(
            space,
            [.. Enumerable.Range(0, space.Matrices).Select(m => m == last ? Enumerable.Range(0, 20).ToArray() : [])]
        );
        using WeightDelta delta = Delta(units, 0.1);
        EditContribution c = EditContribution.Of(_split, _image, delta, label: 2, wrong: 5);
        Assert.All(c.Tokens.Skip(1), t => Assert.Equal(0, t));
        Assert.Equal(c.After - c.Before, c.Tokens[0], 0.01 * Math.Abs(c.After - c.Before));
    }

    [Fact]
    public void An_edit_that_changes_nothing_gains_nothing()
    {
        UnitSelection units = TinyVit.RandomUnits(_split.Space, 0.3, 2);
        using WeightDelta delta = Delta(units, 0);
        EditContribution c = EditContribution.Of(_split, _image, delta, label: 2, wrong: 5, steps: 2);
        Assert.All(c.Tokens.Concat(c.Units.SelectMany(u => u)), v => Assert.Equal(0, v));
    }

    [Fact]
    public void Several_images_at_once_are_refused()
    {
        using PrefixState two = _split.Prefix(TinyVit.Pixels(_model, 2));
        using WeightDelta delta = Delta(TinyVit.RandomUnits(_split.Space, 0.1, 1), 0.1);
        Assert.Throws<ArgumentException>(() => EditContribution.Of(_split, two, delta, 2, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => EditContribution.Of(_split, _image, delta, 2, 5, steps: 0));
    }
}
