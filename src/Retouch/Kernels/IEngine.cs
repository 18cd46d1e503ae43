using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>
/// Blocks of a vision transformer for one batch of images, in whichever type their products are computed.
/// </summary>
interface IEngine : IDisposable
{
    /// <summary>
    /// Gives each edit units of its own in a block's FFN; their weights are zero until set. Before any pass.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="bias">Of fc1, <c>[B,u]</c> float32.</param>
    /// <param name="frozen">
    /// For each edit 1 for the units of the model that stay and 0 for those that these replace, <c>[B,H]</c>; null
    /// where none stays.
    /// </param>
    /// <param name="some">Whether weights of only some of them may be set, after all were.</param>
    void SetUnits(int block, Tensor bias, float[]? frozen, bool some);

    /// <summary>
    /// Sets the weights of such units: <paramref name="weights"/> plus <paramref name="deltas"/> times
    /// <paramref name="scales"/>.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="weights"><c>[B,n,D]</c> float32.</param>
    /// <param name="deltas"><c>[B,n,D]</c>; null for 0.</param>
    /// <param name="scales"><c>[B,n,1]</c>; null for 1.</param>
    /// <param name="at">The first of the n units.</param>
    void SetWeights(int block, FfnMatrix matrix, Tensor weights, Tensor? deltas, Tensor? scales, int at);

    /// <summary>
    /// What the own units of the first FFN give for tokens before it, without bias and scale; keeps the normed tokens
    /// for <see cref="IRecordingEngine.ForwardFromFfn"/>.
    /// </summary>
    /// <param name="residual"><c>[B·S,M,D]</c>.</param>
    /// <returns><c>[B·S,M,D]</c>; the caller disposes it.</returns>
    Tensor Contribution(Tensor residual);

    /// <summary>Tokens after a block, nothing recorded.</summary>
    /// <param name="from">The first block to compute.</param>
    /// <param name="to">The last.</param>
    /// <param name="tokens">
    /// What the first reads, <c>[N,T,D]</c>; N is at most the batch where there is one edit.
    /// </param>
    /// <returns><c>[N,M,D]</c>; the caller disposes it.</returns>
    Tensor Forward(int from, int to, Tensor tokens);

    /// <summary>
    /// Tokens after a block's attention, <c>[N,T,D]</c> to <c>[N,M,D]</c>; the caller disposes them.
    /// </summary>
    Tensor Attend(int block, Tensor tokens);

    /// <summary>Tokens after a block's FFN, <c>[N,M,D]</c>; the caller disposes them.</summary>
    Tensor FeedForward(int block, Tensor residual);
}

/// <summary>The same with a backward pass: what it needs of the last forward pass is kept.</summary>
interface IRecordingEngine : IEngine
{
    /// <summary>
    /// Tokens after the last block, from the first FFN on, whose input <see cref="IEngine.Contribution"/> got.
    /// </summary>
    /// <param name="constant">What the contribution of its own units is added to, <c>[B·S,M,D]</c>.</param>
    /// <returns><c>[B·S,M,D]</c>; the caller disposes it.</returns>
    Tensor ForwardFromFfn(Tensor constant);

    /// <summary>The pass back to the first FFN, after <see cref="ForwardFromFfn"/>.</summary>
    /// <param name="gradient">Of the tokens after the last block, <c>[B·S,M,D]</c>.</param>
    void Backward(Tensor gradient);

    /// <summary>The gradients of own units' weights in one matrix, after <see cref="Backward"/>.</summary>
    /// <param name="block">The block.</param>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="first">The first unit.</param>
    /// <param name="into">Gets them, <c>[B,n,D]</c>, of n units.</param>
    /// <param name="onlyClass">Whether only what the units do to [CLS] counts.</param>
    void Gradients(int block, FfnMatrix matrix, int first, Tensor into, bool onlyClass);

    /// <summary>
    /// A step down such gradients: adds them, times the negative rate, to the deltas, and sets the weights; one pass
    /// over memory.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="weights"><c>[B,n,D]</c>, as for <see cref="IEngine.SetWeights"/>.</param>
    /// <param name="deltas"><c>[B,n,D]</c>, changed.</param>
    /// <param name="scales">What deltas are multiplied by in the weights, <c>[B,n,1]</c>; null for 1.</param>
    /// <param name="mask">What gradients are multiplied by, <c>[B,n,1]</c>; null for 1.</param>
    /// <param name="at">The first of the n units.</param>
    /// <param name="rate">The learning rate.</param>
    void Descend(
        int block,
        FfnMatrix matrix,
        Tensor weights,
        Tensor deltas,
        Tensor? scales,
        Tensor? mask,
        int at,
        double rate
    );

    /// <summary>
    /// The gradients of what deltas are multiplied by: the scalar product of each own unit's gradient and its delta.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="first">The first unit.</param>
    /// <param name="deltas"><c>[B,n,D]</c>.</param>
    /// <param name="into">Gets them, <c>[B,n]</c>.</param>
    void ScaleGradients(int block, FfnMatrix matrix, int first, Tensor deltas, Tensor into);
}
