using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>Where <see cref="IEngine"/>s are to be had.</summary>
static class Engines
{
    [ThreadStatic]
    static bool t_none;

    /// <summary>Lets this thread do without, as on other processors, until disposed.</summary>
    public static IDisposable None()
    {
        t_none = true;
        return new Again();
    }

    /// <summary>An engine, or null where the processor, libtorch or the model is not one that there are kernels for.</summary>
    /// <param name="model">The model.</param>
    /// <param name="precision">In what products are computed.</param>
    /// <param name="images">B·S; where nothing is recorded, of a batch at most.</param>
    /// <param name="edits">B.</param>
    /// <param name="first">The block whose FFN is the first of the edit space.</param>
    /// <param name="records">Whether there will be a backward pass.</param>
    /// <param name="allTokens">Whether all tokens are wanted behind the model's last attention, even where the classifier reads [CLS] alone.</param>
    public static IEngine? For(VitModel model, Precision precision, int images, int edits, int first, bool records = false, bool allTokens = false)
    {
        VitConfig config = model.Config;
        bool narrow = precision == Precision.Mixed;
        // Rows are whole vectors; in bfloat16 the model's are read by pairs.
        int unit = narrow ? 2 * Shape.Lanes : Shape.Lanes;
        if (t_none || !(narrow ? Native.HasBFloat16 : Native.HasSingle) || !model.OnCpu || config.HeadWidth % Shape.Lanes != 0 || config.Width % unit != 0 || config.MlpWidth % unit != 0)
            return null;
        return narrow
            ? new Engine<Bf16>(model, images, edits, first, records, allTokens)
            : new Engine<Fp32>(model, images, edits, first, records, allTokens);
    }

    /// <summary>For each edit 1 for the units that stay the model's and 0 for its own, <c>[B,H]</c>.</summary>
    public static float[] Staying(int hidden, IReadOnlyList<IEnumerable<int>> own)
    {
        float[] staying = new float[own.Count * hidden];
        Array.Fill(staying, 1);
        for (int e = 0; e < own.Count; e++)
        {
            foreach (int unit in own[e])
                staying[e * hidden + unit] = 0;
        }
        return staying;
    }

    sealed class Again : IDisposable
    {
        public void Dispose() => t_none = false;
    }
}

/// <summary>Blocks of a vision transformer for one batch of images, in whichever type their products are computed.</summary>
interface IEngine : IDisposable
{
    /// <summary>Gives each edit units of its own in a block's FFN; their weights are zero until set. Before any pass.</summary>
    /// <param name="block">The block.</param>
    /// <param name="bias">Of fc1, <c>[B,u]</c> float32.</param>
    /// <param name="frozen">For each edit 1 for the units of the model that stay and 0 for those that these replace, <c>[B,H]</c>; null where none stays.</param>
    /// <param name="some">Whether weights of only some of them may be set, after all were.</param>
    void SetUnits(int block, Tensor bias, float[]? frozen, bool some);

    /// <summary>Sets the weights of such units: <paramref name="weights"/> plus <paramref name="deltas"/> times <paramref name="scales"/>.</summary>
    /// <param name="block">The block.</param>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="weights"><c>[B,n,D]</c> float32.</param>
    /// <param name="deltas"><c>[B,n,D]</c>; null for 0.</param>
    /// <param name="scales"><c>[B,n,1]</c>; null for 1.</param>
    /// <param name="at">The first of the n units.</param>
    void SetWeights(int block, FfnMatrix matrix, Tensor weights, Tensor? deltas, Tensor? scales, int at);

    /// <summary>What the own units of the first FFN give for tokens before it, without bias and scale; keeps the normed tokens for <see cref="ForwardFromFfn"/>.</summary>
    /// <param name="residual"><c>[B·S,M,D]</c>.</param>
    /// <returns><c>[B·S,M,D]</c>; the caller disposes it.</returns>
    Tensor Contribution(Tensor residual);

    /// <summary>Tokens behind the last block, from the first FFN on, whose input <see cref="Contribution"/> got.</summary>
    /// <param name="constant">What the contribution of its own units is added to, <c>[B·S,M,D]</c>.</param>
    /// <returns><c>[B·S,M,D]</c>; the caller disposes it.</returns>
    Tensor ForwardFromFfn(Tensor constant);

    /// <summary>Tokens behind a block, nothing recorded.</summary>
    /// <param name="from">The first block to compute.</param>
    /// <param name="to">The last.</param>
    /// <param name="tokens">What the first reads, <c>[N,T,D]</c>; N is at most the batch where there is one edit.</param>
    /// <returns><c>[N,M,D]</c>; the caller disposes it.</returns>
    Tensor Forward(int from, int to, Tensor tokens);

    /// <summary>Tokens behind a block's attention, <c>[N,T,D]</c> to <c>[N,M,D]</c>; the caller disposes them.</summary>
    Tensor Attend(int block, Tensor tokens);

    /// <summary>Tokens behind a block's FFN, <c>[N,M,D]</c>; the caller disposes them.</summary>
    Tensor FeedForward(int block, Tensor residual);

    /// <summary>The pass back to the first FFN, after <see cref="ForwardFromFfn"/>.</summary>
    /// <param name="gradient">Of the tokens behind the last block, <c>[B·S,M,D]</c>.</param>
    void Backward(Tensor gradient);

    /// <summary>The gradients of own units' weights in one matrix, after <see cref="Backward"/>.</summary>
    /// <param name="block">The block.</param>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="first">The first unit.</param>
    /// <param name="into">Gets them, <c>[B,n,D]</c>, of n units.</param>
    /// <param name="onlyClass">Whether only what the units do to [CLS] counts.</param>
    void Gradients(int block, FfnMatrix matrix, int first, Tensor into, bool onlyClass);

    /// <summary>A step down such gradients: adds them, times the negative rate, to the deltas, and sets the weights; one pass over memory.</summary>
    /// <param name="block">The block.</param>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="weights"><c>[B,n,D]</c>, as for <see cref="SetWeights"/>.</param>
    /// <param name="deltas"><c>[B,n,D]</c>, changed.</param>
    /// <param name="scales">What deltas are multiplied by in the weights, <c>[B,n,1]</c>; null for 1.</param>
    /// <param name="mask">What gradients are multiplied by, <c>[B,n,1]</c>; null for 1.</param>
    /// <param name="at">The first of the n units.</param>
    /// <param name="rate">The learning rate.</param>
    void Descend(int block, FfnMatrix matrix, Tensor weights, Tensor deltas, Tensor? scales, Tensor? mask, int at, double rate);

    /// <summary>The scalar product of each own unit's gradient and its delta.</summary>
    /// <param name="block">The block.</param>
    /// <param name="matrix">Which of its two.</param>
    /// <param name="first">The first unit.</param>
    /// <param name="deltas"><c>[B,n,D]</c>.</param>
    /// <param name="into">Gets them, <c>[B,n]</c>.</param>
    void Slopes(int block, FfnMatrix matrix, int first, Tensor deltas, Tensor into);
}
