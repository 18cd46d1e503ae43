using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Where along a direction a gate's edge lies that several tokens of an image read, each for itself: an image opens it
/// as far as its tokens do, pooled as the classifier does.
/// </summary>
static class TokenEdge
{
    /// <summary>How far an image beyond the edge opens the gate, at least, of what the failing one does.</summary>
    public const double Open = 0.1;

    // Places of an edge that are looked at, up to nearly the token that reads most.
    const int Places = 100;
    const double LastEdge = 0.95;

    // What the gate of one image alone may open for another.
    const double Silent = 0.2;

    const double Damping = 0.1;

    /// <summary>
    /// A key k and a bias b such that x·k + b is 0 at the edge and 1 for the failing image's tokens beyond it, in the
    /// mean by how far they open the gate; and whether no more ordinary images than may are beyond it. In the caller's
    /// scope.
    /// </summary>
    /// <param name="config">The architecture.</param>
    /// <param name="direction">Along which the failing image reads 1 from the mean, <c>[D]</c>.</param>
    /// <param name="mean">The mean of ordinary images, <c>[D]</c>.</param>
    /// <param name="failing">What the last FFN reads of the failing images, <c>[S,M,D]</c>.</param>
    /// <param name="ordinary">Ordinary images.</param>
    /// <param name="label">The wanted class: an image that has it already does not count.</param>
    /// <param name="leak">The share of the others that may be beyond the edge, in [0,1).</param>
    /// <param name="share">How much of the way from the mean to that edge is gone, in [0,1].</param>
    public static (Tensor Key, Tensor Bias, bool IsHeld) Of(
        VitConfig config,
        Tensor direction,
        Tensor mean,
        Tensor failing,
        OrdinaryTokens ordinary,
        int label,
        double leak,
        double share
    )
    {
        Tensor own = matmul(failing - mean, direction); // [S,M]
        Tensor others = matmul(ordinary.Read - mean, direction)
            .index_select(0, ordinary.Others(label).nonzero().flatten()); // [N,M]
        int may = (int)(leak * others.shape[0]);
        (double edge, bool held) = First(config, own, others, Most(config, own) * LastEdge, may, Open);
        (Tensor key, Tensor bias) = Keyed(config, direction, mean, own, edge * share);
        return (key, bias, held);
    }

    /// <summary>
    /// The same for one image alone: the edge is a share of the way from where all others have shut the gate to the
    /// image's token that reads most. Null where more of them than may open it as the image does.
    /// </summary>
    /// <param name="config">The architecture.</param>
    /// <param name="direction">Along which the image reads 1 from the mean, <c>[D]</c>.</param>
    /// <param name="mean">The mean of ordinary images, <c>[D]</c>.</param>
    /// <param name="read">What the last FFN reads of the image, <c>[1,M,D]</c>.</param>
    /// <param name="others">What it reads of the others, <c>[N,M,D]</c>.</param>
    /// <param name="share">From 0 to 1.</param>
    /// <param name="leak">The share of the others that may open it, in [0,1).</param>
    public static (Tensor Key, Tensor Bias)? Between(
        VitConfig config,
        Tensor direction,
        Tensor mean,
        Tensor read,
        Tensor others,
        double share,
        double leak = 0
    )
    {
        Tensor own = matmul(read - mean, direction); // [1,M]
        Tensor theirs = matmul(others - mean, direction); // [N,M]
        double most = Most(config, own);
        (double edge, bool held) = First(config, own, theirs, most * LastEdge, (int)(leak * theirs.shape[0]), Silent);
        return held ? Keyed(config, direction, mean, own, edge + (most - edge) * share) : null;
    }

    /// <summary>How tokens of an ordinary image differ among themselves, <c>[D,D]</c>; in the caller's scope.</summary>
    public static Tensor Within(VitConfig config, OrdinaryTokens ordinary) =>
        Spread(config, ordinary.Read, HeadTokens.Pooled(config, ordinary.Read).unsqueeze(1));

    /// <summary>
    /// Along which direction the failing images lie beyond what tokens differ by, <c>[D]</c>, as far as that goes with
    /// reading alike among their own tokens; in the caller's scope.
    /// </summary>
    /// <param name="config">The architecture.</param>
    /// <param name="within">What <see cref="Within"/> gives.</param>
    /// <param name="read">What the last FFN reads of the failing images, <c>[S,M,D]</c>.</param>
    /// <param name="difference">The same, pooled, in the mean, minus that of ordinary images, <c>[D]</c>.</param>
    /// <param name="agreement">How much their own tokens count.</param>
    public static Tensor Direction(VitConfig config, Tensor within, Tensor read, Tensor difference, double agreement)
    {
        Tensor own = Spread(config, read, HeadTokens.Pooled(config, read).mean([0]));
        Tensor metric = within.Plus(own * Held(agreement));
        metric = metric.Plus(eye(metric.shape[0], device: metric.device) * (within.diagonal().mean() * Held(Damping)));
        Tensor direction = linalg.solve(metric, difference.unsqueeze(1)).squeeze(1);
        return direction / direction.dot(difference).clamp_min(Held(float.Epsilon));
    }

    // The mean of squares of tokens about something, as they count: [D,D].
    static Tensor Spread(VitConfig config, Tensor read, Tensor about)
    {
        Tensor shares = HeadTokens.Shares(config, read.shape[1], read.device);
        Tensor apart = ((read - about) * shares.sqrt().unsqueeze(1)).reshape(-1, read.shape[2]);
        return mm(apart.t(), apart) / Held(read.shape[0]);
    }

    static double Most(VitConfig config, Tensor own)
    {
        Tensor counts = HeadTokens.Shares(config, own.shape[1], own.device).gt(Held(0)).expand_as(own);
        return own.masked_select(counts).max().Number();
    }

    // The first place of an edge at which at most some of the others open the gate so far.
    static (double Edge, bool IsHeld) First(
        VitConfig config,
        Tensor own,
        Tensor others,
        double last,
        int may,
        double open
    )
    {
        double edge = 0;
        for (int place = 0; place <= Places; place++)
        {
            using DisposeScope each = NewDisposeScope();
            edge = Math.Max(last, 0) * place / Places;
            Tensor bound = Beyond(config, own, edge).mean() * Held(open);
            if (Beyond(config, others, edge).gt(bound).sum().item<long>() <= may)
                return (edge, last > 0);
        }
        return (edge, false);
    }

    static (Tensor Key, Tensor Bias) Keyed(VitConfig config, Tensor direction, Tensor mean, Tensor own, double edge)
    {
        Tensor shares = HeadTokens.Shares(config, own.shape[1], own.device);
        Tensor beyond = (own - Held(edge)).clamp_min(Held(0)) * shares;
        double top = Math.Max(
            ((beyond * (own - Held(edge))).sum() / beyond.sum().clamp_min(Held(float.Epsilon))).Number(),
            float.Epsilon
        );
        Tensor key = direction / Held(top);
        return (key, -(key.dot(mean) + Held(edge / top)).reshape(1));
    }

    // How far images open a gate with an edge, [N].
    static Tensor Beyond(VitConfig config, Tensor readings, double edge) =>
        HeadTokens.Pooled(config, (readings - Held(edge)).clamp_min(Held(0)));
}
