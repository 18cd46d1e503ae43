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

    const double MostRaise = 512;
    const int Halvings = 9;

    /// <summary>Makes the gate of an image; in the caller's scope.</summary>
    /// <param name="read">What the FFN reads of it, <c>[D]</c>.</param>
    /// <param name="after">[CLS] after the FFN and the gates that there are, <c>[D]</c>.</param>
    /// <param name="label">The class that it is to have.</param>
    /// <param name="direction">That class's direction, <c>[D]</c>.</param>
    /// <param name="others">What the FFN reads of images that are to stay as they are, <c>[N,D]</c>.</param>
    /// <returns>The gate, of one unit, or why there is none.</returns>
    public (GateUnits? Gate, string? Why) Make(Tensor read, Tensor after, int label, Tensor direction, Tensor others)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor difference = read - ffn.Mean;
        Tensor key = mv(ffn.Precision, difference);
        key = key / key.dot(difference).clamp_min(Held(float.Epsilon));
        double nearest = others.shape[0] == 0 ? 0 : mv(others - ffn.Mean, key).max().Number();
        if (!(nearest < LastEdge))
            return (null, "an image that should stay as it is looks the same to the last FFN");
        nearest = Math.Max(nearest, 0);
        double edge = nearest + (1 - nearest) * settings.Edge;
        key = key * Held(Drive / (1 - edge));
        Tensor bias = (-(key.dot(ffn.Mean)) - Held(Drive * edge / (1 - edge))).reshape(1);
        Tensor opening = ffn.Model.Activate(key.dot(read).reshape(1).Plus(bias)); // [1]
        double raise = 1;
        while (raise < MostRaise && !Leads(raise))
            raise *= 2;
        if (!Leads(raise))
            return (null, "no value of the last FFN turns it");
        double least = raise / 2;
        for (int i = 0; i < Halvings; i++)
        {
            double between = (least + raise) / 2;
            if (Leads(between))
                raise = between;
            else
                least = between;
        }
        Tensor value = ffn.Unscaled((direction * (Held(raise) / opening)).unsqueeze(0)); // [1,D]
        return (
            new GateUnits(
                key.unsqueeze(0).MoveToOuterDisposeScope(),
                bias.MoveToOuterDisposeScope(),
                value.MoveToOuterDisposeScope()
            ),
            null
        );

        bool Leads(double by)
        {
            using DisposeScope each = NewDisposeScope();
            Tensor said = ffn.Logits(after.Plus(direction * Held(by)).unsqueeze(0))[0]; // [C]
            double own = said[label].Number();
            said[label] = tensor(float.NegativeInfinity);
            return own >= said.max().Number() + Lead;
        }
    }
}
