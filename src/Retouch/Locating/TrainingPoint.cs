namespace Retouch.Locating;

/// <summary>One point of a training's curves. All values are means; those of masks are over all units.</summary>
/// <param name="Batches">Batches learned so far.</param>
/// <param name="LearningRate">RMSprop's step size.</param>
/// <param name="Loss">Binary cross-entropy on the batches since the last point, each before it was learned.</param>
/// <param name="HeldOutLoss">The same on held-out samples, or null if there are none.</param>
/// <param name="MeanMaskLoss">
/// The same for a constant output, the mean of the targets: the value to beat, or null if there are no held-out
/// samples.
/// </param>
/// <param name="Before">The targets' divergence under the unedited model.</param>
/// <param name="After">The targets' divergence under the solver's last edits.</param>
/// <param name="TargetDensity">The mean of the targets.</param>
/// <param name="OutputDensity">The mean of the hypernetwork's outputs.</param>
/// <param name="OutputDifference">The mean absolute difference between the outputs of two samples.</param>
/// <param name="TargetDifference">The mean absolute difference between the targets of two samples.</param>
public sealed record TrainingPoint(
    int Batches,
    double LearningRate,
    double Loss,
    double? HeldOutLoss,
    double? MeanMaskLoss,
    double Before,
    double After,
    double TargetDensity,
    double OutputDensity,
    double OutputDifference,
    double TargetDifference
);
