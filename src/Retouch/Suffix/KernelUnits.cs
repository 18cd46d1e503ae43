using Retouch.Kernels;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// One block's edited units as an engine has them, and their rows' gradients. Owns the memory of these.
/// </summary>
sealed class KernelUnits : IDisposable
{
    readonly IRecordingEngine _engine;
    readonly EditedUnits _units;
    readonly int _block;
    readonly int _count; // how many units the engine gets
    Tensor[]? _gradients;

    /// <summary>Gives an engine the units with their unedited weights.</summary>
    /// <param name="engine">Before any pass.</param>
    /// <param name="units">Stay the caller's.</param>
    /// <param name="split">The cut model.</param>
    public KernelUnits(IRecordingEngine engine, EditedUnits units, SplitVit split)
    {
        int hidden = split.Space.Hidden;
        _engine = engine;
        _units = units;
        _block = split.Space.FirstBlock + units.Index;
        // Above half of an FFN's units all of them cost less than a product with the others and one with these.
        _count = units.Index > 0 && 2 * units.Count > hidden ? hidden : units.Count;
        BlockWeights block = split.Model.Blocks[_block];
        float[]? frozen = units.Index == 0 || _count == hidden ? null : Engines.Staying(hidden, units.Last(_count));
        using DisposeScope scope = NewDisposeScope();
        Tensor last = units.Last(_count, CPU);
        engine.SetUnits(
            _block,
            EditedUnits.Of(block.Fc1Bias, last),
            frozen,
            some: units.Bases.Any(b => b.shape[1] < _count)
        );
        engine.SetWeights(_block, FfnMatrix.Fc1, EditedUnits.Of(block.Fc1Weight, last), null, null, 0);
        engine.SetWeights(_block, FfnMatrix.Fc2, EditedUnits.Of(block.Fc2Weight.t(), last), null, null, 0);
    }

    /// <summary>Sets one matrix's rows.</summary>
    public void Set(FfnMatrix matrix, Tensor delta, Tensor? scale) =>
        _engine.SetWeights(_block, matrix, _units.Bases[(int)matrix], delta, scale, First(matrix));

    /// <summary>Takes a step down the gradient of one matrix's rows.</summary>
    public void Descend(FfnMatrix matrix, Tensor delta, Tensor? scale, double rate) =>
        _engine.Descend(
            _block,
            matrix,
            _units.Bases[(int)matrix],
            delta,
            scale,
            _units.Masks[(int)matrix],
            First(matrix),
            rate
        );

    /// <summary>
    /// The gradient of what each row's delta is multiplied by, <c>[B,u]</c>; in the caller's dispose scope.
    /// </summary>
    public Tensor ScaleGradients(FfnMatrix matrix, Tensor delta)
    {
        Tensor gradients = empty(delta.shape[0], delta.shape[1]);
        _engine.ScaleGradients(_block, matrix, First(matrix), delta, gradients);
        return _units.Masks[(int)matrix] is Tensor mask ? gradients.mul_(mask.squeeze(2)) : gradients;
    }

    /// <summary>
    /// The gradients of one matrix's rows, in the caller's dispose scope; in memory that the next ones take again, for
    /// new memory costs as much as the products.
    /// </summary>
    public Tensor Gradient(FfnMatrix matrix, bool onlyClass)
    {
        _gradients ??= [.. _units.Bases.Select(b => empty_like(b).DetachFromDisposeScope())];
        _engine.Gradients(_block, matrix, First(matrix), _gradients[(int)matrix], onlyClass);
        Tensor rows = _gradients[(int)matrix].alias();
        return _units.Masks[(int)matrix] is Tensor mask ? rows.mul_(mask) : rows;
    }

    /// <summary>Frees the gradients.</summary>
    public void Dispose()
    {
        foreach (Tensor gradient in _gradients ?? [])
            gradient.Dispose();
    }

    // A matrix's first row among those of the engine's units.
    int First(FfnMatrix matrix) => _count - _units.Count + _units.First(matrix);
}
