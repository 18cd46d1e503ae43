using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Suffix;

/// <summary>
/// The plain forward pass and its autograd in float64: what float32 paths are measured against, so that a bound is one
/// on their own error and not on that of libtorch's float32 too.
/// </summary>
static class ExactPass
{
    /// <summary>The class logits of the model, or of the model with edited units.</summary>
    public static Tensor Logits(VitModel model, Tensor pixels, WeightDelta? delta = null) =>
        model.Logits(pixels.to(ScalarType.Float64), Weights(model, delta));

    /// <summary>
    /// The logits of an edited model and, of each matrix, the gradient of every unit that the delta selects and the
    /// largest of all.
    /// </summary>
    public static (Tensor Logits, (Tensor Rows, double Largest)[] Gradients) Of(
        VitModel model,
        Tensor pixels,
        WeightDelta delta,
        Tensor upstream
    )
    {
        EditSpace space = delta.Space;
        Dictionary<string, Tensor> weights = Weights(model, delta);
        Tensor[] leaves =
        [
            .. Enumerable.Range(0, space.Matrices).Select(m => weights[space.MatrixName(m)].requires_grad_()),
        ];
        Tensor logits = model.Logits(pixels.to(ScalarType.Float64), weights);
        IList<Tensor> full = autograd.grad([logits], leaves, [upstream.to(ScalarType.Float64)]);
        return (
            logits.detach(),
            [.. full.Select((gradient, m) => (Rows(gradient, m, delta.Units), gradient.abs().max().ToDouble()))]
        );
    }

    /// <summary>The selected units' rows of a full matrix' gradient, those of fc2 turned to rows.</summary>
    public static Tensor Rows(Tensor full, int matrix, UnitSelection units) =>
        (units.Space.Matrix(matrix).HasColumns ? full.t() : full).index_select(
            0,
            tensor([.. units[matrix].ToArray().Select(u => (long)u)], ScalarType.Int64)
        );

    static Dictionary<string, Tensor> Weights(VitModel model, WeightDelta? delta) =>
        model.Tensors.ToDictionary(
            t => t.Key,
            t => (delta?.Names.Contains(t.Key) == true ? delta.Apply(t.Key, t.Value) : t.Value).to(ScalarType.Float64)
        );
}
