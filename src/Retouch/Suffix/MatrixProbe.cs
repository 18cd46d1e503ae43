using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// What the matrices of an edit space read and give in the last pass through a <see cref="AutogradSuffix"/> whose
/// visitor it is. Owns nothing: the tensors lie in the dispose scope of the pass.
/// </summary>
/// <param name="space">Whose matrices; within the suffix.</param>
sealed class MatrixProbe(EditSpace space)
{
    readonly Tensor[] _inputs = new Tensor[space.Matrices];
    readonly Tensor[] _outputs = new Tensor[space.Matrices];

    /// <summary>What each matrix reads, <c>[N,M,in]</c>, outside any graph.</summary>
    public IReadOnlyList<Tensor> Inputs => _inputs;

    /// <summary>
    /// What each matrix gives, with its bias, <c>[N,M,out]</c>; part of the pass's graph where gradients are recorded.
    /// </summary>
    public IReadOnlyList<Tensor> Outputs => _outputs;

    /// <summary>What each matrix of one block reads, or gives.</summary>
    public Tensor Input(int block, FfnMatrix kind) => _inputs[space.Matrix(block, kind).Index];

    /// <inheritdoc cref="Input"/>
    public Tensor Output(int block, FfnMatrix kind) => _outputs[space.Matrix(block, kind).Index];

    /// <summary>The gradients of a number with respect to <see cref="Outputs"/>.</summary>
    /// <param name="of">The number, of the last pass.</param>
    /// <param name="again">Whether there will be others of the same pass.</param>
    public IList<Tensor> Gradients(Tensor of, bool again = false) => autograd.grad([of], _outputs, retain_graph: again);

    /// <summary>The visitor for <see cref="AutogradSuffix"/>.</summary>
    public Tensor Visit(SuffixPoint point, int block, Tensor value)
    {
        if (block < space.FirstBlock || block > space.LastBlock)
            return value;
        if (point == SuffixPoint.FfnInput && space.IsGated)
            _inputs[space.Matrix(block, FfnMatrix.Gate).Index] = value.detach();
        FfnMatrix kind = point switch
        {
            SuffixPoint.FfnInput or SuffixPoint.PreActivation => FfnMatrix.Fc1,
            SuffixPoint.Gate => FfnMatrix.Gate,
            _ => FfnMatrix.Fc2,
        };
        int matrix = space.Matrix(block, kind).Index;
        if (point is SuffixPoint.FfnInput or SuffixPoint.Activation)
        {
            _inputs[matrix] = value.detach();
            return value;
        }
        // The first that is watched begins the graph: nothing before it has a gradient.
        return _outputs[matrix] = value.requires_grad || !is_grad_enabled() ? value : value.detach().requires_grad_();
    }
}
