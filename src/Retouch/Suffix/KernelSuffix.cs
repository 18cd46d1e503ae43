using Retouch.Kernels;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>The pass from the first editable FFN on by kernels of our own. Owns the engine.</summary>
sealed class KernelSuffix : ISuffixPass
{
    readonly SplitVit _split;
    readonly IEngine _engine;
    readonly bool _edited;
    readonly bool _whole; // whether the edit's units are all of the first FFN

    /// <summary>Gives an engine a delta's units.</summary>
    /// <param name="split">The cut model.</param>
    /// <param name="delta">Null for none.</param>
    /// <param name="engine">Before any pass.</param>
    public KernelSuffix(SplitVit split, WeightDelta? delta, IEngine engine)
    {
        _split = split;
        _engine = engine;
        _edited = delta is not null;
        for (int j = 0; delta is not null && j < split.Space.Blocks; j++)
            _whole |= SetUnits(delta, j);
    }

    public Tensor LastTokens(Tensor residual, Tensor output)
    {
        VitConfig config = _split.Model.Config;
        int first = _split.Space.FirstBlock;
        int last = config.Depth - 1;
        Tensor x = output;
        if (_edited)
        {
            BlockWeights block = _split.Model.Blocks[first];
            if (first == last && config.ReadsClassAlone)
                (residual, x) = (residual.narrow(1, 0, 1), x.narrow(1, 0, 1));
            Tensor contribution = _engine.Contribution(residual);
            x = SuffixBlock.Sum(_whole ? residual : x, contribution, _whole ? block.Fc2Bias : null, block.Scale2);
        }
        return first < last ? _engine.Forward(first + 1, last, x) : x;
    }

    public void Dispose() => _engine.Dispose();

    // Gives the engine the units of one block; of the first block both the new and, to be taken off, the old, unless
    // the new replace all of the FFN, which is the answer.
    bool SetUnits(WeightDelta delta, int j)
    {
        EditSpace space = _split.Space;
        int index = space.FirstBlock + j;
        BlockWeights block = _split.Model.Blocks[index];
        int[] union = delta.Units.OfBlock(index);
        // Above half of the units all of them cost less.
        bool all = 2 * union.Length >= space.Hidden;
        if (all)
            union = [.. Enumerable.Range(0, space.Hidden)];
        using DisposeScope scope = NewDisposeScope();
        Tensor units = tensor([.. union.Select(u => (long)u)], ScalarType.Int64, block.Fc1Weight.device);
        Tensor old1 = block.Fc1Weight.index_select(0, units);
        Tensor old2 = block.Fc2Weight.t().index_select(0, units);
        Tensor bias = block.Fc1Bias.index_select(0, units);
        Tensor fc1 = Changed(FfnMatrix.Fc1, old1);
        Tensor fc2 = Changed(FfnMatrix.Fc2, old2);
        if (j == 0 && !all)
        {
            fc1 = cat([fc1, old1], 0);
            fc2 = cat([fc2, -old2], 0);
            bias = cat([bias, bias]);
        }
        float[]? frozen = j == 0 || all ? null : Engines.Staying(space.Hidden, [union]);
        _engine.SetUnits(index, bias.unsqueeze(0), frozen, some: false);
        _engine.SetWeights(index, FfnMatrix.Fc1, fc1.unsqueeze(0), null, null, 0);
        _engine.SetWeights(index, FfnMatrix.Fc2, fc2.unsqueeze(0), null, null, 0);
        return all && j == 0;

        Tensor Changed(FfnMatrix kind, Tensor old)
        {
            EditMatrix matrix = space.Matrix(index, kind);
            int[] changed = delta.Units[matrix].ToArray();
            if (changed.Length == 0)
                return old;
            long[] places = [.. changed.Select(u => (long)Array.BinarySearch(union, u))];
            return old.index_add(0, tensor(places, ScalarType.Int64, old.device), delta.Rows[matrix.Index], Held(1));
        }
    }
}
