using Retouch.Kernels;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Suffix;

/// <summary>
/// The frozen layers of the suffix with their derivatives by tokens, written out:
/// libtorch's attention is slow backwards on a CPU, and autograd would keep the graph of every layer. Tokens are
/// <c>[N,M,D]</c> float32; M is T, and after the last attention 1 where the classifier reads [CLS] alone. All
/// results lie in the caller's dispose scope, what the derivatives need on the tape.
/// </summary>
/// <param name="split">The cut model.</param>
/// <param name="tape">Gets each layer's derivative.</param>
sealed class TapedLayers(SplitVit split, Tape tape)
{
    readonly Tape _tape = tape;
    readonly VitModel _model = split.Model;
    readonly VitConfig _config = split.Model.Config;

    BlockWeights Block(int index) => NarrowBlocks.Block(_model, index, split.Precision);

    /// <summary>Tokens after a block's attention.</summary>
    public Tensor Attention(int index, Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        BlockWeights block = Block(index);
        bool classAlone = index == _config.Depth - 1 && _config.ReadsClassAlone;
        long n = x.shape[0];
        long width = _config.Width;
        double scale = 1 / Math.Sqrt(_config.HeadWidth);
        Norm norm = new(this, x, block.Norm1Weight, block.Norm1Bias, block.Type);

        // Queries of [CLS] alone, or all three in one product.
        Tensor[] heads = classAlone
            ? [.. Project(norm.Output.narrow(1, 0, 1), 0, 1), .. Project(norm.Output, 1, 2)]
            : Project(norm.Output, 0, 3);
        Tensor query = _tape.Keep(heads[0]);
        Tensor key = _tape.Keep(heads[1]);
        Tensor value = _tape.Keep(heads[2]); // [N·heads,M or T,D/heads]
        // [N·heads,M,T]
        Tensor weights = _tape.Keep(Aten.Softmax_(Aten.ScaledProduct(query, key.transpose(1, 2), scale)));
        Tensor y = linear(Tokens([bmm(weights, value)]), block.ProjWeight);

        _tape.Push(dx =>
        {
            Tensor dMixed = Aten.SplitHeads(
                matmul(SuffixBlock.As(block.Type, VitModel.Scaled(dx, block.Scale1)), block.ProjWeight),
                null,
                1,
                _config.Heads
            )[0];
            Tensor dScores = Aten.SoftmaxBackward(bmm(dMixed, value.transpose(1, 2)), weights);
            Tensor dQuery = Aten.ScaledProduct(dScores, key, scale);
            Tensor dKey = Aten.ScaledProduct(dScores.transpose(1, 2), query, scale);
            Tensor dValue = bmm(weights.transpose(1, 2), dMixed);
            Tensor dNormed = classAlone
                ? matmul(Tokens([dKey, dValue]), Rows(block.QkvWeight, 1, 2)!)
                : matmul(Tokens([dQuery, dKey, dValue]), block.QkvWeight);
            if (classAlone)
                dNormed.narrow(1, 0, 1).Plus_(matmul(Tokens([dQuery]), Rows(block.QkvWeight, 0, 1)!));
            Tensor dInput = norm.Backward(dNormed);
            (classAlone ? dInput.narrow(1, 0, 1) : dInput).Plus_(dx);
            return dInput;
        });
        return SuffixBlock
            .Sum(classAlone ? x.narrow(1, 0, 1) : x, y, block.ProjBias, block.Scale1)
            .MoveToOuterDisposeScope();

        Tensor[] Project(Tensor normed, int first, int count) =>
            Aten.SplitHeads(
                    linear(normed, Rows(block.QkvWeight, first, count)!),
                    Rows(block.QkvBias, first, count),
                    count,
                    _config.Heads
                )
                .unbind(0);

        // k × [N·heads,M,D/heads] → [N,M,k·D]
        Tensor Tokens(Tensor[] parts) =>
            stack([.. parts.Select(p => p.view(n, _config.Heads, p.shape[1], _config.HeadWidth).transpose(1, 2))], 2)
                .view(n, parts[0].shape[1], parts.Length * width);

        Tensor? Rows(Tensor? tensor, int first, int count) => tensor?.narrow(0, first * width, count * width);
    }

    /// <summary>A frozen FFN, added to the tokens that it reads.</summary>
    public Tensor FeedForward(int index, Tensor x)
    {
        BlockWeights block = Block(index);
        return FeedForward(
            index,
            x,
            normed =>
            {
                Tensor hidden = _tape.Keep(linear(normed, block.Fc1Weight, block.Fc1Bias));
                return (
                    linear(_model.Activate(hidden), block.Fc2Weight),
                    dy => matmul(_model.ActivateBackward(matmul(dy, block.Fc2Weight), hidden), block.Fc1Weight)
                );
            }
        );
    }

    /// <summary>Any FFN, added to the tokens that it reads.</summary>
    /// <param name="index">The block.</param>
    /// <param name="x">The tokens.</param>
    /// <param name="ffn">
    /// From the normed tokens to the output without bias and scale, and from its gradient to theirs, all in the type of
    /// the block's products.
    /// </param>
    public Tensor FeedForward(int index, Tensor x, Func<Tensor, (Tensor Output, Func<Tensor, Tensor> Derivative)> ffn)
    {
        using DisposeScope scope = NewDisposeScope();
        BlockWeights block = Block(index);
        Norm norm = new(this, x, block.Norm2Weight, block.Norm2Bias, block.Type);
        (Tensor y, Func<Tensor, Tensor> derivative) = ffn(norm.Output);
        _tape.Push(dx =>
            norm.Backward(derivative(SuffixBlock.As(block.Type, VitModel.Scaled(dx, block.Scale2)))).Plus_(dx)
        );
        return SuffixBlock.Sum(x, y, block.Fc2Bias, block.Scale2).MoveToOuterDisposeScope();
    }

    /// <summary>The class logits, <c>[N,C]</c>.</summary>
    public Tensor Classify(Tensor x)
    {
        Tensor leaf = _tape.Leaf(x);
        Tensor logits = _tape.Keep(_model.Classify(_model.Readout(leaf)));
        _tape.Push(dz => autograd.grad([logits], [leaf], [dz])[0]);
        return logits.detach();
    }

    /// <summary>One norm of a pass.</summary>
    sealed class Norm
    {
        readonly Tensor _x;
        readonly Tensor _mean;
        readonly Tensor _deviation;
        readonly Tensor _weight;
        readonly Tensor _bias;

        public Norm(TapedLayers of, Tensor x, Tensor weight, Tensor bias, ScalarType type)
        {
            (Tensor normed, Tensor mean, Tensor deviation) = Aten.LayerNorm(x, weight, bias, of._config.NormEpsilon);
            (_x, _mean, _deviation, _weight, _bias) = (
                of._tape.Keep(x.alias()),
                of._tape.Keep(mean),
                of._tape.Keep(deviation),
                weight,
                bias
            );
            Output = SuffixBlock.As(type, normed);
        }

        /// <summary>The normed tokens in the type of the products that read them; not kept.</summary>
        public Tensor Output { get; }

        /// <summary>From their gradient to that of the tokens, float32, a new tensor.</summary>
        public Tensor Backward(Tensor gradient) =>
            Aten.LayerNormBackward(SuffixBlock.As(ScalarType.Float32, gradient), _x, _mean, _deviation, _weight, _bias);
    }
}
