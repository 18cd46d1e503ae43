using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// KE's hypernetwork. Leaves: <c>in.weight [h,3D]</c>, <c>in.bias [h]</c>, and for each matrix m of shape <c>[a,b]</c>
/// <c>m.weight [2a+2b+1,h]</c>, <c>m.bias [2a+2b+1]</c> and <c>m.rate []</c>, the logarithm of its step size, divided
/// by 10.
/// </summary>
sealed class KnowledgeEditorTransform : GradientTransform
{
    // Rates are learned through their logarithms, a tenth of them, so that they can grow tenfold within some hundred
    // steps.
    const double FirstRate = 3e-4;
    const double RateScale = 10;
    const double FirstWeight = 0.01;

    readonly IReadOnlyDictionary<string, Tensor> _all;

    KnowledgeEditorTransform(IReadOnlyDictionary<string, Tensor> all) => _all = all;

    public override IReadOnlyDictionary<string, Tensor> Leaves => _all;

    /// <summary>One that was trained.</summary>
    /// <exception cref="BadInputException">A leaf is missing or misshapen; the message names it.</exception>
    public static KnowledgeEditorTransform Load(Preparation learned, SplitVit split)
    {
        EditSpace space = split.Space;
        long condition = 3L * split.Model.Config.HeadInputs;
        long outputs = 2L * (space.Width + space.Hidden) + 1;
        long hidden = learned.Shaped("in.weight", -1, condition).shape[0];
        List<(string, long[])> shapes = [("in.weight", [hidden, condition]), ("in.bias", [hidden])];
        for (int m = 0; m < space.Matrices; m++)
            shapes.AddRange([($"{m}.weight", [outputs, hidden]), ($"{m}.bias", [outputs]), ($"{m}.rate", [])]);
        return new KnowledgeEditorTransform(Checked(learned, shapes));
    }

    /// <summary>A new one, at first close to normalized gradient descent.</summary>
    public static KnowledgeEditorTransform Create(SplitVit split, int hidden, int seed)
    {
        using Generator generator = new((ulong)seed + 2, CPU);
        EditSpace space = split.Space;
        long condition = 3L * split.Model.Config.HeadInputs;
        long outputs = 2L * (space.Width + space.Hidden) + 1;
        Dictionary<string, Tensor> all = new()
        {
            ["in.weight"] = (
                randn([hidden, condition], generator: generator) / Held(Math.Sqrt(condition))
            ).requires_grad_(),
            ["in.bias"] = zeros([hidden], requires_grad: true),
        };
        for (int m = 0; m < space.Matrices; m++)
        {
            (long rows, long columns) = Shape(space, m);
            all[$"{m}.weight"] = (
                randn([outputs, hidden], generator: generator) * Held(FirstWeight / Math.Sqrt(hidden))
            ).requires_grad_();
            // α, β [a], γ [b] (at first 1: the gradient passes), δ [b], η.
            all[$"{m}.bias"] = cat([zeros([2 * rows]), ones([columns]), zeros([columns + 1])], 0).requires_grad_();
            all[$"{m}.rate"] = tensor((float)(Math.Log(FirstRate) / RateScale)).requires_grad_();
        }
        return new KnowledgeEditorTransform(all);
    }

    public override Tensor[] Deltas(SplitVit split, EditGradient gradient)
    {
        Tensor classes = split.Model.Tensors[VitNames.HeadWeight];
        Tensor condition = cat(
            [
                // Of two heads' tokens the mean.
                Normalized(gradient.Feature.dim() == 2 ? gradient.Feature.mean([0]) : gradient.Feature),
                Normalized(classes[gradient.Label]),
                Normalized(classes[gradient.Predicted]),
            ],
            0
        );
        Tensor hidden = gelu(mv(_all["in.weight"], condition).Plus(_all["in.bias"]));
        return
        [
            .. gradient.Inputs.Select(
                (input, m) =>
                {
                    (long rows, long columns) = Shape(split.Space, m);
                    Tensor output = mv(_all[$"{m}.weight"], hidden).Plus(_all[$"{m}.bias"]);
                    Tensor[] parts = output.split([rows, rows, columns, columns, 1]);
                    Tensor full = mm(gradient.Outputs[m].t(), input); // ∇W [a,b]
                    full = full / full.Squared().mean().sqrt().clamp_min(Held(1e-20));
                    Tensor gate = outer(softmax(parts[0], 0) * Held(rows), parts[2]);
                    Tensor shift = outer(softmax(parts[1], 0) * Held(rows), parts[3]);
                    return (gate * full).Plus(shift)
                        * (torch.sigmoid(parts[4]) * -(_all[$"{m}.rate"] * Held(RateScale)).exp());
                }
            ),
        ];

        static Tensor Normalized(Tensor x) => (x - x.mean()) / x.std().clamp_min(Held(1e-6));
    }

    static (long Rows, long Columns) Shape(EditSpace space, int matrix) =>
        space.Matrix(matrix).HasColumns ? (space.Width, space.Hidden) : (space.Hidden, space.Width);
}
