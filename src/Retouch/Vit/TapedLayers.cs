using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Vit;

/// <summary>
/// The frozen layers of the suffix with their derivatives by tokens, written out but for norms and activations:
/// libtorch's attention is slow backwards on a CPU, and autograd would keep the graph of every layer. Tokens are
/// <c>[N,M,D]</c> float32; M is T, and behind the last attention 1 where the classifier reads [CLS] alone. All
/// results lie in the caller's dispose scope, what the derivatives need on the tape.
/// </summary>
/// <param name="split">The cut model.</param>
/// <param name="tape">Gets each layer's derivative.</param>
sealed class TapedLayers(SplitVit split, Tape tape)
{
    readonly Tape _tape = tape;
    readonly VitModel _model = split.Model;
    readonly VitConfig _config = split.Model.Config;

    BlockWeights Block(int index) => _model.Block(index, split.Precision);

    /// <summary>Tokens after a block's attention.</summary>
    public Tensor Attention(int index, Tensor x)
    {
        BlockWeights block = Block(index);
        bool classAlone = index == _config.Depth - 1 && _config.ReadsClassAlone;
        long n = x.shape[0], width = _config.Width;
        double scale = 1 / Math.Sqrt(_config.HeadWidth);
        Norm norm = new(this, x, block.Norm1Weight, block.Norm1Bias, block.Type);

        // Queries of [CLS] alone, or all three in one product.
        Tensor[] heads = classAlone
            ? [Heads(linear(norm.Output.narrow(1, 0, 1), Rows(block.QkvWeight, 0, 1)!, Rows(block.QkvBias, 0, 1)), 1)[0], .. Heads(linear(norm.Output, Rows(block.QkvWeight, 1, 2)!, Rows(block.QkvBias, 1, 2)), 2)]
            : Heads(linear(norm.Output, block.QkvWeight, block.QkvBias), 3);
        Tensor query = _tape.Keep(heads[0] * scale), key = _tape.Keep(heads[1]), value = _tape.Keep(heads[2]); // [N·heads,M or T,D/heads]
        Tensor weights = _tape.Keep(softmax(bmm(query, key.transpose(1, 2)), -1));                           // [N·heads,M,T]
        Tensor mixed = _tape.Keep(bmm(weights, value));
        Tensor y = VitModel.Scaled(linear(Tokens([mixed]), block.ProjWeight, block.ProjBias), block.Scale1);

        _tape.Push(dx =>
        {
            Tensor dMixed = Heads(matmul(SplitVit.As(block.Type, VitModel.Scaled(dx, block.Scale1)), block.ProjWeight), 1)[0];
            Tensor dWeights = bmm(dMixed, value.transpose(1, 2));
            // Softmax's derivative; Σ p·dp over a row is the inner product of the row's output and its gradient.
            Tensor dScores = dWeights.sub_((dMixed * mixed).sum(2, true)).mul_(weights);
            Tensor dQuery = bmm(dScores, key).mul_(scale), dKey = bmm(dScores.transpose(1, 2), query), dValue = bmm(weights.transpose(1, 2), dMixed);
            Tensor dNormed = classAlone
                ? matmul(Tokens([dKey, dValue]), Rows(block.QkvWeight, 1, 2)!)
                : matmul(Tokens([dQuery, dKey, dValue]), block.QkvWeight);
            if (classAlone)
                dNormed.narrow(1, 0, 1).add_(matmul(Tokens([dQuery]), Rows(block.QkvWeight, 0, 1)!));
            Tensor dInput = norm.Backward(dNormed);
            (classAlone ? dInput.narrow(1, 0, 1) : dInput).add_(dx);
            return dInput;
        });
        return (classAlone ? x.narrow(1, 0, 1) : x) + y;

        // [N,M,k·D] → k × [N·heads,M,D/heads]
        Tensor[] Heads(Tensor projected, int k) =>
            [.. projected.view(n, projected.shape[1], k, _config.Heads, _config.HeadWidth).permute(2, 0, 3, 1, 4).reshape(k, n * _config.Heads, projected.shape[1], _config.HeadWidth).unbind(0)];

        // k × [N·heads,M,D/heads] → [N,M,k·D]
        Tensor Tokens(Tensor[] parts) =>
            stack([.. parts.Select(p => p.view(n, _config.Heads, p.shape[1], _config.HeadWidth).transpose(1, 2))], 2).view(n, parts[0].shape[1], parts.Length * width);

        Tensor? Rows(Tensor? tensor, int first, int count) => tensor?.narrow(0, first * width, count * width);
    }

    /// <summary>A frozen FFN, added to the tokens that it reads.</summary>
    public Tensor FeedForward(int index, Tensor x)
    {
        BlockWeights block = Block(index);
        return FeedForward(index, x, normed =>
        {
            Tensor hidden = _tape.Leaf(linear(normed, block.Fc1Weight, block.Fc1Bias)), activated = _tape.Keep(_model.Activate(hidden));
            Tensor y = VitModel.Scaled(linear(activated.detach(), block.Fc2Weight, block.Fc2Bias), block.Scale2);
            return (y, dy => matmul(autograd.grad([activated], [hidden], [matmul(SplitVit.As(block.Type, VitModel.Scaled(dy, block.Scale2)), block.Fc2Weight)])[0], block.Fc1Weight));
        });
    }

    /// <summary>Any FFN, added to the tokens that it reads.</summary>
    /// <param name="index">The block.</param>
    /// <param name="x">The tokens.</param>
    /// <param name="ffn">From the normed tokens to the output, and from its gradient to theirs.</param>
    public Tensor FeedForward(int index, Tensor x, Func<Tensor, (Tensor Output, Func<Tensor, Tensor> Derivative)> ffn)
    {
        BlockWeights block = Block(index);
        Norm norm = new(this, x, block.Norm2Weight, block.Norm2Bias, block.Type);
        (Tensor y, Func<Tensor, Tensor> derivative) = ffn(norm.Output);
        _tape.Push(dx => norm.Backward(derivative(dx)).add_(dx));
        return x + y;
    }

    /// <summary>The class logits, <c>[N,C]</c>.</summary>
    public Tensor Classify(Tensor x)
    {
        Tensor leaf = _tape.Leaf(x), logits = _tape.Keep(_model.Classify(_model.Readout(leaf)));
        _tape.Push(dz => autograd.grad([logits], [leaf], [dz])[0]);
        return logits.detach();
    }

    /// <summary>One norm of a pass.</summary>
    sealed class Norm
    {
        readonly Tensor _leaf, _normed;

        public Norm(TapedLayers of, Tensor x, Tensor weight, Tensor bias, ScalarType type)
        {
            _leaf = of._tape.Leaf(x);
            _normed = of._tape.Keep(of._model.Norm(_leaf, weight, bias));
            Output = SplitVit.As(type, _normed.detach());
        }

        /// <summary>The normed tokens in the type of the products that read them; not kept.</summary>
        public Tensor Output { get; }

        /// <summary>From their gradient to that of the tokens, float32, a new tensor.</summary>
        public Tensor Backward(Tensor gradient) => autograd.grad([_normed], [_leaf], [SplitVit.As(ScalarType.Float32, gradient)])[0];
    }
}
