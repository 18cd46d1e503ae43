using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// What one FFN would have to give for [CLS] so that images get their label: its key k* there, and the change
/// of its value that Adam finds. Meng et al., "Locating and Editing Factual Associations in GPT", NeurIPS 2022,
/// equation 4, whose drift term speaks of prompts and has no counterpart here.
/// </summary>
/// <param name="Keys">The key of each image, <c>[S,H]</c>.</param>
/// <param name="Changes">What is to be added to the value of each image, <c>[S,D]</c>.</param>
/// <param name="Steps">Steps taken.</param>
/// <param name="Losses">The loss before each step.</param>
sealed record WantedValue(Tensor Keys, Tensor Changes, int Steps, IReadOnlyList<float> Losses)
{
    /// <summary>Finds it; the tensors lie in the caller's dispose scope.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="failure">The images and their label.</param>
    /// <param name="block">The block whose FFN is meant.</param>
    /// <param name="shared">Whether all images get the same change of value.</param>
    /// <param name="settings">How to find it.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public static WantedValue Find(
        SplitVit split,
        Failure failure,
        int block,
        bool shared,
        ValueSettings settings,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        split.Model.Config.RequireClassToken("This method");
        MatrixProbe probe = new(new EditSpace(split.Model.Config, block, 1));
        using (no_grad())
            new AutogradSuffix(split, visit: probe.Visit).Logits(failure.State);
        Tensor keys = probe.Input(block, FfnMatrix.Fc2).select(1, 0);
        Tensor values = probe.Output(block, FfnMatrix.Fc2).select(1, 0);
        double length = values.norm(1).mean().Number();
        Tensor change = zeros([shared ? 1 : values.shape[0], values.shape[1]], device: values.device).requires_grad_();
        AutogradSuffix suffix = new(
            split,
            visit: (point, at, value) =>
                at == block && point == SuffixPoint.FfnOutput
                    ? cat([value.narrow(1, 0, 1).Plus(change.unsqueeze(1)), value.narrow(1, 1, value.shape[1] - 1)], 1)
                    : value
        );
        (int steps, List<float> losses) = LeafDescent.Run(
            [change],
            [failure.Label],
            () =>
                (
                    suffix.Logits(failure.State),
                    change.Squared().sum(1).mean() * Held(settings.Decay / (length * length))
                ),
            settings.LearningRate * length / Math.Sqrt(values.shape[1]),
            settings.MaxSteps,
            settings.StopLoss,
            Clamp,
            progress,
            cancellation
        );
        return new WantedValue(keys, change.detach().expand_as(values), steps, losses);

        void Clamp()
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            change.mul_((Held(settings.MaxChange * length) / change.norm(1, true)).clamp_max(Held(1)));
        }
    }
}
