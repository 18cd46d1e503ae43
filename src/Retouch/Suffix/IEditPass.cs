using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// The pass of a batch of edits from the first editable FFN on, forward and backward; what each member does is
/// <see cref="EditSession"/>'s to say.
/// </summary>
interface IEditPass : IDisposable
{
    /// <summary>Makes the weights of all rows their unedited values plus deltas.</summary>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>.</param>
    /// <param name="scales">For each matrix what its deltas are multiplied by, <c>[B,u,1]</c>; null for 1.</param>
    void SetDeltas(IReadOnlyList<Tensor> deltas, IReadOnlyList<Tensor>? scales);

    /// <summary>The class logits of all images, <c>[B·S,C]</c>; the caller disposes them.</summary>
    Tensor Logits();

    /// <summary>The gradients of the rows of every matrix, <c>[B,u,D]</c>; the caller disposes them.</summary>
    /// <param name="logitGradient"><c>[B·S,C]</c>.</param>
    /// <param name="onlyClass">Whether the matrices count where they act on [CLS] alone.</param>
    /// <exception cref="InvalidOperationException">No forward pass is pending.</exception>
    Tensor[] Gradients(Tensor logitGradient, bool onlyClass);

    /// <summary>Adds gradients times the negative rate to the deltas and sets them.</summary>
    /// <param name="logitGradient"><c>[B·S,C]</c>.</param>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>, changed.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="scales">For each matrix <c>[B,u,1]</c>; null for 1.</param>
    /// <exception cref="InvalidOperationException">No forward pass is pending.</exception>
    void Descend(Tensor logitGradient, IReadOnlyList<Tensor> deltas, double rate, IReadOnlyList<Tensor>? scales);

    /// <summary>
    /// The gradients of what each row's delta is multiplied by, <c>[B,u]</c>; the caller disposes them.
    /// </summary>
    /// <param name="logitGradient"><c>[B·S,C]</c>.</param>
    /// <param name="deltas">For each matrix <c>[B,u,D]</c>.</param>
    /// <exception cref="InvalidOperationException">No forward pass is pending.</exception>
    Tensor[] ScaleGradients(Tensor logitGradient, IReadOnlyList<Tensor> deltas);
}
