using Retouch.Vit;
using static TorchSharp.torch;
using static TorchSharp.torch.linalg;

namespace Retouch.Editing;

/// <summary>
/// Directions, of what the last FFN reads for [CLS], along which the model's evidence for a class grows. What the last
/// FFN and the head make of [CLS] is nearly linear in it, so that a ridge regression of the evidence says most of it.
/// </summary>
static class Evidence
{
    // Of the mean variance of what is read.
    const double Damping = 0.1;

    // Evidence beyond that is beyond doubt, however much there is of it.
    const double Doubt = 5;

    // What an image does not show cannot be what tells it from others: so many standard deviations are asked for.
    const double Shown = 2;

    // How much of the failing image a blend holds: from ordinary images to it, over where the model changes its mind.
    static readonly double[] Shares = [0.3, 0.5, 0.7];

    /// <summary>
    /// z_c − log Σ exp of the logits of the classes against it, <c>[N]</c>; in the caller's scope.
    /// </summary>
    /// <param name="logits"><c>[N,C]</c>.</param>
    /// <param name="label">c.</param>
    /// <param name="except">A class that is not counted among those against it; null for none.</param>
    public static Tensor For(Tensor logits, int label, int? except = null)
    {
        // Of two classes none would be left.
        long[] left = except is int other && logits.shape[1] > 2 ? [label, other] : [label];
        Tensor rest = logits.index_fill(1, tensor(left, device: logits.device), Held(float.NegativeInfinity));
        return logits.select(1, label) - rest.logsumexp(1);
    }

    /// <summary>
    /// The direction along which evidence grows over some images: its ridge regression on what the last FFN reads for
    /// them, <c>[D]</c>; in the caller's scope.
    /// </summary>
    /// <param name="queries">What the last FFN reads, <c>[N,D]</c>.</param>
    /// <param name="evidence"><c>[N]</c>.</param>
    public static Tensor Direction(Tensor queries, Tensor evidence)
    {
        Tensor centred = queries - queries.mean([0]);
        Tensor covariance = mm(centred.t(), centred) / Held(queries.shape[0]);
        Tensor damping = covariance.diagonal().mean() * Held(Damping);
        Tensor damped = covariance.Plus(eye(queries.shape[1], device: queries.device) * damping);
        Tensor moment = mv(centred.t(), evidence - evidence.mean()) / Held(queries.shape[0]);
        return solve(damped, moment.unsqueeze(1)).squeeze(1);
    }

    /// <summary>
    /// A direction scaled so that the failing image reads 1 along it from the mean of ordinary images, or less if it
    /// lies hardly further along it than they do; in the caller's scope.
    /// </summary>
    /// <param name="direction"><c>[D]</c>.</param>
    /// <param name="difference">The failing image's query minus the mean of ordinary ones, <c>[D]</c>.</param>
    /// <param name="queries">Those of ordinary images, <c>[N,D]</c>.</param>
    public static Tensor ToOne(Tensor direction, Tensor difference, Tensor queries)
    {
        Tensor usual = mv(queries, direction).std(false) * Held(Shown);
        return direction / direction.dot(difference).maximum(usual).clamp_min(Held(float.Epsilon));
    }

    /// <summary>
    /// Along which direction the evidence for the wrong class grows on the way from ordinary images to the failing one:
    /// over blends of each with it, just before the last FFN; <c>[D]</c>, in the caller's scope.
    /// </summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="ordinary">[CLS] of ordinary images before the last FFN's norm, <c>[N,D]</c>.</param>
    /// <param name="failing">That of the failing image, <c>[D]</c>.</param>
    /// <param name="wrong">The class that the model gives it.</param>
    public static Tensor Between(VitModel model, Tensor ordinary, Tensor failing, int wrong)
    {
        Tensor blends = cat([.. Shares.Select(share => (ordinary * Held(1 - share)).Plus(failing * Held(share)))], 0);
        Tensor evidence = For(Logits(model, blends), wrong).clamp(Held(-Doubt), Held(Doubt));
        return Direction(Read(model, blends), evidence);
    }

    /// <summary>What the last FFN reads of [CLS], <c>[N,D]</c>; in the caller's scope.</summary>
    /// <param name="model">The model.</param>
    /// <param name="residuals">[CLS] before that FFN's norm, <c>[N,D]</c>.</param>
    public static Tensor Read(VitModel model, Tensor residuals) =>
        model.Norm(residuals, model.TokenFfn.Norm2Weight, model.TokenFfn.Norm2Bias);

    /// <summary>What the model says of [CLS] before the last FFN's norm, <c>[N,C]</c>; in the caller's scope.</summary>
    public static Tensor Logits(VitModel model, Tensor residuals) =>
        model.ClassifyToken(residuals.Plus(model.FeedForward(model.TokenFfn, Read(model, residuals))));
}
