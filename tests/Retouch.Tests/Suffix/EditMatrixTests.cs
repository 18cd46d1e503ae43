using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Tests.Suffix;

public sealed class EditMatrixTests
{
    [Fact]
    public void Matrices_follow_each_other_block_by_block()
    {
        EditSpace space = new(TinyVit.Variants["plain"] with { Depth = 6 }, 2, 3);
        Assert.Equal(
            [
                "blocks.2.mlp.fc1.weight",
                "blocks.2.mlp.fc2.weight",
                "blocks.3.mlp.fc1.weight",
                "blocks.3.mlp.fc2.weight",
                "blocks.4.mlp.fc1.weight",
                "blocks.4.mlp.fc2.weight",
            ],
            space.InOrder.Select(m => m.Name)
        );
        Assert.All(space.InOrder.Index(), m => Assert.Equal(m.Index, m.Item.Index));
        Assert.All(space.InOrder, m => Assert.Equal(m, space.Matrix(m.Block, m.Kind)));
        Assert.Equal([0, 0, 1, 1, 2, 2], space.InOrder.Select(m => m.PlaceOfBlock));
        Assert.Throws<ArgumentOutOfRangeException>(() => space.Matrix(1, FfnMatrix.Fc2));
        Assert.Throws<ArgumentOutOfRangeException>(() => space.Matrix(5, FfnMatrix.Fc1));
    }

    [Fact]
    public void A_blocks_units_are_those_of_either_matrix()
    {
        UnitSelection units = new(
            new EditSpace(TinyVit.Variants["plain"], 1, 2),
            [
                [3],
                [1, 3],
                [],
                [7],
            ]
        );
        Assert.Equal([1, 3], units.OfBlock(1));
        Assert.Equal([7], units.OfBlock(2));
        Assert.Equal([1, 3], units[units.Space.Matrix(1, FfnMatrix.Fc2)].ToArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_probe_has_what_each_matrix_reads_and_gives(bool gradients)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        EditSpace space = new(model.Config, 1, 2);
        SplitVit split = new(model, space);
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, 2));
        using IDisposable mode = gradients ? enable_grad() : no_grad();
        MatrixProbe probe = new(space);
        Tensor logits = new AutogradSuffix(split, visit: probe.Visit).Logits(state);
        foreach (EditMatrix matrix in space.InOrder)
        {
            Tensor bias = model.Tensors[matrix.Name.Replace("weight", "bias", StringComparison.Ordinal)];
            Tensor given = linear(probe.Inputs[matrix.Index], model.Tensors[matrix.Name], bias);
            Assert.InRange(TinyVit.MaxDifference(given, probe.Output(matrix.Block, matrix.Kind)), 0, 1e-5);
            Assert.False(probe.Input(matrix.Block, matrix.Kind).requires_grad);
        }
        Assert.Equal(gradients, logits.requires_grad);
        if (gradients)
            Assert.Equal(probe.Outputs.Select(o => o.shape), probe.Gradients(logits.sum()).Select(g => g.shape));
    }
}
