using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// A gate for one image alone: it opens half-way between that image and the nearest one that is known and wants another
/// class, and what it gives is just enough.
/// </summary>
sealed class OwnGates(LastFfn ffn, RepairSettings settings)
{
    const double Drive = 20;

    // An edge nearer to the image than this would make a unit of endless steepness.
    const double LastEdge = 0.95;

    // In logits: what rounding in a file or another program may take.
    const double Lead = 1;

    // A step's length on the token, relative to the token's.
    const double StepLength = 0.1;
    const int MostSteps = 200;

    // How much the tokens of the image are to agree on a key, beside those of ordinary images.
    const double Agreement = 0.1;

    // An image nearer than this, relative to its distance from the mean, is the same one.
    const double Same = 0.01;

    /// <summary>Makes the gate of an image; in the caller's scope.</summary>
    /// <param name="residuals">Its tokens before the FFN's norm, <c>[D]</c> or <c>[M,D]</c>.</param>
    /// <param name="gates">The gates that there are.</param>
    /// <param name="label">The class that it is to have.</param>
    /// <param name="others">
    /// What the FFN reads of images that are to stay as they are, <c>[N,D]</c> or <c>[N,M,D]</c>.
    /// </param>
    /// <returns>The gate, of one unit, or why there is none.</returns>
    public (GateUnits? Gate, string? Why) Make(Tensor residuals, GateUnits gates, int label, Tensor others)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor one = residuals.unsqueeze(0);
        Tensor read = ffn.Read(one);
        Tensor query = ffn.Pooled(read)[0];
        Tensor apart = (ffn.Pooled(others) - query).norm(1).gt((query - ffn.Mean).norm() * Held(Same));
        others = others.index_select(0, apart.nonzero().flatten());
        string why = "an image that should stay as it is looks the same to the last FFN";
        foreach ((Tensor Key, Tensor Bias)? found in Keys(read, others))
        {
            if (found is not var (key, bias))
                continue;
            (Tensor sum, Tensor opening) = ffn.With(read, gates, key, bias);
            // In the mean what is looked for is added.
            double mass = Math.Max(ffn.Pooled(opening).mean().Number(), float.Epsilon);
            if (Turn(one, sum, (opening / Held(mass)).unsqueeze(-1), label) is not Tensor move)
            {
                why = "no value of the last FFN turns it";
                continue;
            }
            Tensor value = ffn.Unscaled((move / Held(mass)).unsqueeze(0)); // [1,D]
            return (
                new GateUnits(
                    key.unsqueeze(0).MoveToOuterDisposeScope(),
                    bias.MoveToOuterDisposeScope(),
                    value.MoveToOuterDisposeScope()
                ),
                null
            );
        }
        return (null, why);
    }

    // By the token that the classifier reads; by all that it reads, where one does not do.
    IEnumerable<(Tensor Key, Tensor Bias)?> Keys(Tensor read, Tensor others)
    {
        VitConfig config = ffn.Model.Config;
        if (HeadTokens.AreOne(config))
            yield return OfToken(ffn.Pooled(read)[0] - ffn.Mean, ffn.Pooled(others));
        if (config.PoolsByAttention && settings.Leak > 0)
            yield return OfToken(ffn.Pooled(read)[0] - ffn.Mean, ffn.Pooled(others), settings.Leak);
        if (config.ReadsOneToken)
            yield break;
        VitConfig reads = HeadTokens.AreOne(config) ? HeadTokens.ByAll(config) : config;
        yield return OfTokens(reads, read, others, settings.Edge);
        // As many tokens as may be: too few may open the gate for any value to turn what all of them are pooled to.
        yield return OfTokens(reads, read, others, 0);
        // Where all that it reads is like that of some other image, those may open it, too.
        if (settings.Leak > 0)
            yield return OfTokens(reads, read, others, 0, settings.Leak);
    }

    (Tensor Key, Tensor Bias)? OfToken(Tensor difference, Tensor others, double leak = 0)
    {
        Tensor key = mv(ffn.Precision, difference);
        key = key / key.dot(difference).clamp_min(Held(float.Epsilon));
        long may = (long)(leak * others.shape[0]);
        double nearest = others.shape[0] == 0 ? 0 : mv(others - ffn.Mean, key).topk((int)may + 1).values[may].Number();
        if (!(nearest < LastEdge))
            return null;
        nearest = Math.Max(nearest, 0);
        double edge = nearest + (1 - nearest) * settings.Edge;
        key = key * Held(Drive / (1 - edge));
        return (key, (-(key.dot(ffn.Mean)) - Held(Drive * edge / (1 - edge))).reshape(1));
    }

    // A direction along which all tokens of the image read alike, as far as there is one.
    (Tensor Key, Tensor Bias)? OfTokens(VitConfig reads, Tensor read, Tensor others, double edge, double leak = 0)
    {
        Tensor queries = HeadTokens.Pooled(reads, ffn.Ordinary.Read);
        Tensor mean = queries.mean([0]);
        Tensor difference = HeadTokens.Pooled(reads, read)[0] - mean;
        Tensor between = mm((queries - mean).t(), queries - mean) / Held(queries.shape[0]);
        Tensor direction = TokenEdge.Direction(reads, ffn.Within!.Plus(between), read, difference, Agreement);
        return TokenEdge.Between(reads, direction, mean, read, others, edge, leak) is var (key, bias)
            ? (key * Held(Drive), bias * Held(Drive))
            : null;
    }

    // What has to be added to the tokens, as far as they open the gate, for the class to lead; null where nothing does.
    Tensor? Turn(Tensor residuals, Tensor sum, Tensor opening, int label)
    {
        double length = ffn.Length(residuals, sum).norm().Number();
        double most = double.NegativeInfinity;
        SlopeWalk walk = Walk(Lead);
        // Some heads never lead by so much: half of the most, then.
        if (!walk.Arrived && most > 0)
            walk = Walk(most / 2);
        return walk.Arrived ? walk.Value : null;

        SlopeWalk Walk(double wanted) =>
            SlopeWalk.From(
                zeros([residuals.shape[^1]], device: residuals.device),
                move =>
                {
                    (SlopePoint at, double lead) = Judge(residuals, sum, opening, move, label, wanted);
                    most = Math.Max(most, lead);
                    return at;
                },
                gradient => gradient * (Held(StepLength * length) / gradient.norm().clamp_min(Held(float.Epsilon))),
                MostSteps
            );
    }

    (SlopePoint At, double Lead) Judge(
        Tensor residuals,
        Tensor sum,
        Tensor opening,
        Tensor move,
        int label,
        double wanted
    )
    {
        Tensor leaf = move.detach().requires_grad_();
        using IDisposable grad = enable_grad();
        Tensor said = ffn.Logits(ffn.After(residuals, sum, opening * leaf)); // [1,C]
        Tensor loss = -nn.functional.log_softmax(said, 1)[0, label];
        Tensor others = said.detach()[0]
            .index_fill(0, tensor([(long)label], device: said.device), Held(float.NegativeInfinity));
        double lead = said.detach()[0, label].Number() - others.max().Number();
        return (new SlopePoint(loss.item<float>(), lead >= wanted, autograd.grad([loss], [leaf])[0]), lead);
    }
}
