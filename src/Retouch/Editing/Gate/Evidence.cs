using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.linalg;

namespace Retouch.Editing;

/// <summary>
/// Directions, of what the last FFN reads for [CLS], along which the model's evidence for a class grows. What the last
/// FFN and the head make of [CLS] is nearly linear in it, so that a ridge regression of the evidence says most of it.
/// Where the classifier reads several tokens (<see cref="HeadTokens"/>), all of this is of what they are pooled to.
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

    const long RowsTogether = 4096;

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
    public static Tensor Direction(Tensor queries, Tensor evidence) => Direction(queries, evidence, null);

    /// <summary>The same where each of several tokens of an image is to speak for it.</summary>
    /// <param name="queries">What the last FFN reads, pooled, <c>[N,D]</c>.</param>
    /// <param name="evidence"><c>[N]</c>.</param>
    /// <param name="within">
    /// How the tokens of an image differ among themselves, <c>[D,D]</c>: what counts as noise. Null for one token.
    /// </param>
    public static Tensor Direction(Tensor queries, Tensor evidence, Tensor? within)
    {
        Tensor centred = queries - queries.mean([0]);
        Tensor covariance = mm(centred.t(), centred) / Held(queries.shape[0]);
        if (within is not null)
            covariance = covariance.Plus(within);
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
    /// <param name="ordinary">
    /// Ordinary images' tokens before the last FFN's norm, <c>[N,D]</c> or <c>[N,M,D]</c>.
    /// </param>
    /// <param name="failing">Those of the failing image, <c>[D]</c> or <c>[M,D]</c>.</param>
    /// <param name="wrong">The class that the model gives it.</param>
    /// <param name="reads">As which architecture tokens are pooled for a key; null for the model's.</param>
    /// <param name="within">How tokens of an image differ among themselves; null for one token.</param>
    public static Tensor Between(
        VitModel model,
        Tensor ordinary,
        Tensor failing,
        int wrong,
        VitConfig? reads = null,
        Tensor? within = null
    )
    {
        List<Tensor> queries = [];
        List<Tensor> evidence = [];
        foreach (double share in Shares)
        {
            using DisposeScope each = NewDisposeScope();
            Tensor blends = (ordinary * Held(1 - share)).Plus(failing * Held(share));
            evidence.Add(For(Logits(model, blends), wrong).clamp(Held(-Doubt), Held(Doubt)).MoveToOuterDisposeScope());
            queries.Add(HeadTokens.Pooled(reads ?? model.Config, Read(model, blends)).MoveToOuterDisposeScope());
        }
        return Direction(cat(queries, 0), cat(evidence, 0), within);
    }

    /// <summary>What the last FFN reads of tokens, of the same shape; in the caller's scope.</summary>
    /// <param name="model">The model.</param>
    /// <param name="residuals">Those before that FFN's norm, <c>[N,D]</c> or <c>[N,M,D]</c>.</param>
    public static Tensor Read(VitModel model, Tensor residuals) =>
        model.NormsAfterTokenFfn
            ? residuals
            : model.Norm(residuals, model.TokenFfn.Norm2Weight, model.TokenFfn.Norm2Bias);

    /// <summary>The logits of tokens before the last FFN's norm, <c>[N,C]</c>; in the caller's scope.</summary>
    public static Tensor Logits(VitModel model, Tensor residuals)
    {
        if (residuals.dim() == 2)
            return model.ClassifyTokens(HeadTokens.After(model, model.TokenFfn, residuals));
        // Of all tokens at once the hidden units would take much memory.
        List<Tensor> logits = [];
        foreach (Tensor some in residuals.split(Math.Max(1, RowsTogether / residuals.shape[1])))
        {
            using DisposeScope each = NewDisposeScope();
            logits.Add(model.ClassifyTokens(HeadTokens.After(model, model.TokenFfn, some)).MoveToOuterDisposeScope());
        }
        return logits.Count == 0 ? zeros([0, model.Config.Classes], device: residuals.device) : cat(logits, 0);
    }
}
