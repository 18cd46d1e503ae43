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

    // An image nearer than this, relative to its distance from the mean, is the same one.
    const double Same = 0.01;

    /// <summary>Makes the gate of an image; in the caller's scope.</summary>
    /// <param name="read">What the FFN reads of it, <c>[D]</c>.</param>
    /// <param name="after">[CLS] after the FFN and the gates that there are, <c>[D]</c>.</param>
    /// <param name="label">The class that it is to have.</param>
    /// <param name="others">What the FFN reads of images that are to stay as they are, <c>[N,D]</c>.</param>
    /// <returns>The gate, of one unit, or why there is none.</returns>
    public (GateUnits? Gate, string? Why) Make(Tensor read, Tensor after, int label, Tensor others)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor difference = read - ffn.Mean;
        Tensor key = mv(ffn.Precision, difference);
        key = key / key.dot(difference).clamp_min(Held(float.Epsilon));
        Tensor apart = (others - read).norm(1).gt(difference.norm() * Held(Same));
        others = others.index_select(0, apart.nonzero().flatten());
        double nearest = others.shape[0] == 0 ? 0 : mv(others - ffn.Mean, key).max().Number();
        if (!(nearest < LastEdge))
            return (null, "an image that should stay as it is looks the same to the last FFN");
        nearest = Math.Max(nearest, 0);
        double edge = nearest + (1 - nearest) * settings.Edge;
        key = key * Held(Drive / (1 - edge));
        Tensor bias = (-(key.dot(ffn.Mean)) - Held(Drive * edge / (1 - edge))).reshape(1);
        Tensor opening = ffn.Model.Activate(key.dot(read).reshape(1).Plus(bias)); // [1]
        if (Turn(after, label) is not Tensor move)
            return (null, "no value of the last FFN turns it");
        Tensor value = ffn.Unscaled((move / opening).unsqueeze(0)); // [1,D]
        return (
            new GateUnits(
                key.unsqueeze(0).MoveToOuterDisposeScope(),
                bias.MoveToOuterDisposeScope(),
                value.MoveToOuterDisposeScope()
            ),
            null
        );
    }

    // What has to be added to the token for the class to lead; null where nothing does.
    Tensor? Turn(Tensor after, int label)
    {
        SlopeWalk walk = SlopeWalk.From(
            zeros_like(after),
            move => Judge(after.Plus(move), label),
            gradient => gradient * (Held(StepLength) * after.norm() / gradient.norm().clamp_min(Held(float.Epsilon))),
            MostSteps
        );
        return walk.Arrived ? walk.Value : null;
    }

    SlopePoint Judge(Tensor token, int label)
    {
        Tensor leaf = token.detach().requires_grad_();
        using IDisposable grad = enable_grad();
        Tensor said = ffn.Logits(leaf.unsqueeze(0)); // [1,C]
        Tensor loss = -nn.functional.log_softmax(said, 1)[0, label];
        Tensor others = said.detach()[0]
            .index_fill(0, tensor([(long)label], device: said.device), Held(float.NegativeInfinity));
        bool leads = said.detach()[0, label].Number() >= others.max().Number() + Lead;
        return new SlopePoint(loss.item<float>(), leads, autograd.grad([loss], [leaf])[0]);
    }
}
