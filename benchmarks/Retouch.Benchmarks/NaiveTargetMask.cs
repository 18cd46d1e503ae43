using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Speed;

/// <summary>
/// A target mask as the published code solves it: one sample, the whole model forward at every inner and outer
/// step, autograd back to the six matrices and to the mask.
/// </summary>
sealed class NaiveTargetMask(VitModel model, EditSpace space)
{
    const int OuterSteps = 10;
    const int InnerSteps = 5;
    const int Batch = 8;
    const double Temperature = 5;

    readonly string[] _names = [.. Enumerable.Range(0, space.Matrices).Select(space.MatrixName)];

    public void Solve(Tensor mixed, Tensor original)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logTarget;
        using (no_grad())
            logTarget = log_softmax(model.Logits(original) / Temperature, 1);
        Tensor s = rand(space.Matrices, space.Hidden).mul_(2).sub_(1);
        Tensor square = zeros_like(s);
        for (int outer = 0; outer < OuterSteps; outer++)
        {
            using DisposeScope outerScope = NewDisposeScope();
            Tensor logits = s.detach().requires_grad_(true);
            Tensor mask = torch.sigmoid(10 * logits);
            Tensor[] rows =
            [
                .. Enumerable
                    .Range(0, space.Matrices)
                    .Select(m => m % 2 == 0 ? mask[m].unsqueeze(1) : mask[m].unsqueeze(0)),
            ];
            Tensor[] deltas = [.. _names.Select(n => zeros_like(model.Tensors[n]))];
            for (int inner = 0; inner < InnerSteps; inner++)
            {
                Tensor[] weights =
                [
                    .. _names.Select((n, m) => (model.Tensors[n] + rows[m].detach() * deltas[m]).requires_grad_(true)),
                ];
                IList<Tensor> gradients = autograd.grad([Loss(weights)], weights);
                for (int m = 0; m < deltas.Length; m++)
                    deltas[m] = deltas[m] - 1e-3 * gradients[m];
            }
            Tensor loss =
                Loss([.. _names.Select((n, m) => model.Tensors[n] + rows[m] * deltas[m])]) + mask.mean() / Batch;
            Tensor slope = autograd.grad([loss], [logits])[0];
            square.mul_(0.99).addcmul_(slope, slope, 0.01);
            s.addcdiv_(slope, square.sqrt().add_(1e-8), -0.1);
        }

        Tensor Loss(Tensor[] weights)
        {
            Dictionary<string, Tensor> all = new(model.Tensors);
            for (int m = 0; m < weights.Length; m++)
                all[_names[m]] = weights[m];
            return kl_div(
                    log_softmax(model.Logits(mixed, all) / Temperature, 1),
                    logTarget.exp(),
                    reduction: nn.Reduction.Sum
                ) * (Temperature * Temperature);
        }
    }
}
