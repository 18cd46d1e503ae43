using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// A hidden unit of the last FFN that an edit rewrites. Owns nothing; its tensors lie in the scope in which it was
/// made.
/// </summary>
/// <param name="model">The unedited model.</param>
/// <param name="unit">Which of its units, from 0.</param>
/// <param name="usual">What the unit's activation gives in the mean, one number.</param>
sealed class IdleUnit(VitModel model, int unit, Tensor usual)
{
    readonly BlockWeights _block = model.TokenFfn;

    /// <summary>Which of the last FFN's units it is, from 0.</summary>
    public int Index => unit;

    /// <summary>What it gives in the mean, before a scale of the layer, <c>[D]</c>; in the caller's scope.</summary>
    public Tensor Contribution => Value * usual;

    Tensor Key => _block.Fc1Weight[unit];

    Tensor Bias => _block.Fc1Bias.narrow(0, unit, 1);

    Tensor Value => _block.Fc2Weight.select(1, unit);

    /// <summary>[CLS] after the last block with the unit giving what it gives in the mean, <c>[S,D]</c>.</summary>
    /// <param name="queries">What the last FFN reads for [CLS], <c>[S,D]</c>.</param>
    /// <param name="after">[CLS] after the last block as it is, <c>[S,D]</c>.</param>
    public Tensor Without(Tensor queries, Tensor after) =>
        after
        - VitModel.Scaled((model.Activate(mv(queries, Key).Plus(Bias)) - usual).unsqueeze(1) * Value, _block.Scale2);

    /// <summary>
    /// The change of weights with which the unit gives act(x·key + bias)·value, and what it gave in the mean goes into
    /// the FFN's output bias; the caller disposes it.
    /// </summary>
    /// <param name="space">The space that says where the model is cut.</param>
    /// <param name="key"><c>[D]</c>.</param>
    /// <param name="bias"><c>[1]</c>.</param>
    /// <param name="value"><c>[D]</c>.</param>
    public TensorDelta Rewritten(EditSpace space, Tensor key, Tensor bias, Tensor value)
    {
        string ffn = model.TokenFfnName;
        using DisposeScope scope = NewDisposeScope();
        // [1,H]
        Tensor row = one_hot(tensor([(long)unit]), _block.Place.MlpWidth).to(ScalarType.Float32).to(key.device);
        return new TensorDelta(
            space,
            new Dictionary<string, TensorChange>
            {
                [ffn + "fc1.weight"] = TensorChange.AddProduct(row.t().contiguous(), (key - Key).unsqueeze(0)),
                [ffn + "fc1.bias"] = TensorChange.Add(row[0] * (bias - Bias)),
                [ffn + "fc2.bias"] = TensorChange.Add(Value * usual),
                [ffn + "fc2.weight"] = TensorChange.AddProduct((value - Value).unsqueeze(1), row.clone()),
            }
        );
    }
}
